"""Closed sets: their words, and which kinds end an order."""

from fillwire.domain.enums import Kind


def test_terminal_kinds() -> None:
    """An order ends by being filled, cancelled, expired or rejected, and by nothing else."""
    assert {kind for kind in Kind if kind.is_terminal} == {
        Kind.FILLED,
        Kind.CANCELLED,
        Kind.EXPIRED,
        Kind.REJECTED,
    }


def test_words_are_text() -> None:
    """A member is its word: in JSON, in a subject, in a comparison and in a sentence."""
    word: str = Kind.PARTIALLY_FILLED
    assert word == "partially_filled"
    assert f"{Kind.FILLED}" == "filled"
    assert Kind("new") is Kind.NEW
