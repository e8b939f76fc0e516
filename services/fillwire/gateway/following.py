"""Stamps a bot's request on its way through the gateway, in the trace of the fill that caused it."""

import time

from fillwire.bus.messages import Message
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import TradeOrder
from fillwire.runtime.order_traces import CommandTrace
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.tracing import parse_traceparent
from fillwire.wire.headers import TRACEPARENT


class Following:
    """One request. Where nothing is exported, or none asks for it, the stamps cost a comparison each.

    Args:
        telemetry: takes the stamps.
        account: whose request.
        verb: such as `place_order`.
        message: the request.
    """

    __slots__ = ("_telemetry", "_trace")

    def __init__(self, telemetry: FillTelemetry, account: Account, verb: str, message: Message) -> None:
        self._telemetry = telemetry
        self._trace: CommandTrace | None = None
        if telemetry.is_exporting:
            context = parse_traceparent(message.header(TRACEPARENT))
            if context is not None:
                self._trace = CommandTrace(
                    context=context, account=account, verb=verb, received_ns=time.time_ns()
                )

    def noted(self) -> None:
        """Stamp that the client order id has been noted."""
        if self._trace is not None:
            self._trace.noted_ns = time.time_ns()

    def sent(self) -> None:
        """Stamp that the request was handed to the venue's connection."""
        if self._trace is not None:
            self._trace.sent_ns = time.time_ns()

    def venue_answered(self) -> None:
        """Stamp that the venue's answer is known, or that none will come."""
        if self._trace is not None and self._trace.sent_ns is not None:
            self._trace.venue_answered_ns = time.time_ns()

    def answered(self, answer: TradeOrder) -> TradeOrder:
        """Hand in the stamps, and return the answer."""
        trace = self._trace
        if trace is not None:
            trace.pair = answer.pair
            trace.client_order_id = answer.client_order_id
            trace.order_id = answer.order_id
            trace.outcome = answer.outcome
            trace.reason = answer.reason
            trace.answered_ns = time.time_ns()
            self._telemetry.command_answered(trace)
        return answer
