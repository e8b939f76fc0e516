"""What Binance says that a key may do, from its two documents."""

import orjson
import pytest

from fillwire.domain.errors import AuthRejected, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.binance.venue import BinanceSpot
from fillwire.venues.permissions import UNSAID, Permissions, permissions_of
from fillwire.venues.rest import HttpResponse
from fillwire.venues.venue import VenueKey
from support.binance_keys import API_KEY, HMAC_SECRET
from support.questions import asked

# From the venue's documents: "Account information" and "Get API Key Permission".
ACCOUNT = {
    "makerCommission": 15,
    "canTrade": True,
    "canWithdraw": True,
    "permissions": ["SPOT"],
    "balances": [],
}
KEY = {
    "ipRestrict": True,
    "createTime": 1698645219000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableSpotAndMarginTrading": True,
}
NOT_FOUND = HttpResponse(status=404, body=b'{"code":-1000,"msg":"Path not found, or method not allowed."}')


def _answer(document: object) -> HttpResponse:
    return HttpResponse(status=200, body=orjson.dumps(document))


def _asked(*answers: HttpResponse) -> tuple[Permissions, list[str]]:
    venue = BinanceSpot()
    key = VenueKey(api_key=API_KEY, secret=HMAC_SECRET)
    account = venue.account(Account("alice", "binance", "live"), key, venue.endpoints("live", None, None))
    permissions, requests = asked(permissions_of(account), answers)
    assert all("signature=" in request.query for request in requests)
    return permissions, [request.path for request in requests]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Permissions(may_read=True, may_trade=True)),
        ({"enableSpotAndMarginTrading": False}, Permissions(may_read=True, may_trade=False)),
        ({"enableReading": "yes"}, Permissions(may_read=None, may_trade=True)),
        (
            {"enableWithdrawals": True, "ipRestrict": False},
            Permissions(
                may_read=True,
                may_trade=True,
                notes=(
                    "the key may withdraw, which Fillwire never does: it is safer without",
                    "the key may be used from any address",
                ),
            ),
        ),
    ],
)
def test_what_the_key_may_do_is_said_of_the_key(changes: dict[str, object], expected: Permissions) -> None:
    """The account may trade; its key's own restrictions are asked for and taken as they are."""
    permissions, paths = _asked(_answer(ACCOUNT), _answer(KEY | changes))
    assert permissions == expected
    assert paths == ["/api/v3/account", "/sapi/v1/account/apiRestrictions"]


def test_an_account_that_may_not_trade_has_no_key_that_may() -> None:
    """One question is enough."""
    permissions, paths = _asked(_answer(ACCOUNT | {"canTrade": False}))
    assert (permissions.may_read, permissions.may_trade) == (True, False)
    assert paths == ["/api/v3/account"]


def test_what_an_environment_does_not_say_is_not_said() -> None:
    """The test environments know no restrictions of keys: that the account may trade does not stand for its key."""
    permissions, _ = _asked(_answer(ACCOUNT), NOT_FOUND)
    assert (permissions.may_read, permissions.may_trade) == (True, None)
    assert permissions.notes == (
        "the account may trade, whether its key may is not said in this environment",
    )


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([HttpResponse(status=401, body=b'{"code":-2015,"msg":"Invalid API-key."}')], AuthRejected),
        ([_answer([])], VenueError),
        ([HttpResponse(status=200, body=b"{")], VenueError),
        ([_answer(ACCOUNT), HttpResponse(status=429, body=b"{}", retry_after_s=9.0)], Throttled),
        ([_answer(ACCOUNT), _answer("no")], VenueError),
    ],
)
def test_what_is_refused_or_cannot_be_read_is_no_permission(
    answers: list[HttpResponse], error: type[VenueError]
) -> None:
    """A refusal stays what it is."""
    with pytest.raises(error):
        _asked(*answers)


def test_an_account_whose_venue_cannot_be_asked_says_nothing() -> None:
    """Nothing is asked, and nothing taken for granted."""
    assert asked(permissions_of(object()), []) == (UNSAID, [])
