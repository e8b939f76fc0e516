"""Order events with their amounts as text: what a row holds, read at a third of the price of exact numbers.

Only what is canonical is read so. Anything else goes by the decoder of all others, which says what is wrong with it, or writes it
canonically.
"""

import re
from dataclasses import fields
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from fillwire.domain.events import Fill, OrderEvent
from fillwire.wire.codec import decode_order, encode_order
from fillwire.wire.defects import VERSION

_CANONICAL = re.compile(r"(?:(?:-(?!0,))?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?,)*")


def _as_text(annotation: Any) -> Any:
    """Return the type of a field with amounts and words of closed sets as text."""
    if annotation is Decimal:
        return str
    if annotation is Fill:
        return _struct_of(Fill)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Literal[tuple(word.value for word in annotation)]
    if get_origin(annotation) in {Union, UnionType}:
        return Union[tuple(map(_as_text, get_args(annotation)))]  # noqa: UP007 - made at run time
    return annotation


def _struct_of(kind: type, *more: tuple[str, Any]) -> type[msgspec.Struct]:
    hints = get_type_hints(kind)
    members = [(entry.name, _as_text(hints[entry.name])) for entry in fields(kind)]
    return msgspec.defstruct(f"{kind.__name__}AsText", [*members, *more], kw_only=True, gc=False)


_decode = msgspec.json.Decoder(_struct_of(OrderEvent, ("v", Literal[VERSION]))).decode


def read_event(data: bytes) -> Any:
    """Return the order event in `data`: an object with the attributes of an `OrderEvent`, amounts as canonical text.

    Raises:
        DecodeError: as `fillwire.wire.codec.decode_order`.
    """
    event = _canonical(data)
    return _canonical(encode_order(decode_order(data))) if event is None else event


def _canonical(data: bytes) -> Any | None:
    try:
        event: Any = _decode(data)
    except (ValueError, RecursionError):
        return None
    amounts = [
        event.price,
        event.stop_price,
        event.quantity,
        event.quote_quantity,
        event.cumulative_quantity,
        event.cumulative_quote,
        event.average_price,
        event.prevented_quantity,
    ]
    fill = event.last_fill
    if fill is not None:
        amounts += (fill.price, fill.quantity, fill.quote, fill.fee)
    written = [amount for amount in amounts if amount is not None]
    text = "".join(f"{amount}," for amount in written)
    # All in one look; one that has a comma in it would pass for two.
    return event if text.count(",") == len(written) and _CANONICAL.fullmatch(text) else None
