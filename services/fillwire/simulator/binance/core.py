"""What both APIs share: the venue, the table of operations, and how a request is carried out."""

from collections.abc import Mapping
from typing import Any

from fillwire.simulator.binance import order_lists, other_products, public, queries, trading
from fillwire.simulator.binance.operations import Answer, Operation, Request
from fillwire.simulator.binance.refusals import BANNED, Refusal, refusal_of
from fillwire.simulator.binance.tampering import BinanceTampering
from fillwire.simulator.binance.venue import BinanceVenue
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.faults import Tampering
from fillwire.simulator.exchange.refused import Reason, Refused

_TO_WAIT = frozenset({429, BANNED})


class BinanceCore(Core):
    """The venue and all that stands between it and its clients.

    Attributes:
        operations: every operation by its method name.
        routes: every operation by HTTP method and path.
    """

    venue: BinanceVenue

    def __init__(self, venue: BinanceVenue, tampering: Tampering | None = None) -> None:
        super().__init__(venue, tampering or BinanceTampering())
        table = (*public.OPERATIONS, *trading.OPERATIONS, *order_lists.OPERATIONS, *queries.OPERATIONS)
        self.operations: Mapping[str, Operation] = {operation.name: operation for operation in table}
        self.routes: Mapping[tuple[str, str], Operation] = {
            (operation.verb, operation.path): operation for operation in (*table, *other_products.OPERATIONS)
        }

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
        try:
            answer = operation.handler(request)
        except Refused as refused:
            raise self.refusal_of(refused.reason) from None
        if operation.is_free and answer.refusal is None:
            self.venue.limits.refund(request.address, weight)
        return answer

    def refusal_of(self, reason: Reason) -> Refusal:
        """Return what the venue answers where its engine says no."""
        return refusal_of(reason)
