"""Times of RFC 3339 for the oracle, by the standard library."""

import re
from datetime import UTC, datetime

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_ns(text: str) -> int:
    """Return a time of RFC 3339 in nanoseconds since the epoch; a finer fraction is cut off.

    Raises:
        ValueError: it is no such time, or beyond 64 bits.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a time, was {text!r}")
    whole, fraction, zone = match.groups()
    since = datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone)) - _EPOCH
    time_ns = (since.days * 86_400 + since.seconds) * 10**9 + int((fraction or "").ljust(9, "0")[:9])
    if not -(2**63) <= time_ns < 2**63:
        raise ValueError(f"expected a time within 64 bits of nanoseconds, was {text!r}")
    return time_ns
