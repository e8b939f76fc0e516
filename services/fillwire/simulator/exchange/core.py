"""What both APIs and the control API share: the venue, the table of operations, faults, publisher, connections."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fillwire.simulator.binance import order_lists, other_products, public, queries, trading
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.faults import Faults
from fillwire.simulator.binance.operations import Answer, Operation, Request
from fillwire.simulator.exchange.publisher import Publisher
from fillwire.simulator.binance.refusals import BANNED, Refusal
from fillwire.simulator.exchange.venue import Venue

if TYPE_CHECKING:
    from fillwire.simulator.exchange.connections import Connection

_TO_WAIT = frozenset({429, BANNED})
_HANDSHAKES = 1000


class Core:
    """The venue and all that stands between it and its clients.

    Attributes:
        operations: every operation by its method name.
        routes: every operation by HTTP method and path.
        connections: open WebSocket connections.
        answered: answers by API and status, such as `rest 429`.
        handshakes: the last attempts to connect: when, in microseconds, and the status of the answer.
    """

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.faults = Faults(venue.random)
        self.publisher = Publisher(venue.clock)
        self.connections: set[Connection] = set()
        self.answered: Counter[str] = Counter()
        self.handshakes: deque[tuple[int, int]] = deque(maxlen=_HANDSHAKES)
        table = (*public.OPERATIONS, *trading.OPERATIONS, *order_lists.OPERATIONS, *queries.OPERATIONS)
        self.operations: Mapping[str, Operation] = {operation.name: operation for operation in table}
        self.routes: Mapping[tuple[str, str], Operation] = {
            (operation.verb, operation.path): operation for operation in (*table, *other_products.OPERATIONS)
        }

    def note_handshake(self, status: int) -> None:
        """Note an attempt to connect and what was answered."""
        self.handshakes.append((self.venue.clock.now_us(), status))
        self.answered[f"handshake {status}"] += 1

    def cut_off(self, address: str) -> None:
        """Close the connections of an address that has been banned."""
        for connection in list(self.connections):
            if connection.address == address:
                connection.close(1008, "banned")

    def refuse_on_demand(self, method: str, account: Account | None, api: str) -> None:
        """Let a fault make a request fail before it acts.

        Raises:
            Refusal: a fault says so.
        """
        fault = self.faults.request_error(method, account, api)
        if fault is not None:
            raise self.demanded_refusal(fault.options)

    def demanded_refusal(self, options: Mapping[str, Any]) -> Refusal:
        """Return the refusal that a fault asks for."""
        status = int(options.get("status", 500))
        code = int(options.get("code", -1003 if status in _TO_WAIT else -1000))
        message = str(options.get("message", "An unknown error occurred while processing the request."))
        data = None
        if status in _TO_WAIT:
            now_ms = self.venue.clock.now_us() // 1_000
            retry_ms = now_ms + int(float(options.get("retry_after_s", 1)) * 1_000)
            data = {"serverTime": now_ms, "retryAfter": retry_ms}
        return Refusal(code, message, status, data)

    def perform(self, operation: Operation, request: Request, weight: int) -> Answer:
        """Carry out an operation, and take back its weight where success is free.

        Raises:
            Refusal: the venue says no.
        """
        answer = operation.handler(request)
        if operation.is_free and answer.refusal is None:
            self.venue.limits.refund(request.address, weight)
        return answer
