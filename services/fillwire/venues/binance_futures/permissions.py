"""What Binance USD-M Futures says that an account may do: `canTrade` in `GET /fapi/v1/accountConfig`.

Of the key it says nothing: what keys may do is asked of another host, which the account's configuration does not name.
"""

import orjson

from fillwire.domain.errors import VenueError
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.refusals import http_error
from fillwire.venues.binance_futures import requests
from fillwire.venues.binance_futures.endpoints import EXCHANGE
from fillwire.venues.permissions import Permissions
from fillwire.venues.questions import Question

_OK = 200
_NS_PER_MS = 1_000_000


def permissions(signer: Signer) -> Question[Permissions]:
    """Ask what the account may do."""
    response = yield lambda now_ns: requests.account_configuration(signer, now_ns // _NS_PER_MS)
    if response.status != _OK:
        raise http_error(EXCHANGE, response)
    try:
        may_trade = orjson.loads(response.body).get("canTrade")
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise VenueError(
            EXCHANGE, f"the answer to a question for permissions cannot be read: {error}"
        ) from error
    if may_trade is False:
        note = "canTrade is false: trading is disabled on the account"
        return Permissions(may_read=True, may_trade=False, notes=(note,))
    if may_trade is True:
        note = "the account may trade, whether its key may is not said"
        return Permissions(may_read=True, may_trade=None, notes=(note,))
    return Permissions(may_read=True, may_trade=None)
