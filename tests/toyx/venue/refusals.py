"""What ToyX's refusals mean."""

from http import HTTPStatus

import orjson

from fillwire.domain.errors import AuthRejected, ConnectionLost, OrderRejected, Throttled, VenueError
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_desk import ClientOrderIdTaken

VENUE = "toyx"
_WAIT_S = 1.0


def error(response: HttpResponse) -> VenueError:
    """Return what an answer other than 200 means."""
    text = _text(response)
    if response.status == HTTPStatus.UNAUTHORIZED:
        return AuthRejected(VENUE, text)
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(VENUE, text, response.retry_after_s or _WAIT_S)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ConnectionLost(VENUE, text)
    return VenueError(VENUE, text)


def order_error(response: HttpResponse) -> VenueError:
    """Return what an answer other than 200 to a request about an order means."""
    if response.status == HTTPStatus.CONFLICT:
        return ClientOrderIdTaken(VENUE, _text(response))
    if response.status in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_FOUND}:
        return OrderRejected(VENUE, _text(response))
    return error(response)


def _text(response: HttpResponse) -> str:
    try:
        said = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        said = None
    text = said.get("text") if isinstance(said, dict) else None
    return f"{text} (http status {response.status})" if text else f"http status {response.status}"
