"""What Coinbase Exchange's refusals mean: statuses and sentences, by the error of ours that says what is to be done."""

import math

import orjson

from fillwire.domain.enums import Reach
from fillwire.domain.errors import AuthRejected, ConnectionLost, OrderRejected, Throttled, VenueError
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_desk import TimeRefused

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_MANY = 400, 401, 403, 404, 429
_FIRST_SERVER_ERROR = 500
# The venue names no time; its buckets refill within two seconds.
_WAIT_S = 2.0
_EXPIRED = "timestamp expired"
_MAX_SENTENCE = 200


def sentence(response: HttpResponse) -> str:
    """Return what the venue said, without a full stop."""
    try:
        document = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        document = None
    said = document.get("message") if isinstance(document, dict) else None
    if not isinstance(said, str) or not said:
        return _unsaid(response)
    return said[:_MAX_SENTENCE].rstrip(".")


def is_time_refused(response: HttpResponse) -> bool:
    """Return whether the venue refused the time of the signature."""
    return response.status in {BAD_REQUEST, UNAUTHORIZED} and says_expired(sentence(response))


def says_expired(said: str) -> bool:
    """Return whether a sentence of the venue refuses the time of a signature."""
    return _EXPIRED in said.lower()


def http_error(venue: str, response: HttpResponse) -> VenueError:
    """Return what a REST answer other than 200 means."""
    said = sentence(response)
    if response.status == TOO_MANY:
        wait_s = response.retry_after_s
        return Throttled(
            venue, said, wait_s if wait_s is not None and math.isfinite(wait_s) else _WAIT_S, Reach.MACHINE
        )
    if is_time_refused(response):
        return ConnectionLost(venue, f"refused because of its time: set this machine's clock; {said}")
    if response.status == UNAUTHORIZED or (response.status == FORBIDDEN and not said.startswith("http ")):
        return AuthRejected(venue, said)
    if response.status >= _FIRST_SERVER_ERROR or response.status == FORBIDDEN:
        # The firewall's page is no JSON.
        return ConnectionLost(venue, said)
    return VenueError(venue, said)


def order_error(venue: str, response: HttpResponse) -> VenueError:
    """Return what an answer other than 200 to a request about an order means."""
    said = sentence(response)
    if is_time_refused(response):
        return TimeRefused(venue, f"its time is refused: set this machine's clock; {said}", response.status)
    if response.status in {BAD_REQUEST, NOT_FOUND} and said != _unsaid(response):
        return OrderRejected(venue, said, response.status)
    return http_error(venue, response)


def _unsaid(response: HttpResponse) -> str:
    return f"http status {response.status}"
