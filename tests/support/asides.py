"""Dead letters and refused frames, put where bots' hosts and gateways put them."""

from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.sdk.bot import durable_name
from fillwire.wire.codec import encode_order
from fillwire.wire.dead_letters import DeadLetter, dead_letter_id
from fillwire.wire.refused_frames import RefusedFrame, refused_frame_id
from fillwire.wire.subjects import dead_letter_subject, order_subject, quarantine_subject


async def keep_letter(bus: Bus, bot: str, event: OrderEvent, reason: str = "no such level") -> None:
    """Keep an event that a bot of the event's user could not handle."""
    number = hash(event.event_id) % 10**9
    letter = DeadLetter(
        bot=bot,
        reason=reason,
        exception="KeyError",
        callback="on_order_filled",
        attempts=5,
        event_id=event.event_id,
        original_subject=order_subject(event.account, event.pair, event.kind),
        original_sequence=number,
    )
    message_id = dead_letter_id(durable_name(event.user, bot), number, letter.callback)
    await _keep(bus, dead_letter_subject(event.user, bot), encode_order(event), message_id, letter.headers())


async def keep_frame(bus: Bus, account: Account, frame: bytes, reason: str = "not understood") -> None:
    """Keep a frame that a gateway could not accept."""
    said = RefusedFrame(
        reason=reason,
        code="unknown_event",
        field="e",
        offset=5,
        symbol=None,
        order_id=None,
        received_time_ns=1_773_000_000_000_000_000,
        gateway="gateway-1",
    )
    await _keep(
        bus,
        quarantine_subject(account, "unknown"),
        frame,
        refused_frame_id(account, frame),
        said.headers(),
    )


async def _keep(bus: Bus, subject: str, body: bytes, message_id: str, headers: dict[str, str]) -> None:
    async with OrderedPublisher(bus) as publisher:  # which waits until it is stored
        publisher.submit(subject, subject, body, message_id, headers)
