"""The reader serves any dataclass of ours, not only today's."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import pytest

from fillwire.domain.errors import DecodeError
from fillwire.wire.reader import Reader


class Colour(StrEnum):
    """A closed set."""

    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A part with an amount."""

    size: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A document with two parts, and amounts that may be absent."""

    first: Leg
    second: Leg | None = None
    colour: Colour
    size: Decimal
    fee: Decimal | None = None


reader = Reader(Trade, "trade")


def test_parts_and_defaults_are_read() -> None:
    """Parts become their own class; what is absent has its default."""
    data = b'{"v":1,"first":{"size":"1"},"colour":"red","size":"3"}'
    assert reader.read(data) == Trade(first=Leg(size=Decimal(1)), colour=Colour.RED, size=Decimal(3))


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        (b'{"v":1,"first":{"size":"1e1"},"colour":"red","size":"3"}', "/first/size"),
        (b'{"v":1,"first":{"size":"1"},"second":{"size":"1e1"},"colour":"red","size":"3"}', "/second/size"),
        (b'{"v":1,"first":{"size":"1"},"second":{},"colour":"red","size":"3"}', "/second/size"),
        (b'{"v":1,"first":{"size":"1"},"second":{"size":null},"colour":"red","size":"3"}', "/second/size"),
        (b'{"v":1,"first":null,"colour":"red","size":"3"}', "/first"),
        (b'{"v":1,"first":{"size":"1"},"colour":"red","size":"3","fee":"+1"}', "/fee"),
        (b'{"v":1,"first":{"size":"1"},"colour":"red"}', "/size"),
    ],
)
def test_amounts_are_plain_wherever_they_stand(data: bytes, pointer: str) -> None:
    """No amount in the document or in a part of it escapes the check."""
    with pytest.raises(DecodeError, match=r"^cannot decode trade at ") as caught:
        reader.read(data)
    assert caught.value.pointer == pointer
