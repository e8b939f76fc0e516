"""One table of what the venue can be asked, for both APIs: name, REST route, security, weight, handler."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from fillwire.simulator.binance.parameters import Parameters
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.venue import BinanceVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent


class Security(Enum):
    """What a request must prove."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that has passed limits and security.

    Attributes:
        account: whose key it came with, None for public requests.
        divisor: from microseconds to the time unit of the answer.
        address: where it came from.
    """

    venue: BinanceVenue
    params: Parameters
    account: Account | None
    divisor: int
    address: str

    @property
    def signer(self) -> Account:
        """The account whose key it is; only for operations that need one."""
        if self.account is None:
            raise AssertionError("an operation that needs a key was called without an account")
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request leads to.

    Attributes:
        result: the result, None if `refusal` is given.
        events: what accounts are told of it.
        refusal: for an operation that has failed in part, so that there are events beside the error.
    """

    result: Any = None
    events: list[AccountEvent] = field(default_factory=list)
    refusal: Refusal | None = None


Handler = Callable[[Request], Answer]
Weight = Callable[[Parameters], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that the venue can be asked.

    Attributes:
        name: method of the WebSocket API.
        verb: HTTP method.
        path: REST path.
        is_free: whether it costs no weight when it succeeds.
        shows_orders: whether answers show the unfilled order count.
    """

    name: str
    verb: str
    path: str
    handler: Handler
    weight: Weight
    security: Security = Security.NONE
    is_free: bool = False
    shows_orders: bool = False


def fixed(weight: int) -> Weight:
    """Return a weight that does not depend on the parameters."""
    return lambda _params: weight
