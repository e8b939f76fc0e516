"""Rows of Binance's records, of whatever product: what all of them have in common."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import orjson

from fillwire.domain.errors import VenueError
from fillwire.domain.ledger import OrderKey
from fillwire.venues.binance.refusals import http_error
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.unread import UnreadOrders
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


def read_orders(
    response: HttpResponse, read: Callable[[Row], OrderRow], unread: UnreadOrders
) -> list[OrderRow | None]:
    """Return the orders in an answer, None in the place of one that `read` cannot read; as `read_row`."""
    try:
        return unread.read_each(_document(unread.exchange, response, list), read)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _unreadable(unread.exchange, "orders", error) from error


def order_key(row: Row) -> OrderKey:
    """Return which order a row is of; raises `LookupError` or `TypeError`."""
    return text(row, "symbol"), identity(row, "orderId")


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
