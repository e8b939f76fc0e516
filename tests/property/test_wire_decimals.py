"""The text of an amount against the arithmetic of Python's own decimals."""

import re
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from fillwire.wire.decimals import decimal_text

CANONICAL = re.compile(r"(?!-0\Z)-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")

finite = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda value: abs(value.adjusted()) < 500
) | st.builds(Decimal.scaleb, st.integers(-(10**30), 10**30).map(Decimal), st.integers(-30, 30))


@given(finite)
def test_text_is_canonical_and_exact(value: Decimal) -> None:
    """Every finite number has a text in canonical form, and the text is that number, unrounded."""
    text = decimal_text(value)
    assert CANONICAL.fullmatch(text)
    assert Decimal(text) == value


@given(finite, finite)
def test_texts_are_equal_exactly_if_numbers_are(one: Decimal, other: Decimal) -> None:
    """Bytes may be compared where numbers are meant."""
    assert (decimal_text(one) == decimal_text(other)) == (one == other)


@given(finite, st.integers(0, 20))
def test_padding_does_not_matter(value: Decimal, places: int) -> None:
    """A number has one text, however many zeros it was written with."""
    sign, digits, exponent = value.as_tuple()
    assume(isinstance(exponent, int))
    assert isinstance(exponent, int)
    padded = Decimal((sign, digits + (0,) * places, exponent - places))
    assert decimal_text(padded) == decimal_text(value)


@given(finite)
def test_canonical_text_is_kept(value: Decimal) -> None:
    """What is canonical already comes back as it was."""
    text = decimal_text(value)
    assert decimal_text(Decimal(text)) == text
