"""Parameters of a request: what is read, what is refused, and under which code."""

from collections.abc import Callable

import pytest

from fillwire.simulator.binance.parameters import Parameters, read_divisor, to_microseconds
from fillwire.simulator.binance.refusals import Refusal


def code_of(read: Callable[[], object]) -> int:
    """Return the code with which reading is refused."""
    with pytest.raises(Refusal) as caught:
        read()
    return caught.value.code


def test_values_are_read_by_type() -> None:
    """Text, integers, amounts, booleans and times; what was not sent has a default."""
    params = Parameters(
        {"symbol": "BTCUSDT", "orderId": "7", "price": "0.10", "flag": "TRUE", "startTime": "1700000000000"}
    )
    assert params.required("symbol") == "BTCUSDT"
    assert params.integer("orderId") == 7
    assert params.amount("price") == 10_000_000
    assert params.boolean("flag", default=False)
    assert params.time_us("startTime") == 1_700_000_000_000_000
    assert (params.amount("quantity"), params.integer("fromId"), params.limit()) == (0, None, 500)
    params.finish()


def test_mistakes_have_their_codes() -> None:
    """Missing -1102, empty -1105, not an integer -1100, too precise -1111, outside a set -1130."""
    params = Parameters({"empty": "", "word": "x", "fine": "0.123456789", "limit": "0"})
    assert code_of(lambda: params.required("absent")) == -1102
    assert code_of(lambda: params.required("empty")) == -1102
    assert code_of(lambda: params.optional("empty")) == -1105
    assert code_of(lambda: params.integer("word")) == -1100
    assert code_of(lambda: params.amount("word")) == -1100
    assert code_of(lambda: params.amount("fine")) == -1111
    assert code_of(lambda: params.boolean("word", default=True)) == -1130
    assert code_of(lambda: params.choice("word", ("a", "b"), "a")) == -1130
    assert code_of(params.limit) == -1130


def test_unread_parameters_are_counted() -> None:
    """The text names how many were read and how many were sent."""
    params = Parameters({"a": "1", "b": "2", "c": "3"})
    params.optional("a")
    with pytest.raises(Refusal) as caught:
        params.finish()
    assert caught.value.body() == {
        "code": -1104,
        "msg": "Not all sent parameters were read; read '1' parameter(s) but was sent '3'.",
    }


@pytest.mark.parametrize("text", ["a", "A-z_0.9:/", "x" * 36])
def test_client_ids_of_the_permitted_characters_pass(text: str) -> None:
    """Letters, digits and the documented signs, up to 36."""
    assert Parameters({"id": text}).client_id("id") == text


@pytest.mark.parametrize("text", ["a b", '"', "x" * 37, "\u00e9"])
def test_other_client_ids_are_refused(text: str) -> None:
    """Anything else is -1100."""
    assert code_of(lambda: Parameters({"id": text}).client_id("id")) == -1100


def test_time_units() -> None:
    """Milliseconds unless asked for microseconds, in capitals or not; sixteen digits are microseconds."""
    assert [read_divisor(unit) for unit in (None, "MILLISECOND", "microsecond")] == [1_000, 1_000, 1]
    assert code_of(lambda: read_divisor("SECOND")) == -1194
    assert to_microseconds(1_700_000_000_000) == to_microseconds(1_700_000_000_000_000)
