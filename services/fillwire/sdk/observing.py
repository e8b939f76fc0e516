"""From a call of a bot's callback to what telemetry wants to know of it."""

from collections import Counter

from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.runtime.fill_traces import HostTrace, emitted_ns
from fillwire.runtime.logs import get_log
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.tracing import is_parent_sampled
from fillwire.sdk.bot import Bot
from fillwire.sdk.worker import Observe
from fillwire.wire.headers import STAMPS, TRACEPARENT, Stamps, parse_stamps

_log = get_log(__name__)

# So long a plain callback may keep the loop, and with it every other bot of the process.
BLOCKING_NS = 10_000_000


def _stamps(message: Message) -> Stamps | None:
    header = message.header(STAMPS)
    if header is None:
        return None
    try:
        return parse_stamps(header)
    except ValueError:  # somebody else's publisher; the event counts all the same
        return None


def emission_ns(event: OrderEvent, message: Message) -> int:
    """Return when the venue emitted the event, by the gateway's clock; else when the gateway read the frame."""
    stamps = _stamps(message)
    offset_ns = None if stamps is None else stamps.clock_offset_ns
    return emitted_ns(event.exchange_time_ns, offset_ns, event.received_time_ns)


def observer(telemetry: FillTelemetry) -> Observe:
    """Return a function that hands every call to `telemetry`: counted always, traced if its trace is kept."""
    hand_in = telemetry.callback_returned
    # Read once for all bots that share it.
    last: tuple[Message | None, Stamps | None, str, int] = (None, None, "", 0)
    blocked: Counter[tuple[str, str]] = Counter()

    def warn(bot: Bot, event: OrderEvent, callback: str, duration_ns: int) -> None:
        """Tell that a plain callback kept the loop: the 1st, 2nd, 4th, 8th … time."""
        of_event = (bot.callbacks.steps if event.last_fill is None else bot.callbacks.executions)[event.kind]
        if bot.blocking or any(found.is_async for found in of_event if found.name == callback):
            return  # it has a thread of its own, or it may have waited
        count = blocked[bot.durable, callback] = blocked[bot.durable, callback] + 1
        if count & (count - 1) == 0:
            _log.warning(
                "callback_blocks_loop",
                bot=bot.name,
                callback=callback,
                duration_ms=round(duration_ns / 1e6, 1),
                count=count,
                advice="all bots of the process wait meanwhile: set blocking = True on this one",
            )

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
        if returned_ns - started_ns > BLOCKING_NS:
            warn(bot, event, callback, returned_ns - started_ns)
        nonlocal last
        if message is not last[0]:
            last = message, _stamps(message), message.subject, message.delivery_count or 1
        _, stamps, subject, delivery = last
        hand_in(
            HostTrace(
                event_id=event.event_id,
                subject=subject,
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
                delivery=delivery,
                attempt=attempt,
                callback_index=callback_index,
                is_parent_sampled=(
                    is_parent_sampled(message.header(TRACEPARENT)) if telemetry.is_exporting else None
                ),
                error=error,
            )
        )

    return observe
