"""What Alpaca's refusals mean."""

from typing import Any

import pytest

from fillwire.domain.enums import Reach
from fillwire.domain.errors import AuthRejected, ConnectionLost, OrderRejected, Throttled, VenueError
from fillwire.venues.alpaca.auth import Key
from fillwire.venues.alpaca.orders import AlpacaOrders
from fillwire.venues.alpaca.refusals import http_error, order_error
from fillwire.venues.rest import HttpResponse
from support.alpaca_venue import answer
from support.questions import asked


def throttled(**headers: Any) -> Throttled:
    """Return what 429 with these headers means."""
    error = http_error(answer({"code": 42910000, "message": "rate limit exceeded"}, 429, **headers))
    assert isinstance(error, Throttled)
    return error


def test_a_limit_says_when_it_ends() -> None:
    """The wait is from the venue's own clock to the end of its minute, and a second more."""
    error = throttled(x_ratelimit_reset="1780324260", date="Mon, 01 Jun 2026 14:30:40 GMT")
    assert (error.retry_after_s, error.reach) == (21.0, Reach.MACHINE)
    assert throttled(x_ratelimit_reset="1780324260").retry_after_s == 60.0
    assert throttled(server="a proxy").retry_after_s == 60.0
    assert throttled(x_ratelimit_reset="0", date="Mon, 01 Jun 2026 14:30:40 GMT").retry_after_s == 1.0


def test_a_refused_socket_waits_long_and_alone() -> None:
    """429 in place of the upgrade is about this account's other connection, not about the machine."""
    error = http_error(HttpResponse(status=429, body=b""))
    assert isinstance(error, Throttled)
    assert (error.retry_after_s, error.reach) == (30.0, Reach.REQUEST)
    assert "another one of this account" in str(error)
    for said_s, waited_s in ((5.0, 30.0), (90.0, 90.0), (float("inf"), 30.0)):
        error = http_error(HttpResponse(status=429, body=b"", retry_after_s=said_s))
        assert isinstance(error, Throttled)
        assert error.retry_after_s == waited_s


def test_a_refused_request_makes_the_machine_wait() -> None:
    """429 to a request that does not say when its minute ends: a minute, for all."""
    error = http_error(HttpResponse(status=429, body=b"", headers={"content-type": "text/html"}))
    assert isinstance(error, Throttled)
    assert (error.retry_after_s, error.reach) == (60.0, Reach.MACHINE)


@pytest.mark.parametrize(
    ("response", "is_refused"),
    [
        (answer({"code": 42210000, "message": "no"}, 422), True),
        (answer({"code": 40310000, "message": "insufficient buying power"}, 403), True),
        (answer({"message": "no"}, 422), False),
        (HttpResponse(status=408, body=b"<html>"), False),
        (HttpResponse(status=404, body=b"<html>"), False),
    ],
)
def test_only_the_venue_itself_refuses_an_order(response: HttpResponse, is_refused: bool) -> None:
    """What has no code of its own may come from in between: nobody knows what was done."""
    assert isinstance(order_error(response), OrderRejected) is is_refused
    if response.status == 404:
        with pytest.raises(VenueError):
            asked(AlpacaOrders(Key("key", "secret")).find("AAPL", None, "mine"), [response])


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_that_fails_may_do_better(status: int) -> None:
    """The next attempt follows."""
    assert isinstance(http_error(HttpResponse(status=status, body=b"")), ConnectionLost)


@pytest.mark.parametrize(
    "response", [answer({"message": "forbidden."}, 403), answer({"code": 40110000, "message": "no"}, 401)]
)
def test_a_refused_key_stops(response: HttpResponse) -> None:
    """Both forms that the venue has had."""
    assert isinstance(http_error(response), AuthRejected)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"<html>Access denied</html>", b"", b"[]"])
def test_a_page_of_what_stands_before_the_venue_says_nothing_of_the_key(status: int, body: bytes) -> None:
    """It passes; a key that counts as refused would stop the account until somebody replaces it."""
    assert isinstance(http_error(HttpResponse(status=status, body=body)), ConnectionLost)
