"""What is noticed about a callback that has returned."""

import pytest

from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.sdk.bot import bot_of
from fillwire.sdk.observing import BLOCKING_NS, observer
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
