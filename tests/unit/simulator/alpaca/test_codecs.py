"""What the account stream is written in: ULIDs, plain decimals and MessagePack."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.simulator.alpaca.amounts import average, plain, read_units
from fillwire.simulator.alpaca.message_pack import pack
from fillwire.simulator.alpaca.times import parse_time
from fillwire.simulator.alpaca.ulids import ulid
from fillwire.simulator.exchange.units import SCALE


def test_ulid_begins_with_its_millisecond() -> None:
    """The first ten characters are those of the recorded event of the same time; the rest is by chance."""
    at_ns = parse_time("2026-09-18T13:24:50.019303Z")
    first, second = ulid(at_ns, Random(1)), ulid(at_ns, Random(2))
    assert (first[:10], second[:10], len(first)) == ("01M2TB1W73", "01M2TB1W73", 26)
    assert first != second
    assert not set(first + second) & set("ILOUilou")


@given(st.integers(0, 10**19))
def test_amounts_have_no_trailing_zeros(units: int) -> None:
    """What is written means the same and is read back."""
    text = plain(units)
    assert Decimal(text) * SCALE == units
    assert read_units(text) == units
    assert "." not in text or text[-1] not in "0."
    assert plain(-units) == (f"-{text}" if units else "0")


@pytest.mark.parametrize(
    ("text", "units"), [("5e-3", 500_000), ("3E3", 3_000 * SCALE), ("0.10", SCALE // 10)]
)
def test_numbers_with_an_exponent_are_exact(text: str, units: int) -> None:
    """Clients write small numbers so."""
    assert read_units(text) == units


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "-1", "1e-9", "many", "1_000"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Negative, not finite, too precise, or no number at all."""
    with pytest.raises(ValueError, match="expected"):
        read_units(text)


def test_average_price_is_rounded_to_nine_decimals() -> None:
    """An exact average stays as it is; nothing executed has none."""
    assert average(quote=10 * SCALE, quantity=3 * SCALE) == "3.333333333"
    assert average(quote=20 * SCALE, quantity=3 * SCALE) == "6.666666667"
    assert (
        average(quote=int(Decimal("11.03901343") * SCALE), quantity=int(Decimal("129.7") * SCALE))
        == "0.0851119"
    )
    assert average(quote=0, quantity=0) is None


def test_only_what_json_knows_is_packed() -> None:
    """A binary float would not be exact."""
    with pytest.raises(TypeError, match="float"):
        pack({"qty": 0.1})
