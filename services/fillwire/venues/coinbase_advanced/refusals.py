"""What refusals of Coinbase Advanced Trade mean, by the error of ours that says what is to be done."""

import math
from typing import Any

import orjson

from fillwire.domain.errors import (
    AuthRejected,
    ConnectionLost,
    OrderRejected,
    Throttled,
    VenueError,
)
from fillwire.venues.rest import HttpResponse

VENUE = "coinbase-advanced"
OK = 200
UNAUTHORIZED = 401
NOT_FOUND = 404
AUTHENTICATION_FAILURE = "authentication failure"
"""How an error frame begins that refuses a token."""

_FORBIDDEN = 403
_TOO_MANY = 429
_FIRST_SERVER_ERROR = 500
# Limits are counted by the second; who is cut off by the firewall waits longer.
_DEFAULT_WAIT_S = 1.0
_FIREWALL_WAIT_S = 60.0
_MAX_REASON_CHARS = 200


def http_error(response: HttpResponse) -> VenueError:
    """Return what a REST answer other than 200 means."""
    document, reason = _said(response)
    if response.status == _TOO_MANY:
        return Throttled(VENUE, reason, _wait_s(response))
    if response.status == UNAUTHORIZED:
        return AuthRejected(VENUE, reason)
    if response.status == _FORBIDDEN:
        # The venue itself answers in JSON; what does not is the firewall before it.
        return (
            AuthRejected(VENUE, reason)
            if document is not None
            else Throttled(VENUE, reason, _FIREWALL_WAIT_S)
        )
    if response.status >= _FIRST_SERVER_ERROR:
        return ConnectionLost(VENUE, reason)
    return VenueError(VENUE, reason)


def order_error(response: HttpResponse) -> VenueError:
    """Return what an answer other than 200 to an order or a cancellation means."""
    error = http_error(response)
    if isinstance(error, AuthRejected | Throttled | ConnectionLost):
        return error
    if error.reason == _unsaid(response):  # it is not the venue that refuses
        return VenueError(VENUE, f"nobody knows what was done: {error.reason}")
    return OrderRejected(VENUE, error.reason)


def _said(response: HttpResponse) -> tuple[dict[str, Any] | None, str]:
    """Return the document in an answer, None if there is none, and the venue's sentence."""
    try:
        document = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        return None, _unsaid(response)
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else document
    words = [first.get(name) for name in ("error", "id", "message")]
    said = [word for word in words if isinstance(word, str) and word]
    return document, ": ".join(dict.fromkeys(said))[:_MAX_REASON_CHARS] or _unsaid(response)


def _unsaid(response: HttpResponse) -> str:
    return f"http status {response.status}"


def _wait_s(response: HttpResponse) -> float:
    wait_s = response.retry_after_s
    if wait_s is None:
        reset = response.headers.get("x-ratelimit-reset", "")
        wait_s = float(reset) if reset.isascii() and reset.isdigit() else _DEFAULT_WAIT_S
    if not math.isfinite(wait_s):
        return _FIREWALL_WAIT_S
    return min(max(wait_s, _DEFAULT_WAIT_S), _FIREWALL_WAIT_S)
