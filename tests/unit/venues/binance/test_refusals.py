"""Refusals over REST; those of the socket are in the tests of the protocol."""

import pytest

from fillwire.domain.errors import AuthRejected, ConnectionLost, SubscriptionRejected, Throttled, VenueError
from fillwire.venues.binance.refusals import Refusal, http_error
from fillwire.venues.rest import HttpResponse


@pytest.mark.parametrize(
    ("response", "kind", "sentence"),
    [
        (
            HttpResponse(status=400, body=b'{"code":-1121,"msg":"Invalid symbol."}'),
            SubscriptionRejected,
            "binance: Invalid symbol (code -1121)",
        ),
        (
            HttpResponse(
                status=401, body=b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'
            ),
            AuthRejected,
            "binance: Invalid API-key, IP, or permissions for action (code -2015)",
        ),
        (
            HttpResponse(status=502, body=b"<html>bad gateway"),
            ConnectionLost,
            "binance: http status 502 (code 0)",
        ),
        (
            HttpResponse(status=429, body=b'{"code":-1003,"msg":"Too much."}', retry_after_s=7),
            Throttled,
            "binance: Too much (code -1003); retry after 7 s",
        ),
        (
            HttpResponse(
                status=429,
                body=b'{"code":-1034,"msg":"Too many.","data":{"serverTime":1773000000000,"retryAfter":1773000005000}}',
            ),
            Throttled,
            "binance: Too many (code -1034); retry after 5 s",
        ),
        (
            HttpResponse(status=429, body=b'{"code":-1003,"msg":"No.","data":{"retryAfter":1773000005000}}'),
            Throttled,
            "binance: No (code -1003); retry after 60 s",
        ),
        (
            HttpResponse(status=403, body=b""),
            Throttled,
            "binance: http status 403 (code 0); retry after 60 s",
        ),
        (
            HttpResponse(status=418, body=b"[]", retry_after_s=float("nan")),
            Throttled,
            "binance: http status 418 (code 0); retry after 60 s",
        ),
    ],
)
def test_a_status_says_what_is_to_be_done(
    response: HttpResponse, kind: type[VenueError], sentence: str
) -> None:
    """Each status of the venue's table has its error; `Retry-After` is kept, nonsense in it is not."""
    error = http_error("binance", response)
    assert type(error) is kind
    assert str(error) == sentence


@pytest.mark.parametrize("error", [None, "no", {}, {"code": "x", "msg": 5, "data": 7}])
def test_an_answer_that_refuses_without_reason_is_still_a_refusal(error: object) -> None:
    """What the venue did not say is not invented."""
    refusal = Refusal.of_answer(400, error)
    assert (refusal.code, refusal.text, refusal.retry_at_ms) == (0, "no reason given", None)
