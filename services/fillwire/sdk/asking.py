"""What a callback asks of the gateway, followed in the trace of the event that it handles."""

import time

from fillwire.domain.orders import CancelRequest, OrderRequest, TradeOrder
from fillwire.runtime.order_traces import OrderTrace
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.tracing import (
    TraceContext,
    child_id,
    encode_context,
    host_span_ids,
    is_parent_sampled,
    span_digests,
)
from fillwire.sdk.bot import Bot
from fillwire.sdk.causality import current_cause
from fillwire.sdk.observing import emission_ns
from fillwire.wire.headers import TRACEPARENT


class Asked:
    """One request that has been sent.

    Attributes:
        headers: what goes with it to the gateway.
    """

    __slots__ = ("_telemetry", "_trace", "headers")

    def __init__(self, telemetry: FillTelemetry, trace: OrderTrace) -> None:
        self._telemetry = telemetry
        self._trace = trace
        self.headers = {TRACEPARENT: encode_context(trace.context)}

    def answered(self, answer: TradeOrder) -> None:
        """Hand in what became of it."""
        trace = self._trace
        trace.outcome = answer.outcome
        trace.reason = answer.reason
        trace.order_id = answer.order_id or trace.order_id
        trace.client_order_id = trace.client_order_id or answer.client_order_id
        trace.answered_ns = time.time_ns()
        self._telemetry.order_answered(trace)


class Asking:
    """Follows the requests of one bot's callbacks.

    Args:
        telemetry: takes what is stamped.
        bot: whose.
    """

    def __init__(self, telemetry: FillTelemetry, bot: Bot) -> None:
        self._telemetry = telemetry
        self._bot = bot

    def begin(self, verb: str, request: OrderRequest | CancelRequest) -> Asked | None:
        """Return a request to be followed; None where nothing is exported, or no order event has caused it.

        Whether the trace is kept goes with the request. If it is not, the request is followed all the same, for it may
        fail; that costs some 6 µs.
        """
        telemetry = self._telemetry
        cause = current_cause()
        if not telemetry.is_exporting or cause is None or cause.call is None:
            return None
        event, message, attempt, started_ns = cause.call
        bot = self._bot
        callback_id = host_span_ids(
            event.event_id, bot.name, cause.callback, delivery=message.delivery_count or 1, attempt=attempt
        ).callback
        is_kept = telemetry.keeps_order(
            event.event_id,
            is_parent_sampled(message.header(TRACEPARENT)),
            started_ns - emission_ns(event, message),
        )
        asked_ns = time.time_ns()
        # A method may ask for one order twice, so the time is part of the name.
        span_id = child_id(f"{callback_id.hex()}\0{verb}\0{request.client_order_id}\0{asked_ns}")
        return Asked(
            telemetry,
            OrderTrace(
                context=TraceContext(span_digests(event.event_id).trace_id, span_id, is_kept),
                parent_id=callback_id,
                event_id=event.event_id,
                account=bot.account,
                verb=verb,
                pair=request.pair,
                client_order_id=request.client_order_id,
                order_id=request.order_id if isinstance(request, CancelRequest) else None,
                bot=bot.name,
                callback=cause.callback,
                asked_ns=asked_ns,
            ),
        )
