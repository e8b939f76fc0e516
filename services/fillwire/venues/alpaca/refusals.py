"""What Alpaca's refusals mean: its statuses and codes, by the error of ours that says what is to be done."""

import math
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import orjson

from fillwire.domain.enums import Reach
from fillwire.domain.errors import AuthRejected, ConnectionLost, OrderRejected, Throttled, VenueError
from fillwire.venues.rest import HttpResponse

VENUE = "alpaca"
# Rate limits are counted by the minute.
_MINUTE_S = 60.0
# The venue keeps the place of a connection that broke for some 90 s, and refuses another one meanwhile.
_HANDSHAKE_WAIT_S = 30.0
_RESET, _DATE = "x-ratelimit-reset", "date"
# The first of an order that is refused for want of money, shares or permission; a key that is refused has no code.
_FORBIDDEN_ORDER = 40_310_000
_NO_CODE = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the venue that says no.

    Attributes:
        status: HTTP status.
        code: the venue's code, whose first three digits are mostly the status; 0 if it gave none.
        text: the venue's sentence.
        is_venues_own: whether the venue said it, and not a page of something that stands before it.
    """

    status: int
    code: int
    text: str
    is_venues_own: bool

    @classmethod
    def of(cls, response: HttpResponse) -> "Refusal":
        """Return the refusal in an answer."""
        try:
            document = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            document = None
        said = document if isinstance(document, dict) else {}
        code, message = said.get("code"), said.get("message")
        return cls(
            response.status,
            code if isinstance(code, int) else _NO_CODE,
            message if isinstance(message, str) and message else f"http status {response.status}",
            is_venues_own=isinstance(document, dict),
        )

    @property
    def is_of_key(self) -> bool:
        """Whether the key is what is refused."""
        is_forbidden = self.status == HTTPStatus.FORBIDDEN and self.code < _FORBIDDEN_ORDER
        return self.is_venues_own and (self.status == HTTPStatus.UNAUTHORIZED or is_forbidden)

    def __str__(self) -> str:
        """Return what the venue said, with its code."""
        said = self.text.removesuffix(".")
        return f"{said} (code {self.code})" if self.code else f"{said} (http status {self.status})"


def http_error(response: HttpResponse) -> VenueError:
    """Return what an answer other than 2xx means, to a request or to the opening of a socket."""
    refusal = Refusal.of(response)
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _throttled(refusal, response)
    if refusal.is_of_key:
        return AuthRejected(VENUE, str(refusal))
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR or not refusal.is_venues_own:
        # A page of something that stands before the venue says nothing of the key, and passes.
        return ConnectionLost(VENUE, str(refusal))
    return VenueError(VENUE, str(refusal))


def order_error(response: HttpResponse) -> VenueError:
    """Return what an answer other than 2xx to a request about an order means."""
    error = http_error(response)
    refusal = Refusal.of(response)
    if type(error) is not VenueError or refusal.code == _NO_CODE:  # without, it is not the venue that refuses
        return error
    return OrderRejected(VENUE, refusal.text, refusal.code or None)


def is_id_taken(response: HttpResponse) -> bool:
    """Return whether an order was refused because there is one of its client order id. Its code has differed."""
    refusal = Refusal.of(response)
    return (
        refusal.status in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST}
        and "client_order_id" in refusal.text
        and "unique" in refusal.text
    )


def _throttled(refusal: Refusal, response: HttpResponse) -> Throttled:
    """Return until when to wait; an answer without any header is that to the opening of a socket."""
    if not response.headers:
        reason = f"connection refused, as another one of this account is open or was a moment ago: {refusal}"
        return Throttled(
            VENUE, reason, max(_HANDSHAKE_WAIT_S, _finite(response.retry_after_s)), Reach.REQUEST
        )
    if response.retry_after_s is not None:
        return Throttled(VENUE, str(refusal), _finite(response.retry_after_s))
    try:
        now_s = parsedate_to_datetime(response.headers.get(_DATE, "")).timestamp()
        left_s = int(response.headers.get(_RESET, "")) - now_s + 1
    except ValueError:
        left_s = _MINUTE_S
    return Throttled(VENUE, str(refusal), min(max(left_s, 1.0), _MINUTE_S))


def _finite(seconds: float | None) -> float:
    return seconds if seconds is not None and math.isfinite(seconds) else 0.0
