"""What Binance's refusals mean: its codes and statuses, by the error of ours that says what is to be done."""

import math
from dataclasses import dataclass
from typing import Any

import orjson

from fillwire.domain.enums import Reach
from fillwire.domain.errors import AuthRejected, ConnectionLost, SubscriptionRejected, Throttled, VenueError
from fillwire.venues.rest import HttpResponse

UNKNOWN_OUTCOME_TIMEOUT = -1007
CLOCK_OUTSIDE_WINDOW = -1021
ORDER_REFUSED = -2010
CANCEL_REFUSED = -2011
NO_SUCH_ORDER = -2013
ALREADY_SUBSCRIBED = -2035

_UNAUTHORIZED = 401
_FIRST_SERVER_ERROR = 500
# Nobody knows what became of a request that was answered so: the text of -1006 and -1007, and those around them.
_UNKNOWN_OUTCOME = frozenset({-1000, -1001, -1006, UNKNOWN_OUTCOME_TIMEOUT, -1008})
_AUTH = frozenset({-1002, -1022, -2014, -2015})
_THROTTLED = frozenset({-1003, -1008, -1015, -1034})
_THROTTLED_STATUS = frozenset({418, 429, 403})
_BANNED = 418
_REACH = {-1008: Reach.REQUEST, -1015: Reach.ACCOUNT, -1034: Reach.CONNECTING}
# The firewall and a full message bus name no time.
_DEFAULT_WAIT_S = 60.0
_USED_WEIGHT = "x-mbx-used-weight-1m"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer of the venue.

    Attributes:
        status: HTTP status, on the socket the one in the answer.
        code: the venue's code, such as -2010; 0 if it gave none.
        text: the venue's sentence.
        retry_at_ms: when the venue accepts requests again, by its clock; None if it did not say.
        server_time_ms: the venue's clock when it said so; None if it did not say.
    """

    status: int
    code: int
    text: str
    retry_at_ms: int | None = None
    server_time_ms: int | None = None

    @classmethod
    def of_answer(cls, status: int, error: Any) -> "Refusal":
        """Return the refusal in the `error` of an answer on the socket."""
        if not isinstance(error, dict):
            return cls(status, 0, "no reason given")
        code, text, data = error.get("code"), error.get("msg"), error.get("data")
        retry_at, server_time = (
            (data.get("retryAfter"), data.get("serverTime")) if isinstance(data, dict) else (None, None)
        )
        return cls(
            status,
            code if isinstance(code, int) else 0,
            text if isinstance(text, str) else "no reason given",
            retry_at if isinstance(retry_at, int) else None,
            server_time if isinstance(server_time, int) else None,
        )

    @property
    def asks_to_wait(self) -> bool:
        """Whether the venue wants no more requests for a while."""
        return self.code in _THROTTLED or self.status in _THROTTLED_STATUS

    def wait_s(self, venue_now_ms: int | None) -> float:
        """Return how long the venue wants us to wait, in seconds, from when it said so.

        Args:
            venue_now_ms: the venue's clock, None if the refusal itself must say it.
        """
        now_ms = self.server_time_ms if venue_now_ms is None else venue_now_ms
        if self.retry_at_ms is None or now_ms is None:
            return _DEFAULT_WAIT_S
        return max(0, self.retry_at_ms - now_ms) / 1e3

    @property
    def leaves_outcome_unknown(self) -> bool:
        """Whether the request may have been carried out all the same."""
        return self.code in _UNKNOWN_OUTCOME or self.status >= _FIRST_SERVER_ERROR

    def __str__(self) -> str:
        """Return what the venue said, with its code."""
        return f"{self.text.removesuffix('.')} (code {self.code})"


def connection_error(venue: str, refusal: Refusal, venue_now_ms: int | None) -> VenueError:
    """Return what a refusal to log on, to subscribe or to report the session's state means for the connection.

    Args:
        venue: exchange that refused.
        refusal: what it said.
        venue_now_ms: now by the venue's clock, for the time until it accepts requests again; None if it is not known.
    """
    if refusal.code in _AUTH or refusal.status == _UNAUTHORIZED:
        return AuthRejected(venue, str(refusal))
    if refusal.asks_to_wait:
        return throttled(venue, refusal, refusal.wait_s(venue_now_ms))
    if refusal.leaves_outcome_unknown or refusal.code == CLOCK_OUTSIDE_WINDOW:
        return ConnectionLost(venue, str(refusal))
    return SubscriptionRejected(venue, str(refusal))


def throttled(venue: str, refusal: Refusal, wait_s: float) -> Throttled:
    """Return what a refusal that asks to wait means; a ban concerns the machine, whatever its code."""
    reach = Reach.MACHINE if refusal.status == _BANNED else _REACH.get(refusal.code, Reach.MACHINE)
    return Throttled(venue, str(refusal), wait_s, reach)


def http_refusal(response: HttpResponse) -> Refusal:
    """Return the refusal in a REST answer other than 200."""
    try:
        document = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        document = None
    refusal = Refusal.of_answer(response.status, document)
    if refusal.code == 0:
        refusal = Refusal(response.status, 0, f"http status {response.status}")
    return refusal


def http_error(venue: str, response: HttpResponse) -> VenueError:
    """Return what a REST answer other than 200 means."""
    refusal = http_refusal(response)
    error = connection_error(venue, refusal, None)
    if isinstance(error, Throttled) and response.retry_after_s is not None:
        wait_s = response.retry_after_s if math.isfinite(response.retry_after_s) else _DEFAULT_WAIT_S
        return throttled(venue, refusal, max(0.0, wait_s))
    return error


def used_weight(response: HttpResponse) -> int | None:
    """Return what this machine has used of its weight in this minute, None if the answer does not say it."""
    used = response.headers.get(_USED_WEIGHT, "")
    return int(used) if used.isascii() and used.isdigit() else None
