"""From a call of a bot's callback to what telemetry wants to know of it."""

import contextlib

from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.runtime.fill_traces import HostTrace
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.tracing import is_parent_sampled
from fillwire.sdk.bot import Bot
from fillwire.sdk.worker import Observe
from fillwire.wire.headers import STAMPS, TRACEPARENT, Stamps, parse_stamps


def observer(telemetry: FillTelemetry) -> Observe:
    """Return a function that hands every call to `telemetry`: counted always, traced if its trace is kept."""
    hand_in = telemetry.callback_returned

    def observe(  # noqa: PLR0913, PLR0917 - see `Observe`
        bot: Bot,
        event: OrderEvent,
        message: Message,
        callback: str,
        callback_index: int,
        attempt: int,
        delivered_ns: int,
        started_ns: int,
        returned_ns: int,
        error: BaseException | None,
        /,
    ) -> None:
        stamps: Stamps | None = None
        header = message.header(STAMPS)
        if header is not None:
            with contextlib.suppress(ValueError):  # somebody else's publisher; the event counts all the same
                stamps = parse_stamps(header)
        hand_in(
            HostTrace(
                event_id=event.event_id,
                subject=message.subject,
                exchange=event.exchange,
                environment=event.environment,
                user=event.user,
                pair=event.pair,
                kind=event.kind,
                order_id=event.order_id,
                trade_id=None if event.last_fill is None else event.last_fill.trade_id,
                exchange_time_ns=event.exchange_time_ns,
                received_ns=event.received_time_ns,
                clock_offset_ns=None if stamps is None else stamps.clock_offset_ns,
                parsed_ns=None if stamps is None else stamps.parsed_ns,
                published_ns=None if stamps is None else stamps.published_ns,
                bot=bot.name,
                callback=callback,
                delivered_ns=delivered_ns,
                started_ns=started_ns,
                returned_ns=returned_ns,
                body_bytes=len(message.data),
                delivery=message.delivery_count or 1,
                attempt=attempt,
                callback_index=callback_index,
                is_parent_sampled=(
                    is_parent_sampled(message.header(TRACEPARENT)) if telemetry.is_exporting else None
                ),
                error=error,
            )
        )

    return observe
