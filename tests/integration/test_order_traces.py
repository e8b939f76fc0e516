"""What a bot's desk tells of the orders of a callback: the header that goes with each, and the span that ends with its answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.domain.enums import OrderType, Side
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from fillwire.runtime.telemetry import FillTelemetry, TelemetryLimits
from fillwire.runtime.tracing import host_span_ids, parse_traceparent, span_digests
from fillwire.sdk.asking import Asking
from fillwire.sdk.bot import bot_of
from fillwire.sdk.causality import Call, Cause, ClientOrderIds, set_cause
from fillwire.sdk.desk import Desk
from fillwire.sdk.strategy import Strategy
from fillwire.wire.codec import encode_order
from fillwire.wire.commands import encode_command
from fillwire.wire.headers import TRACEPARENT
from support.eventually import eventually
from support.order_events import ALICE, order_event
from support.otlp_receiver import OtlpReceiver, ReceivedSpan

EVENT = order_event()
REQUEST = OrderRequest(
    client_order_id="grid-1",
    pair="BTC-USDT",
    side=Side.SELL,
    type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal(64100),
)


class Grid(Strategy):
    """Does nothing by itself."""

    pairs = ("BTC-USDT",)


@dataclass
class Scene:
    """A desk, the gateway's side of it, and where spans go."""

    desk: Desk
    receiver: OtlpReceiver
    outcome: Outcome | None
    heard: list[Message] = field(default_factory=list)

    def answer(self, message: Message) -> bytes | None:
        """Return what the gateway answers; nothing, if it never does."""
        self.heard.append(message)
        if self.outcome is None:
            return None
        return encode_command(
            TradeOrder(
                outcome=self.outcome,
                pair="BTC-USDT",
                client_order_id="grid-1",
                order_id="77",
                reason="so it is",
            )
        )

    async def span(self) -> ReceivedSpan:
        """Return the one span, once it is there."""
        await self.receiver.wait_for(lambda it: len(it.spans) > 0)
        (span,) = self.receiver.spans
        return span


@asynccontextmanager
async def _scene(bus: Bus, ratio: float, outcome: Outcome | None) -> AsyncIterator[Scene]:
    limits = TelemetryLimits(export_interval_s=0.02, slow_s=None)
    async with (
        OtlpReceiver() as receiver,
        FillTelemetry.start(
            "fillwire-host", "test", sample_ratio=ratio, endpoint=receiver.endpoint, limits=limits
        ) as telemetry,
    ):
        desk = Desk(
            bus, ALICE, ClientOrderIds("grid", str(ALICE), ""), Asking(telemetry, bot_of(Grid(), ALICE))
        )
        scene = Scene(desk, receiver, outcome)

        def reply(message: Message) -> None:
            body = scene.answer(message)
            if body is not None:
                bus.write(b"PUB %b %d\r\n%b\r\n" % (message.reply.encode(), len(body), body))

        subscription = await bus.subscribe("commands.>", reply)
        try:
            yield scene
        finally:
            await subscription.unsubscribe()
            set_cause(None)


def _handle_event() -> None:
    """Be in a callback that handles the event."""
    message = Message(b"orders", b"", encode_order(EVENT), b"", lambda _frame: None)
    call = Call(EVENT, message, 1, EVENT.received_time_ns + 1_000)
    set_cause(Cause(EVENT.event_id, "on_order_filled", call))


async def test_the_request_carries_the_span_that_ends_with_its_answer(bus: Bus) -> None:
    """Trace and parent follow from the event; the gateway's part hangs below the id that it was sent."""
    async with _scene(bus, 1.0, Outcome.ACCEPTED) as scene:
        _handle_event()
        answer = await scene.desk.place(REQUEST, 5.0)
        assert answer.outcome is Outcome.ACCEPTED
        span = await scene.span()
    context = parse_traceparent(scene.heard[0].header(TRACEPARENT))
    assert context is not None
    assert (context.trace_id, context.is_sampled) == (span_digests(EVENT.event_id).trace_id, True)
    assert (span.trace_id, span.span_id) == (context.trace_id.hex(), context.span_id.hex())
    assert span.parent_id == host_span_ids(EVENT.event_id, "grid", "on_order_filled").callback.hex()
    assert (span.attributes["fillwire.order_id"], span.is_error) == ("77", False)


async def test_asking_twice_makes_two_spans(bus: Bus) -> None:
    """A callback may repeat a request whose outcome was unknown; each has a span of its own."""
    async with _scene(bus, 1.0, Outcome.ACCEPTED) as scene:
        _handle_event()
        await scene.desk.place(REQUEST, 5.0)
        await scene.desk.place(REQUEST, 5.0)
        await scene.receiver.wait_for(lambda it: len(it.spans) == 2)
    assert len({span.span_id for span in scene.receiver.spans}) == 2


async def test_a_bot_that_is_stopped_leaves_an_order_of_which_nobody_knows(bus: Bus) -> None:
    """The request has gone, and the answer will reach nobody."""
    async with _scene(bus, 1.0, None) as scene:
        _handle_event()
        asking = asyncio.create_task(scene.desk.place(REQUEST, 60.0))
        await eventually(lambda: len(scene.heard) == 1, what="the gateway has heard it")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        span = await scene.span()
    assert span.is_error
    assert span.status_message == "unknown: the bot was stopped before the answer came"


@pytest.mark.parametrize(
    ("outcome", "spans"), [(Outcome.ACCEPTED, 0), (Outcome.REJECTED, 1), (Outcome.UNKNOWN, 1)]
)
async def test_what_the_ratio_leaves_out_is_told_if_it_fails(bus: Bus, outcome: Outcome, spans: int) -> None:
    """The header says that it is not kept, so that the gateway decides likewise, at the end."""
    async with _scene(bus, 0.0, outcome) as scene:
        _handle_event()
        await scene.desk.place(REQUEST, 5.0)
    context = parse_traceparent(scene.heard[0].header(TRACEPARENT))
    assert context is not None
    assert not context.is_sampled
    assert [span.status_message for span in scene.receiver.spans] == [f"{outcome}: so it is"] * spans


async def test_an_order_that_no_event_caused_is_in_no_trace(bus: Bus) -> None:
    """Such as one of `on_start`, or of a task of the bot's own."""
    async with _scene(bus, 1.0, Outcome.ACCEPTED) as scene:
        set_cause(Cause("a start", ""))
        await scene.desk.place(REQUEST, 5.0)
    assert scene.heard[0].header(TRACEPARENT) is None
    assert scene.receiver.spans == []
