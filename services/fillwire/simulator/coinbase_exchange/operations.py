"""What a request to REST is, and what an operation makes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fillwire.simulator.coinbase_exchange.venue import ExchangeVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.orders import Order


@dataclass(slots=True, kw_only=True)
class Request:
    """One request that limits and signatures have let in.

    Attributes:
        account: who has signed, None for a request that need not be signed.
        captures: what stands in the path for the operation's names in braces.
        query: parameters, the last of each name.
        statuses: all that stand for `status`, which may be sent several times.
        watch: ends an order at a time; takes order, time in microseconds and reason.
        events: what has happened, also where the request is refused afterwards.
    """

    venue: ExchangeVenue
    account: Account | None
    captures: Mapping[str, str]
    query: Mapping[str, str]
    statuses: Sequence[str]
    body: bytes
    watch: Callable[[Order, int, str], None]
    events: list[AccountEvent] = field(default_factory=list)

    @property
    def signer(self) -> Account:
        """Who has signed; only for operations that must be signed."""
        assert self.account is not None  # noqa: S101 - checked before the operation is called
        return self.account


@dataclass(slots=True)
class Answer:
    """What an operation answers, and what it has caused."""

    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[AccountEvent] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Attributes:
        name: by which faults mean it.
        path: with names in braces for what differs from request to request.
        is_signed: whether it must be signed.
        is_of_fills: whether it counts against the limit of questions for fills.
    """

    name: str
    verb: str
    path: str
    handler: Callable[[Request], Answer]
    is_signed: bool = True
    is_of_fills: bool = False
