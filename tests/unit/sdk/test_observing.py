"""What is noticed about a callback that has returned."""

import pytest

from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.runtime.fill_traces import HostTrace
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.tracing import Sampling
from fillwire.sdk.bot import bot_of
from fillwire.sdk.observing import BLOCKING_NS, observer
from fillwire.sdk.recalling import Calls
from fillwire.sdk.strategy import Strategy
from fillwire.wire.codec import encode_order
from support.order_events import ALICE, order_event


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


class Listening(FillTelemetry):
    """Keeps what is handed in."""

    def __init__(self) -> None:
        super().__init__("fillwire-host", "", Sampling(0.0))
        self.traces: list[HostTrace] = []

    def callback_returned(self, trace: HostTrace) -> None:
        """Keep it."""
        self.traces.append(trace)


@pytest.mark.parametrize(
    ("headers", "stamps"),
    [
        (b"NATS/1.0\r\nFillwire-Stamps: -3,4,5\r\n\r\n", (-3, 4, 5)),
        (b"NATS/1.0\r\nFillwire-Stamps: somebody else's\r\n\r\n", (None, None, None)),
        (b"", (None, None, None)),
    ],
)
def test_the_record_of_a_call_is_whole(headers: bytes, stamps: tuple[int | None, ...]) -> None:
    """Each field says what event, message and call say: the record is filled by hand, so none may be forgotten."""
    telemetry = Listening()
    event, error = order_event(), ValueError("x")
    body = encode_order(event)
    reply = b"$JS.ACK.ORDERS.grid.3.10.11.1700000000000000000.0"
    message = Message(b"orders.alice", reply, body, headers, lambda _: None)
    observe = observer(telemetry)
    observe(bot_of(Plain(), ALICE), event, message, "on_fill", 1, 2, 20, 30, 40, error)
    (trace,) = telemetry.traces
    expected = HostTrace(
        event_id=event.event_id,
        subject="orders.alice",
        exchange=event.exchange,
        environment=event.environment,
        user=event.user,
        pair=event.pair,
        kind=event.kind,
        order_id=event.order_id,
        trade_id=None if event.last_fill is None else event.last_fill.trade_id,
        exchange_time_ns=event.exchange_time_ns,
        received_ns=event.received_time_ns,
        clock_offset_ns=stamps[0],
        parsed_ns=stamps[1],
        published_ns=stamps[2],
        bot="plain",
        callback="on_fill",
        delivered_ns=20,
        started_ns=30,
        returned_ns=40,
        body_bytes=len(body),
        delivery=3,
        attempt=2,
        callback_index=1,
        is_parent_sampled=None,
        error=error,
    )
    assert trace == expected


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
