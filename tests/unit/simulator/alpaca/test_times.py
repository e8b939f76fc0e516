"""Times of the venue: RFC 3339 to the nanosecond, and New York's wall clock in the ids of activities."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.simulator.alpaca.times import (
    NEW_YORK_SUMMER,
    eastern,
    eastern_stamp,
    parse_time,
    read_eastern_stamp,
    rfc3339,
)

MOMENTS = st.integers(1_262_304_000 * 10**9, 2_208_988_800 * 10**9)  # 2010 to 2040
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("2026-09-18T13:24:50.019303395Z", 1_789_737_890_019_303_395),
        ("2026-09-18T13:24:50.0189533Z", 1_789_737_890_018_953_300),
        ("2026-12-16T21:00:00Z", 1_797_454_800_000_000_000),
    ],
)
def test_times_are_written_as_the_recording_shows_them(text: str, time_ns: int) -> None:
    """Up to nine digits, without trailing zeros, and none where there is no fraction."""
    assert rfc3339(time_ns) == text
    assert parse_time(text) == time_ns


def test_offsets_and_dates_are_read() -> None:
    """The documents show times of New York, clients send dates, and a plus may arrive as a blank."""
    assert parse_time("2022-04-19T13:45:04.981350886-04:00") == parse_time("2022-04-19T17:45:04.981350886Z")
    assert parse_time("2022-04-19T19:15:00 05:30") == parse_time("2022-04-19T13:45:00Z")
    assert parse_time("2022-04-19") == parse_time("2022-04-19T00:00:00Z")
    assert rfc3339(parse_time("2022-04-19T17:45:04.5Z"), NEW_YORK_SUMMER) == "2022-04-19T13:45:04.5-04:00"


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2022-04-19T13:45", "2022-13-19", "2022-04-19T13:45:04.5000000001Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Half a time, a month too many and a tenth digit are no times."""
    with pytest.raises(ValueError, match=r"expected an RFC 3339|must be in"):
        parse_time(text)


@given(MOMENTS)
def test_writing_and_reading_are_inverse(time_ns: int) -> None:
    """What is written is read back to the nanosecond."""
    assert parse_time(rfc3339(time_ns)) == time_ns


@given(MOMENTS)
def test_new_york_is_as_the_zone_database_says(time_ns: int) -> None:
    """Summer time begins and ends when it does."""
    ours = eastern(time_ns).replace(tzinfo=None, microsecond=0)
    assert ours == datetime.fromtimestamp(time_ns // 10**9, NEW_YORK).replace(tzinfo=None)


@given(MOMENTS)
def test_stamps_lead_back_to_their_millisecond(time_ns: int) -> None:
    """A stamp was shown at one time, or at two where the clock is put back."""
    assert time_ns - time_ns % 1_000_000 in read_eastern_stamp(eastern_stamp(time_ns))


def test_stamp_is_as_the_documents_show_it() -> None:
    """13:55 in New York is 18:55 in UTC in February; the hour that is shown twice is two times."""
    assert eastern_stamp(parse_time("2022-02-02T18:55:09.981482Z")) == "20220202135509981"
    twice = read_eastern_stamp("20261101013000000")
    assert [datetime.fromtimestamp(time_ns // 10**9, UTC).hour for time_ns in twice] == [5, 6]
    assert timedelta(microseconds=(twice[1] - twice[0]) // 1_000) == timedelta(hours=1)
