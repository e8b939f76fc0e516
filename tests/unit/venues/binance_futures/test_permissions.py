"""What Binance USD-M Futures says that an account may do."""

import orjson
import pytest

from fillwire.domain.errors import AuthRejected, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.binance_futures.venue import BinanceFutures
from fillwire.venues.permissions import Permissions, permissions_of
from fillwire.venues.rest import HttpResponse
from fillwire.venues.venue import VenueKey
from support.binance_keys import API_KEY, HMAC_SECRET
from support.questions import asked

# From the venue's document "Futures Account Configuration".
CONFIGURATION = {
    "feeTier": 0,
    "canTrade": True,
    "canDeposit": True,
    "canWithdraw": True,
    "dualSidePosition": True,
    "updateTime": 0,
    "multiAssetsMargin": False,
    "tradeGroupId": -1,
}


def _asked(response: HttpResponse) -> Permissions:
    venue = BinanceFutures()
    key = VenueKey(api_key=API_KEY, secret=HMAC_SECRET)
    account = venue.account(
        Account("alice", "binance-futures", "live"), key, venue.endpoints("live", None, None)
    )
    permissions, (request,) = asked(permissions_of(account), [response])
    assert request.path == "/fapi/v1/accountConfig"
    assert "signature=" in request.query
    return permissions


@pytest.mark.parametrize(
    ("can_trade", "may_trade", "note"),
    [
        (True, None, ("the account may trade, whether its key may is not said",)),
        (False, False, ("canTrade is false: trading is disabled on the account",)),
        (None, None, ()),
    ],
)
def test_what_is_said_of_the_account_is_not_said_of_its_key(
    can_trade: bool | None, may_trade: bool | None, note: tuple[str, ...]
) -> None:
    """An account that may not trade has no key that may; one that may trade says nothing of its keys."""
    response = HttpResponse(status=200, body=orjson.dumps(CONFIGURATION | {"canTrade": can_trade}))
    assert _asked(response) == Permissions(may_read=True, may_trade=may_trade, notes=note)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (HttpResponse(status=401, body=b'{"code":-2015,"msg":"Invalid API-key."}'), AuthRejected),
        (HttpResponse(status=200, body=b"[]"), VenueError),
        (HttpResponse(status=200, body=b"{"), VenueError),
    ],
)
def test_what_is_refused_or_cannot_be_read_is_no_permission(
    response: HttpResponse, error: type[VenueError]
) -> None:
    """A refusal stays what it is."""
    with pytest.raises(error):
        _asked(response)
