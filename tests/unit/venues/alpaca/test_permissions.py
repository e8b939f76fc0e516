"""What Alpaca says that an account may do."""

import orjson
import pytest

from fillwire.domain.errors import AuthRejected, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.alpaca.venue import Alpaca
from fillwire.venues.permissions import Permissions, permissions_of
from fillwire.venues.rest import HttpResponse
from fillwire.venues.venue import VenueKey
from support.questions import asked

# The members of the venue's example that decide.
ACCOUNT = {
    "status": "ACTIVE",
    "crypto_status": "ACTIVE",
    "trading_blocked": False,
    "transfers_blocked": True,
    "account_blocked": False,
    "trade_suspended_by_user": False,
}


def _asked(response: HttpResponse) -> Permissions:
    venue = Alpaca()
    key = VenueKey(api_key="PKSYNTHETIC123456789", secret="synthetic+secret/of/forty+characters0000")
    account = venue.account(Account("alice", "alpaca", "live"), key, venue.endpoints("live", None, None))
    permissions, (request,) = asked(permissions_of(account), [response])
    assert request.target == "/v2/account"
    assert dict(request.headers)["APCA-API-KEY-ID"] == key.api_key
    return permissions


@pytest.mark.parametrize(
    ("changes", "may_trade", "notes"),
    [
        ({}, True, ()),
        ({"trading_blocked": True}, False, ("trading_blocked is true",)),
        (
            {"account_blocked": True, "trade_suspended_by_user": True},
            False,
            ("account_blocked is true", "trade_suspended_by_user is true"),
        ),
        ({"crypto_status": "INACTIVE"}, True, ("crypto_status, of crypto, is INACTIVE",)),
        ({"status": "ACCOUNT_UPDATED"}, True, ("status, of equities, is ACCOUNT_UPDATED",)),
        (
            {"status": "SUBMITTED", "crypto_status": "INACTIVE"},
            None,
            ("status, of equities, is SUBMITTED", "crypto_status, of crypto, is INACTIVE"),
        ),
    ],
)
def test_an_account_trades_unless_it_is_blocked(
    changes: dict[str, object], may_trade: bool | None, notes: tuple[str, ...]
) -> None:
    """Each of three flags stops all orders; a status that is not active concerns its own kind of instrument."""
    response = HttpResponse(status=200, body=orjson.dumps(ACCOUNT | changes))
    assert _asked(response) == Permissions(may_read=True, may_trade=may_trade, notes=notes)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (HttpResponse(status=403, body=b'{"message":"forbidden."}'), AuthRejected),
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
