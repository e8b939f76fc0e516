"""The stamps header."""

import pytest

from fillwire.wire.headers import Stamps, parse_stamps


def test_stamps_are_three_integers() -> None:
    """The header is clock offset, parsed and published, in nanoseconds, with commas between them."""
    stamps = Stamps(clock_offset_ns=-1_250_000, parsed_ns=1_773_000_009_009_750_000, published_ns=2)
    assert stamps.encode() == "-1250000,1773000009009750000,2"
    assert parse_stamps(stamps.encode()) == stamps


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "1,2,x", "1,2,3.5", "1,,3", "1;2;3"])
def test_other_text_is_refused(text: str) -> None:
    """A header of another maker is refused, and shown."""
    with pytest.raises(
        ValueError, match="expected clock offset, parsed and published in nanoseconds, was "
    ) as caught:
        parse_stamps(text)
    assert repr(text) in str(caught.value)
