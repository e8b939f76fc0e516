"""The broker's times, as it writes them."""

import pytest

from fillwire.bus.lookup import parse_time_ns

SECOND_NS = 1_769_846_400 * 10**9


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("2026-01-31T08:00:00Z", SECOND_NS),
        ("2026-01-31T08:00:00.5Z", SECOND_NS + 500_000_000),
        ("2026-01-31T08:00:00.123456789Z", SECOND_NS + 123_456_789),
        ("2026-01-31T08:00:00.000000001Z", SECOND_NS + 1),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, time_ns: int) -> None:
    """The broker leaves trailing zeros out, and has more digits than a datetime."""
    assert parse_time_ns(text) == time_ns
