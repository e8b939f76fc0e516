"""Rows of Binance's records, of whatever product: what all of them have in common."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import orjson

from fillwire.domain.errors import VenueError
from fillwire.venues.binance.refusals import http_error
from fillwire.venues.rest import HttpResponse
from fillwire.wire.defects import AMOUNT_CHARACTERS

_OK = 200

Row = Mapping[str, Any]
T = TypeVar("T")


def read_row(venue: str, what: str, response: HttpResponse, read: Callable[[Row], T]) -> T:
    """Return what `read` makes of the object in an answer.

    Args:
        venue: name of the exchange, for errors.
        what: what was asked for, for errors.
        response: the answer.
        read: may raise what reading a document raises.

    Raises:
        VenueError: the venue refused, or answered something else.
    """
    try:
        return read(_document(venue, response, dict))
    except (ValueError, LookupError, TypeError) as error:
        raise _unreadable(venue, what, error) from error


def read_rows(venue: str, what: str, response: HttpResponse, read: Callable[[Row], T]) -> list[T]:
    """Return what `read` makes of each row in an answer; as `read_row`."""
    try:
        return [read(row) for row in _document(venue, response, list)]
    except (ValueError, LookupError, TypeError) as error:
        raise _unreadable(venue, what, error) from error


def _document(venue: str, response: HttpResponse, kind: type) -> Any:
    if response.status != _OK:
        raise http_error(venue, response)
    document = orjson.loads(response.body)
    if not isinstance(document, kind):
        raise TypeError(f"expected a {kind.__name__}, was {type(document).__name__}")
    return document


def _unreadable(venue: str, what: str, error: Exception) -> VenueError:
    return VenueError(
        venue, f"the answer to a question for {what} cannot be read: {type(error).__name__}: {error}"
    )


def text(row: Row, name: str) -> str:
    """Return a text; raises `LookupError` or `TypeError`."""
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a text, was {type(value).__name__}")
    return value


def identity(row: Row, name: str) -> str:
    """Return an id as text; raises `LookupError` or `TypeError`."""
    value = row[name]
    if not isinstance(value, int) or value < 0:
        raise TypeError(f"{name}: expected an id, was {value!r}")
    return str(value)


def amount(row: Row, name: str, default: str | None = None) -> Decimal:
    """Return an amount, or `default` if there is none; raises `ValueError`."""
    value = row.get(name, default)
    if not isinstance(value, str) or not value or value.strip(AMOUNT_CHARACTERS):
        raise ValueError(f"{name}: expected a decimal string, was {value!r}")
    try:
        return Decimal(value)
    except ArithmeticError as error:
        raise ValueError(f"{name}: expected a decimal string, was {value!r}") from error
