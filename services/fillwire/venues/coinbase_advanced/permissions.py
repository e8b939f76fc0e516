"""What Coinbase Advanced Trade says that a key may do: `GET /api/v3/brokerage/key_permissions`."""

from typing import Any

import orjson

from fillwire.domain.errors import VenueError
from fillwire.venues.coinbase_advanced import requests
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.refusals import OK, VENUE, http_error
from fillwire.venues.permissions import Permissions
from fillwire.venues.questions import Question


def permissions(signer: TokenSigner) -> Question[Permissions]:
    """Ask what the key may do."""
    response = yield requests.key_permissions(signer)
    if response.status != OK:
        raise http_error(response)
    try:
        key = orjson.loads(response.body)
        may_read, may_trade, may_transfer = (
            _flag(key, name) for name in ("can_view", "can_trade", "can_transfer")
        )
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise VenueError(
            VENUE, f"the answer to a question for permissions cannot be read: {error}"
        ) from error
    notes = ("the key may transfer, which Fillwire never does: it is safer without",) if may_transfer else ()
    return Permissions(may_read=may_read, may_trade=may_trade, notes=notes)


def _flag(document: Any, name: str) -> bool | None:
    value = document.get(name)
    return value if isinstance(value, bool) else None
