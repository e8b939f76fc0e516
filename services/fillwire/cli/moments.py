"""Times as people write them on the command line."""

import re
import time
from datetime import datetime, timedelta

from fillwire.domain.errors import ConfigError

_AGE = re.compile(r"(\d{1,7})\s*(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: str, option: str) -> timedelta:
    """Return the span of time that a person wrote, such as `90s` or `24h`.

    Raises:
        ConfigError: it is none.
    """
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{option} is {text!r}: expected a span of time such as 90s, 30m, 24h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment_ns(text: str | None, option: str) -> int | None:
    """Return the time that a person wrote, in nanoseconds since the epoch; None for none.

    Raises:
        ConfigError: neither a time with its zone nor an age.
    """
    if text is None:
        return None
    age = _AGE.fullmatch(text.strip())
    if age is not None:
        return max(
            0, time.time_ns() - int(timedelta(**{_UNITS[age[2]]: int(age[1])}).total_seconds()) * 10**9
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigError(
            f"{option} is {text!r}: expected a time with its zone such as 2026-01-31T08:00:00+00:00, or an age such as 2h"
        )
    return max(0, round(moment.timestamp() * 1e6) * 1000)
