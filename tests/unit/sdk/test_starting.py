"""Where a bot begins that never ran, as people write it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.sdk.starting import checked_start, parse_start


def test_words_and_times_are_read() -> None:
    """Both words stand for themselves, a time keeps its zone."""
    assert parse_start("now") == "now"
    assert parse_start("beginning") == "beginning"
    assert parse_start("2026-01-31T08:00:00Z") == datetime(2026, 1, 31, 8, tzinfo=UTC)
    assert parse_start("2026-01-31T08:00:00+01:00") == datetime(
        2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=1))
    )


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ("all", "start_from is 'all': expected 'now', 'beginning' or a time with its zone"),
        (None, "start_from is None: expected 'now', 'beginning' or a time with its zone"),
        (datetime(2026, 1, 1), "names no time zone: expected one, such as"),  # noqa: DTZ001 - the mistake under test
    ],
)
def test_what_is_neither_is_refused(start: object, sentence: str) -> None:
    """The sentence says what was found and what was expected."""
    with pytest.raises(ConfigError, match=sentence):
        checked_start(start)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-01-31T25:00:00Z"])
def test_a_text_that_is_neither_is_refused(text: str) -> None:
    """A mistake on the command line is no traceback."""
    with pytest.raises(ConfigError, match="expected 'now', 'beginning' or a time"):
        parse_start(text)
