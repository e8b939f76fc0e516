"""What is noticed about a callback that has returned."""

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.runtime.otlp_encoding import Envelope
from fillwire.runtime.span_errors import error_parts
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.tracing import host_span_ids
from fillwire.sdk.bot import bot_of
from fillwire.sdk.observing import BLOCKING_NS, observer
from fillwire.sdk.recalling import Calls
from fillwire.sdk.strategy import Strategy
from fillwire.wire.codec import encode_order
from support.order_events import ALICE, order_event
from support.otlp_receiver import received_spans


class Plain(Strategy):
    """A plain and an async callback of one event."""

    pairs = ("BTC-USDT",)

    def on_fill(self, order: OrderEvent) -> None:
        """Do nothing."""

    async def on_order_filled(self, order: OrderEvent) -> None:
        """Do nothing."""


class InThread(Plain):
    """The same, with a thread of its own."""

    blocking = True


@pytest.mark.parametrize(
    ("strategy", "callback", "duration_ns", "warnings"),
    [
        (Plain(), "on_fill", BLOCKING_NS + 1, 3),  # of five times the 1st, 2nd and 4th
        (Plain(), "on_fill", BLOCKING_NS, 0),
        (Plain(), "on_order_filled", 60 * BLOCKING_NS, 0),
        (InThread(), "on_fill", 60 * BLOCKING_NS, 0),
    ],
)
def test_a_plain_callback_that_keeps_the_loop_is_named(
    caplog: pytest.LogCaptureFixture, strategy: Strategy, callback: str, duration_ns: int, warnings: int
) -> None:
    """It holds up every bot of the process, and somebody must hear of it; one that may have waited, or has a thread, does not."""
    observe = observer(FillTelemetry.start("fillwire-host", "", sample_ratio=0.0))
    event = order_event()
    message = Message(b"orders", b"", encode_order(event), b"", lambda _: None)
    for _ in range(5):
        observe(bot_of(strategy, ALICE), event, message, callback, 0, 1, 1, 1, 1 + duration_ns, None)
    assert [record.message for record in caplog.records] == ["callback_blocks_loop"] * warnings


@pytest.mark.parametrize(
    ("headers", "published_ns"),
    [
        (b"NATS/1.0\r\nFillwire-Stamps: -3,4,5\r\n\r\n", 5),
        (b"NATS/1.0\r\nFillwire-Stamps: somebody else's\r\n\r\n", 20),
        (b"", 20),
    ],
)
@pytest.mark.parametrize(
    ("reply", "delivery"),
    [
        (b"$JS.ACK.ORDERS.grid.3.10.11.1700000000000000000.0", 3),
        (b"$JS.ACK.hub.ACCOUNT.ORDERS.grid.4.10.11.1700000000000000000.0.random", 4),
        (b"", 1),  # that no consumer delivered
    ],
)
def test_the_record_of_a_call_is_whole(
    headers: bytes, published_ns: int, reply: bytes, delivery: int
) -> None:
    """Each thing that its spans say is what event, message and call say."""
    telemetry = FillTelemetry.start("fillwire-host", "", sample_ratio=1.0)
    telemetry.tracer.export(lambda: None)
    event = order_event()
    body = encode_order(event)
    message = Message(b"orders.alice", reply, body, headers, lambda _: None)
    assert (message.delivery_count or 1) == delivery
    observe = observer(telemetry)
    observe(bot_of(Plain(), ALICE), event, message, "on_fill", 0, 1, 20, 30, 40, None)
    observe(bot_of(Plain(), ALICE), event, message, "on_order_filled", 1, 2, 20, 50, 60, ValueError("x"))
    encoded, _, _ = telemetry.tracer.take(1_000_000, error_parts)
    scope = InstrumentationScope("fillwire", "1", "schema")
    deliver, first, second = received_spans(Envelope(Resource({}), scope).request([encoded]))
    own = {
        "messaging.system": "nats",
        "messaging.destination.name": "orders.alice",
        "messaging.destination.template": "orders.{user}.{exchange}.{environment}.{pair}.{kind}",
        "messaging.message.id": event.event_id,
        "messaging.message.body.size": len(body),
        "messaging.consumer.group.name": "plain",
        "fillwire.bot": "plain",
        "fillwire.delivery": delivery,
    }
    identity = {
        "fillwire.exchange": event.exchange,
        "fillwire.environment": event.environment,
        "fillwire.user": event.user,
        "fillwire.pair": event.pair,
        "fillwire.kind": event.kind,
        "fillwire.order_id": event.order_id,
    }
    if event.last_fill is not None:
        identity["fillwire.trade_id"] = event.last_fill.trade_id
    assert deliver.attributes == own | {
        "messaging.operation.type": "receive",
        "messaging.operation.name": "deliver",
    }
    assert (deliver.start_ns, deliver.end_ns) == (published_ns, 20)
    for span, name, attempt, times in (
        (first, "on_fill", 1, (30, 40)),
        (second, "on_order_filled", 2, (50, 60)),
    ):
        operation = {"messaging.operation.type": "process", "messaging.operation.name": name}
        assert span.attributes == own | identity | operation | {"fillwire.attempt": attempt}
        assert (span.start_ns, span.end_ns) == times
        ids = host_span_ids(event.event_id, "plain", name, delivery=delivery, attempt=attempt)
        assert (span.parent_id, span.span_id) == (ids.deliver.hex(), ids.callback.hex())
    assert (first.is_error, second.is_error) == (False, True)
    assert second.status_message == "ValueError: x"


def test_each_call_is_remembered_for_whoever_looks_at_the_fill() -> None:
    """With its times as they were stamped, and under the event's own user."""
    calls = Calls()
    observe = observer(FillTelemetry.start("fillwire-host", "", sample_ratio=0.0), calls)
    event = order_event()
    message = Message(b"orders", b"", encode_order(event), b"", lambda _: None)
    observe(bot_of(Plain(), ALICE), event, message, "on_fill", 0, 2, 1, 5, 9, ValueError("no"))
    assert calls.of(event.user, event.event_id) == [
        (event.user, "plain", "on_fill", 1, 2, 1, 5, 9, "ValueError")
    ]
