"""What the oracle of Alpaca reads beside plain fields: times of RFC 3339, objects and arrays of them."""

import re
from datetime import UTC, datetime

from support.binance_oracle_reader import Pairs, Reader, refuse

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


class AlpacaReader(Reader):
    """Typed access to an object of Alpaca: what `Reader` has, and times, objects and arrays of them."""

    def instant(self, key: str) -> int | None:
        """A time in nanoseconds; never mandatory."""
        text = self.text(key, is_mandatory=False)
        if text is None:
            return None
        try:
            return time_ns(text)
        except ValueError:
            return refuse("invalid_time")

    def object(self, key: str) -> "AlpacaReader":
        """A mandatory object."""
        value = self.document.get(key)
        if value is None:
            refuse("missing_field")
        if not isinstance(value, Pairs):
            refuse("wrong_type")
        return AlpacaReader(value)

    def objects(self, key: str) -> "list[AlpacaReader]":
        """The objects of an array; never mandatory."""
        if self.document.get(key) is None:
            return []
        elements = self.array(key)
        if any(not isinstance(element, Pairs) for element in elements):
            refuse("wrong_type")
        return [AlpacaReader(element) for element in elements]
