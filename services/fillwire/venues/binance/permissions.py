"""What Binance says that a key may do: the account's standing, and the key's own restrictions where they can be asked.

`canTrade` in `GET /api/v3/account` is about the account. What its key may do is said by
`GET /sapi/v1/account/apiRestrictions` (developers.binance.com, wallet, "Get API Key Permission"), which the test
environments do not have.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from fillwire.domain.errors import Throttled, VenueError
from fillwire.venues.binance import requests
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.refusals import http_error
from fillwire.venues.permissions import Permissions
from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpResponse

_OK = 200
_NS_PER_MS = 1_000_000


def permissions(signer: Signer) -> Question[Permissions]:
    """Ask what the key may do."""
    answer = yield lambda now_ns: requests.rest_account(signer, now_ns // _NS_PER_MS)
    account = _document(answer)
    is_open = _flag(account, "canTrade")
    if is_open is False:
        return Permissions(
            may_read=True, may_trade=False, notes=("canTrade is false: trading is disabled on the account",)
        )
    answer = yield lambda now_ns: requests.rest_key_restrictions(signer, now_ns // _NS_PER_MS)
    if answer.status != _OK:
        error = http_error("binance", answer)
        if isinstance(error, Throttled):
            raise error
        return Permissions(
            may_read=True,
            may_trade=None,
            notes=("the account may trade, whether its key may is not said in this environment",),
        )
    return _of_key(_document(answer))


def _of_key(key: Mapping[str, Any]) -> Permissions:
    notes = []
    if _flag(key, "enableWithdrawals"):
        notes.append("the key may withdraw, which Fillwire never does: it is safer without")
    if _flag(key, "ipRestrict") is False:
        notes.append("the key may be used from any address")
    return Permissions(
        may_read=_flag(key, "enableReading"),
        may_trade=_flag(key, "enableSpotAndMarginTrading"),
        notes=tuple(notes),
    )


def _document(response: HttpResponse) -> Mapping[str, Any]:
    if response.status != _OK:
        raise http_error("binance", response)
    try:
        document = orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise VenueError(
            "binance", f"the answer to a question for permissions cannot be read: {error}"
        ) from error
    if not isinstance(document, dict):
        raise VenueError(
            "binance", "the answer to a question for permissions cannot be read: expected an object"
        )
    return document


def _flag(document: Mapping[str, Any], name: str) -> bool | None:
    value = document.get(name)
    return value if isinstance(value, bool) else None
