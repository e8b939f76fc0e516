"""What Alpaca says that an account may do: its keys have no permissions of their own.

`GET /v2/account` (docs.alpaca.markets, "Account" and "Accounts Statuses"): three flags that each stop all orders, and a
status for equities and one for crypto.
"""

import orjson

from fillwire.domain.errors import VenueError
from fillwire.venues.alpaca import requests
from fillwire.venues.alpaca.auth import Key
from fillwire.venues.alpaca.refusals import VENUE, http_error
from fillwire.venues.permissions import Permissions
from fillwire.venues.questions import Question

_OK = 200
_BLOCKS = ("account_blocked", "trading_blocked", "trade_suspended_by_user")
_STATUSES = {"status": "equities", "crypto_status": "crypto"}
_ACTIVE = "ACTIVE"


def permissions(key: Key) -> Question[Permissions]:
    """Ask what the account may do."""
    response = yield requests.ask(requests.account(key))
    if response.status != _OK:
        raise http_error(response)
    try:
        account = orjson.loads(response.body)
        blocks = [f"{name} is true" for name in _BLOCKS if account.get(name) is True]
        statuses = {name: account[name] for name in _STATUSES if name in account}
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise VenueError(
            VENUE, f"the answer to a question for the account cannot be read: {error}"
        ) from error
    if blocks:
        return Permissions(may_read=True, may_trade=False, notes=tuple(blocks))
    idle = tuple(
        f"{name}, of {_STATUSES[name]}, is {status}" for name, status in statuses.items() if status != _ACTIVE
    )
    is_active = _ACTIVE in statuses.values()
    return Permissions(may_read=True, may_trade=True if is_active else None, notes=idle)
