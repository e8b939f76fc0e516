"""The headers of a dead letter."""

from dataclasses import replace

import pytest

from fillwire.domain.errors import DecodeError
from fillwire.wire.dead_letters import DeadLetter, dead_letter_id, parse_dead_letter, replay_id

LETTER = DeadLetter(
    bot="grid-1",
    reason="division by zero",
    exception="ZeroDivisionError",
    callback="on_order_filled",
    attempts=5,
    event_id="binance:live:alice:BTCUSDT:1:2",
    original_subject="orders.alice.binance.live.BTC-USDT.filled",
    original_sequence=42,
)


def test_letter_is_read_back() -> None:
    """What a host says about an event that a bot could not handle is read back by the one who replays it."""
    assert parse_dead_letter(LETTER.headers()) == LETTER


def test_what_is_not_known_has_no_header() -> None:
    """A message that was never decoded has neither callback nor event id, and no header that says None."""
    letter = replace(LETTER, callback=None, event_id=None, attempts=0)
    assert "None" not in letter.headers().values()
    assert parse_dead_letter(letter.headers()) == letter


def test_reason_is_one_short_line() -> None:
    """The text of an exception may be anything; as a header it has one line and an end."""
    reason = parse_dead_letter(replace(LETTER, reason="first\r\nsecond\t" + "x" * 5000).headers()).reason
    assert reason.startswith("first second xxx")
    assert len(reason) == 1000


def test_id_names_the_delivery() -> None:
    """A bot that fails twice on one event leaves one letter, two bots that fail on it leave two."""
    letters = [
        dead_letter_id(durable, sequence, callback)
        for durable in ("alice==grid-1", "alice==grid-2")
        for sequence in (42, 43)
        for callback in ("on_fill", "on_order_filled", None)
    ]
    assert letters[0] == "alice==grid-1:42:on_fill"
    assert letters[2] == "alice==grid-1:42"
    assert len(set(letters)) == len(letters)
    assert len({replay_id(letter) for letter in letters}) == len(letters)
    assert not {replay_id(letter) for letter in letters} & set(letters)


@pytest.mark.parametrize(
    ("header", "value", "pointer"),
    [("Fillwire-Bot", None, "/Fillwire-Bot"), ("Fillwire-Original-Sequence", "many", "/")],
)
def test_other_letter_is_refused(header: str, value: str | None, pointer: str) -> None:
    """A letter of another maker, without a header or with one that is no number, is refused."""
    headers = LETTER.headers() | {header: value or ""}
    if value is None:
        del headers[header]
    with pytest.raises(DecodeError) as caught:
        parse_dead_letter(headers)
    assert caught.value.pointer == pointer
