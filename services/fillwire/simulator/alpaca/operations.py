"""What the REST API can be asked: routes, handlers, and how parameters are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fillwire.simulator.alpaca.amounts import read_units
from fillwire.simulator.alpaca.refusals import malformed, unprocessable
from fillwire.simulator.alpaca.times import parse_time
from fillwire.simulator.alpaca.venue import AlpacaVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of an account.

    Attributes:
        path: parts of the path by their names in the route.
        body: the JSON object that was sent; numbers are the text that was sent.
    """

    venue: AlpacaVenue
    account: Account
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return a parameter of the query, the first choice if it was not sent."""
        value = self.query.get(name, choices[0])
        if value not in choices:
            raise unprocessable(f"invalid {name}: {value}")
        return value

    def number(self, name: str, default: int, maximum: int) -> int:
        """Return a whole number of the query between 1 and a maximum."""
        text = self.query.get(name, str(default))
        if not text.isdecimal() or not 1 <= int(text) <= maximum:
            raise unprocessable(f"{name} must be between 1 and {maximum}")
        return int(text)

    def time_ns(self, name: str) -> int | None:
        """Return a time of the query in nanoseconds, None if it was not sent."""
        text = self.query.get(name)
        if not text:
            return None
        try:
            return parse_time(text)
        except ValueError:
            raise unprocessable(f"invalid {name}: {text}") from None

    def text(self, name: str) -> str | None:
        """Return a text of the body, None if it was not sent."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, str):
            raise malformed(f"invalid {name}")
        return value or None

    def units(self, name: str, body: Mapping[str, Any] | None = None) -> int:
        """Return an amount of the body in units, 0 if it was not sent."""
        value = (self.body if body is None else body).get(name)
        if value is None or value == "":
            return 0
        try:
            units = read_units(str(value))
        except ValueError:
            raise unprocessable(f"invalid {name}") from None
        if units == 0:
            raise unprocessable(f"{name} must be > 0")
        return units


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request leads to.

    Attributes:
        result: the body of the answer, None for no body.
        events: what accounts are told of it.
    """

    result: Any = None
    status: int = 200
    events: list[AccountEvent] = field(default_factory=list)


Handler = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the venue can be asked; `name` is how faults call it."""

    name: str
    verb: str
    path: str
    handler: Handler
