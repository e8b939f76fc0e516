"""From a call of a bot's callback to what telemetry wants to know of it."""

from collections import Counter

from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.runtime.emission import emitted_ns
from fillwire.runtime.logs import get_log
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.sdk.bot import Bot
from fillwire.sdk.recalling import Calls
from fillwire.sdk.worker import Observe
from fillwire.wire.headers import read_arrival

_log = get_log(__name__)

# So long a plain callback may keep the loop, and with it every other bot of the process.
BLOCKING_NS = 10_000_000


def emission_ns(event: OrderEvent, message: Message) -> int:
    """Return when the venue emitted the event, by the gateway's clock; else when the gateway read the frame."""
    return emitted_ns(event.exchange_time_ns, read_arrival(message.raw_headers)[0], event.received_time_ns)


def observer(telemetry: FillTelemetry, calls: Calls | None = None) -> Observe:
    """Return a function that tells `telemetry` of every call: counted always, traced if its trace is kept.

    Args:
        telemetry: is told.
        calls: remember each call; None where nobody asks for them.
    """
    called = telemetry.tracer.called
    note = None if calls is None else calls.note
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
        name = bot.name
        called(
            name,
            event,
            message,
            callback,
            callback_index,
            attempt,
            delivered_ns,
            started_ns,
            returned_ns,
            error,
        )
        if note is not None:
            note(
                event.user,
                event.event_id,
                name,
                callback,
                message.delivery_count or 1,
                attempt,
                delivered_ns,
                started_ns,
                returned_ns,
                error,
            )

    return observe
