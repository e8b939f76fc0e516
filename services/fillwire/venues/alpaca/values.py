"""Values in Alpaca's documents, read strictly: decimal strings, and times of RFC 3339."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fillwire.wire.defects import AMOUNT_CHARACTERS

Row = Mapping[str, Any]
"""One object of an answer."""

_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})")


def time_ns(value: object) -> int:
    """Return a time in nanoseconds since the epoch, exactly; what is finer is cut off.

    Raises:
        ValueError: it is no time of RFC 3339.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a time such as 2026-01-31T09:00:00.5Z, was {value!r}")
    whole, fraction, zone = match.groups()
    since = datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * _S + int((fraction or "0").ljust(9, "0")[:9])


def time_text(time_ns: int) -> str:
    """Return a time as the venue writes it, with all nine digits."""
    seconds, fraction = divmod(time_ns, _S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def amount(row: Row, name: str) -> Decimal:
    """Return a mandatory decimal string; raises `ValueError` if it is none."""
    value = optional_amount(row, name)
    if value is None:
        raise ValueError(f"{name}: expected a decimal string, was {row.get(name)!r}")
    return value


def optional_amount(row: Row, name: str) -> Decimal | None:
    """Return a decimal string, None if it is absent or null; raises `ValueError` if it is something else."""
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or value.strip(AMOUNT_CHARACTERS):
        raise ValueError(f"{name}: expected a decimal string, was {value!r}")
    try:
        return Decimal(value)
    except ArithmeticError as error:
        raise ValueError(f"{name}: expected a decimal string, was {value!r}") from error


def text(row: Row, name: str) -> str:
    """Return a mandatory text; raises `ValueError` if it is missing or empty."""
    value = optional_text(row, name)
    if value is None:
        raise ValueError(f"{name}: expected a text, was {row.get(name)!r}")
    return value


def optional_text(row: Row, name: str) -> str | None:
    """Return a text, None if it is absent, null or empty; raises `ValueError` if it is something else."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name}: expected a text, was {value!r}")
    return value or None
