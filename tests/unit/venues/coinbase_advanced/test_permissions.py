"""What Coinbase Advanced Trade says that a key may do."""

import orjson
import pytest

from fillwire.domain.errors import AuthRejected, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.coinbase_advanced.venue import CoinbaseAdvanced
from fillwire.venues.permissions import Permissions, permissions_of
from fillwire.venues.rest import HttpResponse
from fillwire.venues.venue import VenueKey
from support.coinbase_keys import ES256_KEY_NAME, ES256_PEM
from support.questions import asked

KEY = {
    "can_view": True,
    "can_trade": True,
    "can_transfer": False,
    "portfolio_uuid": "11111111-2222-3333-4444-555555555555",
    "portfolio_type": "DEFAULT",
}


def _asked(response: HttpResponse) -> Permissions:
    venue = CoinbaseAdvanced()
    key = VenueKey(api_key=ES256_KEY_NAME, secret=ES256_PEM)
    account = venue.account(
        Account("alice", "coinbase-advanced", "live"), key, venue.endpoints("live", None, None)
    )
    permissions, (request,) = asked(permissions_of(account), [response])
    assert request.target == "/api/v3/brokerage/key_permissions"
    assert dict(request.headers)["Authorization"].startswith("Bearer ")
    return permissions


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Permissions(may_read=True, may_trade=True)),
        ({"can_trade": False}, Permissions(may_read=True, may_trade=False)),
        ({"can_view": False, "can_trade": None}, Permissions(may_read=False, may_trade=None)),
        (
            {"can_transfer": True},
            Permissions(
                may_read=True,
                may_trade=True,
                notes=("the key may transfer, which Fillwire never does: it is safer without",),
            ),
        ),
    ],
)
def test_what_the_key_may_do_is_taken_as_it_is_said(
    changes: dict[str, object], expected: Permissions
) -> None:
    """What is no truth value is not said; a key that may move money is pointed out."""
    assert _asked(HttpResponse(status=200, body=orjson.dumps(KEY | changes))) == expected


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (HttpResponse(status=401, body=b"Unauthorized"), AuthRejected),
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
