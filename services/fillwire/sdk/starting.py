"""Where a bot begins that never ran: with what happens from now on, with all that the log holds, or at a time."""

from datetime import datetime
from typing import Literal, TypeAlias

from fillwire.domain.errors import ConfigError

StartFrom: TypeAlias = Literal["now", "beginning"] | datetime

EXPECTED = "expected 'now', 'beginning' or a time with its zone such as 2026-01-31T08:00:00+00:00"
_WORDS = frozenset({"now", "beginning"})


def checked_start(start_from: object) -> StartFrom:
    """Return `start_from` if a bot may begin there.

    Raises:
        ConfigError: it is neither word nor time, or a time that names no zone.
    """
    if isinstance(start_from, datetime):
        if start_from.tzinfo is None:
            raise ConfigError(
                f"start_from is {start_from.isoformat()}, which names no time zone: expected one, such as +00:00"
            )
        return start_from
    if start_from == "now":
        return "now"
    if start_from == "beginning":
        return "beginning"
    raise ConfigError(f"start_from is {start_from!r}: {EXPECTED}")


def parse_start(text: str) -> StartFrom:
    """Return what the command line says.

    Raises:
        ConfigError: as `checked_start`.
    """
    try:
        return checked_start(text if text in _WORDS else datetime.fromisoformat(text))
    except ValueError:
        raise ConfigError(f"start_from is {text!r}: {EXPECTED}") from None
