"""What a request to REST is, and what an operation makes of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fillwire.simulator.coinbase_advanced.refusals import invalid_argument
from fillwire.simulator.coinbase_advanced.venue import AdvancedVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.texts import read_rfc3339_us

MAX_LIMIT = 1_000


@dataclass(slots=True, kw_only=True)
class Request:
    """One request that limits and tokens have let in.

    Attributes:
        account: who has signed, None for a request that need not be signed.
        captures: what stands in the path for the operation's names in braces.
        pairs: parameters of the query, of which some may be sent several times.
        watch: ends an order at a time; takes order, time in microseconds and reason.
        events: what has happened, also where the request is refused afterwards.
    """

    venue: AdvancedVenue
    account: Account | None
    captures: Mapping[str, str]
    pairs: Sequence[tuple[str, str]]
    body: bytes
    watch: Callable[[Order, int, str], None]
    events: list[AccountEvent] = field(default_factory=list)

    @property
    def signer(self) -> Account:
        """Who has signed; only for operations that must be signed."""
        assert self.account is not None  # noqa: S101 - checked before the operation is called
        return self.account

    def document(self) -> dict[str, Any]:
        """Return the JSON object that was sent.

        Raises:
            Refusal: it is none.
        """
        try:
            document = json.loads(self.body)
        except ValueError:
            raise invalid_argument("the body is not JSON") from None
        if not isinstance(document, dict):
            raise invalid_argument("the body is no object")
        return document

    def values(self, name: str) -> frozenset[str]:
        """Return all values of a parameter that may be sent several times."""
        return frozenset(value for found, value in self.pairs if found == name)

    def value(self, name: str) -> str | None:
        """Return a parameter, None if it was not sent."""
        return dict(self.pairs).get(name)

    def limit(self, default: int) -> int:
        """Return how many rows are asked for.

        Raises:
            Refusal: the number is none that the venue takes.
        """
        text = self.value("limit") or str(default)
        if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
            raise invalid_argument(f"limit must be between 1 and {MAX_LIMIT}")
        return int(text)

    def cursor(self) -> int | None:
        """Return the position behind which a page begins, None for the first page.

        Raises:
            Refusal: it is none of the venue's.
        """
        text = self.value("cursor")
        if not text:
            return None
        if not text.isdecimal():
            raise invalid_argument("invalid cursor")
        return int(text)

    def time_us(self, name: str) -> int | None:
        """Return a time in microseconds, None if it was not sent.

        Raises:
            Refusal: it is no time by RFC 3339.
        """
        text = self.value(name)
        try:
            return read_rfc3339_us(text) if text else None
        except ValueError:
            raise invalid_argument(f"{name} must be a time by RFC 3339") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Attributes:
        name: by which faults mean it.
        path: with names in braces for what differs from request to request.
        handler: returns the document of the answer.
        is_signed: whether it must be signed.
    """

    name: str
    verb: str
    path: str
    handler: Callable[[Request], Any]
    is_signed: bool = True
