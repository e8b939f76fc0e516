"""Times as the venue writes and reads them: RFC 3339 in UTC, and US Eastern time in the ids of activities."""

import re
from datetime import UTC, date, datetime, timedelta

SECOND_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:\d\d)?)?")
_STANDARD, NEW_YORK_SUMMER = timedelta(hours=-5), timedelta(hours=-4)


def rfc3339(time_ns: int, offset: timedelta = timedelta()) -> str:
    """Return a time with as many digits of the second as it has, as the venue writes it; in UTC unless said."""
    seconds, fraction = divmod(time_ns, SECOND_NS)
    moment = _EPOCH + timedelta(seconds=seconds) + offset
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    if not offset:
        return f"{moment:%Y-%m-%dT%H:%M:%S}{digits}Z"
    hours = abs(offset) // timedelta(hours=1)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{digits}{'-' if offset < timedelta() else '+'}{hours:02d}:00"


def parse_time(text: str) -> int:
    """Return nanoseconds since the epoch of an RFC 3339 time or a date; without an offset it is UTC.

    Raises:
        ValueError: it is neither.
    """
    match = _TIME.fullmatch(text.replace(" ", "+"))  # an unescaped plus of an offset arrives as a blank
    if match is None:
        raise ValueError(f"expected an RFC 3339 time or a date, found {text!r}")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
    )
    if zone not in {None, "Z", "z"}:
        sign = -1 if zone[0] == "-" else 1
        moment -= sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return (moment - _EPOCH) // timedelta(seconds=1) * SECOND_NS + int((fraction or "0").ljust(9, "0"))


def _sunday(year: int, month: int, number: int) -> date:
    """Return the so many-th Sunday of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


def eastern_offset(moment: datetime) -> timedelta:
    """Return US Eastern time minus UTC: summer time is from the second Sunday of March to the first of November, 2:00."""
    year = moment.year
    begin = datetime.combine(_sunday(year, 3, 2), datetime.min.time(), UTC) + timedelta(hours=7)
    end = datetime.combine(_sunday(year, 11, 1), datetime.min.time(), UTC) + timedelta(hours=6)
    return NEW_YORK_SUMMER if begin <= moment < end else _STANDARD


def eastern(time_ns: int) -> datetime:
    """Return the wall clock of New York at a time."""
    moment = _EPOCH + timedelta(microseconds=time_ns // 1_000)
    return moment + eastern_offset(moment)


def eastern_stamp(time_ns: int) -> str:
    """Return a time as the beginning of an activity's id: `YYYYMMDDHHMMSSmmm` in US Eastern time."""
    moment = eastern(time_ns)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1_000:03d}"


def read_eastern_stamp(stamp: str) -> list[int]:
    """Return the nanoseconds at which New York's clock showed the stamp: one, two in the hour that it shows twice.

    Raises:
        ValueError: it is no stamp of a time.
    """
    moment = datetime.strptime(stamp[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    times = ((moment - offset, offset) for offset in (NEW_YORK_SUMMER, _STANDARD))
    return [
        (time - _EPOCH) // timedelta(seconds=1) * SECOND_NS + int(stamp[14:17]) * 1_000_000
        for time, offset in times
        if eastern_offset(time) == offset
    ]
