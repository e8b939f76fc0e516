"""Parameters of one request: read by name and type, refused with the venue's codes."""

import re
from collections.abc import Collection, Mapping

from fillwire.simulator.binance import refusals
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.exchange.clock import MICROSECONDS, MILLISECONDS
from fillwire.simulator.exchange.units import TooPrecise, parse_units

CLIENT_ID = re.compile(r"[a-zA-Z0-9-_.:/]{1,36}")
_DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = re.compile(r"-?[0-9]{1,19}")


class Parameters:
    """Parameters of one request, each as the text that was sent. Remembers which were read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self._read: set[str] = set()

    def optional(self, name: str) -> str | None:
        """Return a parameter, None if it was not sent. Refuses an empty one."""
        value = self.values.get(name)
        if value is None:
            return None
        self._read.add(name)
        if value == "":
            raise Refusal(-1105, f"Parameter '{name}' was empty.")
        return value

    def required(self, name: str) -> str:
        """Return a parameter; refuses a request without it."""
        value = self.values.get(name)
        if value is None or value == "":
            raise refusals.missing(name)
        self._read.add(name)
        return value

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """Return an optional parameter that must be one of a set."""
        value = self.optional(name)
        if value is None:
            return default
        if value not in choices:
            raise refusals.invalid(name)
        return value

    def integer(self, name: str) -> int | None:
        """Return an optional integer."""
        value = self.optional(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise Refusal(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
            )
        return int(value)

    def limit(self, default: int = 500, maximum: int = 1_000) -> int:
        """Return `limit`, at most `maximum`."""
        value = self.integer("limit")
        if value is None:
            return default
        if value <= 0:
            raise refusals.invalid("limit")
        return min(value, maximum)

    def time_us(self, name: str) -> int | None:
        """Return an optional time in microseconds; milliseconds are recognised by their magnitude."""
        value = self.integer(name)
        return None if value is None else to_microseconds(value)

    def amount(self, name: str) -> int:
        """Return an optional amount in units, 0 if it was not sent."""
        value = self.optional(name)
        if value is None:
            return 0
        try:
            return parse_units(value)
        except TooPrecise:
            raise Refusal(-1111, f"Parameter '{name}' has too much precision.") from None
        except ValueError:
            raise Refusal(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '{_DECIMAL_RANGE}'."
            ) from None

    def client_id(self, name: str) -> str | None:
        """Return an optional client order id."""
        value = self.optional(name)
        if value is not None and not CLIENT_ID.fullmatch(value):
            raise Refusal(
                -1100,
                f"Illegal characters found in parameter '{name}'; legal range is '^{CLIENT_ID.pattern}$'.",
            )
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return an optional boolean."""
        value = self.optional(name)
        if value is None:
            return default
        if value.lower() not in {"true", "false"}:
            raise refusals.invalid(name)
        return value.lower() == "true"

    def has(self, name: str) -> bool:
        """Return whether the parameter was sent."""
        return name in self.values

    def finish(self) -> None:
        """Refuse the request if it holds a parameter that nobody has read."""
        if len(self._read) != len(self.values):
            raise Refusal(
                -1104,
                f"Not all sent parameters were read; read '{len(self._read)}' parameter(s) "
                f"but was sent '{len(self.values)}'.",
            )


_FIRST_MICROSECOND_TIME = 10**15


def to_microseconds(value: int) -> int:
    """Return a time sent in milliseconds or microseconds as microseconds."""
    return value if value >= _FIRST_MICROSECOND_TIME else value * 1_000


def read_divisor(time_unit: str | None) -> int:
    """Return the divisor from microseconds to the time unit that a client asks for, milliseconds if it asks for none."""
    units = {"MILLISECOND": MILLISECONDS, "MICROSECOND": MICROSECONDS}
    divisor = units.get("MILLISECOND" if time_unit is None else time_unit.upper())
    if divisor is None:
        raise Refusal(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    return divisor
