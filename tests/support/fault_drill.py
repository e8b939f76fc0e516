"""Events poured through a broker that fails meanwhile, and what became of each: stored, delivered, lost, doubled."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop, ensure_consumer
from fillwire.bus.guard import DuplicateGuard
from fillwire.bus.journal import Journal
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher, PublishOutcome
from fillwire.bus.spillway import Spillway
from fillwire.bus.stored import StoredIds
from fillwire.domain.errors import BrokerError
from fillwire.wire.subjects import order_scope_filter
from support.eventually import eventually

SUBJECT = "orders.alice.binance.live.BTC-USDT.partially_filled"
ORDERS = 50
_BODY = b'{"filler":"' + b"x" * 500 + b'","number":'


class Drill:
    """Pours numbered events of many orders, some hundred a second, and watches both ends.

    Attributes:
        bus: the publisher's connection.
        submitted: events submitted so far.
        acknowledged: numbers of the events that the broker has acknowledged, in that order.
        failed: what became of events that were refused or given up.
        delivered: numbers of the events that a durable consumer was given, in that order.
    """

    def __init__(self, bus: Bus, publisher: OrderedPublisher, spillway: Spillway, journal: Journal) -> None:
        self.bus = bus
        self.publisher = publisher
        self.spillway = spillway
        self.journal = journal
        self.submitted = 0
        self._pouring = asyncio.create_task(self._pour())
        self.acknowledged: list[int] = []
        self.failed: list[PublishOutcome] = []
        self.delivered: list[int] = []
        self._acknowledged_s: list[float] = [time.monotonic()]
        self._delivered_s: list[float] = [time.monotonic()]

    async def _pour(self) -> None:
        while True:
            for _ in range(5):
                self.publisher.submit(
                    f"order {self.submitted % ORDERS}",
                    SUBJECT,
                    _BODY + b"%d}" % self.submitted,
                    f"id-{self.submitted}",
                    on_acknowledged=self._note_outcome,
                    since_ns=time.time_ns(),
                )
                self.submitted += 1
            await asyncio.sleep(0.01)  # the pace of the load

    def _note_outcome(self, outcome: PublishOutcome) -> None:
        if outcome.error is not None:  # given up at the end of a test that has failed already, or refused
            self.failed.append(outcome)
            return
        self.acknowledged.append(int(outcome.message_id.removeprefix("id-")))
        self._acknowledged_s.append(time.monotonic())

    def note_delivery(self, message: Message) -> None:
        """Take a message of the consumer."""
        self.delivered.append(_number(message))
        self._delivered_s.append(time.monotonic())
        message.ack()

    async def stop(self) -> None:
        """Pour no more."""
        self._pouring.cancel()
        await asyncio.gather(self._pouring, return_exceptions=True)

    async def flows(self, count: int = 300, deadline_s: float = 60.0) -> None:
        """Wait until `count` more events were stored and delivered."""
        stored, delivered = self.publisher.acknowledged_count, len(self.delivered)
        await eventually(lambda: self.publisher.acknowledged_count >= stored + count, deadline_s, "stored")
        await eventually(lambda: len(self.delivered) >= delivered + count, deadline_s, "delivered")

    def say(self, what: str) -> None:
        """Print how long nothing was stored and nothing delivered, at the longest."""
        gaps = [
            max(later - earlier for earlier, later in pairwise(times))
            for times in (self._acknowledged_s, self._delivered_s)
        ]
        sys.stdout.write(
            f"\n{what}: nothing stored for {gaps[0]:.2f} s, nothing delivered for {gaps[1]:.2f} s; "
            f"{self.submitted} events, {self.spillway.spilled_count} through the journal, "
            f"{self.publisher.resent_count} resent\n"
        )

    async def check(self, bus: Bus) -> None:
        """Assert that everything submitted is in the log once and in order per order, and was delivered."""
        async with asyncio.timeout(60):
            await self.spillway.stored()
        assert await self.publisher.flush(60) == 0
        assert [str(outcome.error) for outcome in self.failed[:3]] == []
        stored: list[int] = []

        async def is_read() -> bool:
            stored.clear()
            try:
                await read_stream(
                    bus, "ORDERS", "orders.>", "all", lambda message: stored.append(_number(message))
                )
            except BrokerError:  # a cluster that heals elects once more
                return False
            return True

        await eventually(is_read, 60.0, "the log read")
        doubled = [number for number, count in Counter(stored).items() if count > 1]
        assert doubled == []
        missing = sorted(set(range(self.submitted)) - set(stored))
        assert not missing, (
            f"{len(missing)} of {self.submitted} events are not in the log: {missing[:3]} to {missing[-1]}; of them "
            f"{len(set(missing) & set(self.acknowledged))} acknowledged, {len(set(missing) & set(self.delivered))} delivered"
        )
        await eventually(lambda: set(self.delivered) >= set(stored), 60.0, "all delivered")
        for numbers in (stored, list(dict.fromkeys(self.delivered))):
            for order in range(ORDERS):
                of_order = [number for number in numbers if number % ORDERS == order]
                assert of_order == sorted(of_order)


def _number(message: Message) -> int:
    return int(message.data.rpartition(b":")[2].rstrip(b"}"))


@asynccontextmanager
async def drill(
    url: str, path: Path, *, bot_url: str | None = None, capacity: int = 65_536, window_s: float = 600.0
) -> AsyncIterator[tuple[Drill, Bus]]:
    """Pour inside the block, through a guarded publisher with a journal, and follow as a bot does.

    Args:
        url: the broker for the publisher; the stream of order events exists.
        path: where the journal is.
        bot_url: the broker for the bot and for looking at the log; None for the same.
        capacity: events that the publisher's memory holds.
        window_s: the stream's duplicate window.
    """
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(await Bus.connect(url, name="gateway", deadline_s=30))
        other = await stack.enter_async_context(await Bus.connect(bot_url or url, name="bot", deadline_s=30))
        guard = DuplicateGuard(StoredIds(bus), window_s, order_scope_filter)
        publisher = await OrderedPublisher(bus, capacity=capacity, guard=guard).start()
        journal = await Journal.open(path / "journal", "drill", 64 << 20)
        spillway = Spillway(publisher, journal)
        spillway.start()
        stack.push_async_callback(spillway.close, 5.0)
        it = Drill(bus, publisher, spillway, journal)

        async def handle(message: Message) -> None:
            it.note_delivery(message)

        async def has_consumer() -> bool:
            try:
                await ensure_consumer(other, "ORDERS", "bot", ["orders.>"], deliver="all")
            except BrokerError:  # a new cluster may not have elected the stream's leader yet
                return False
            return True

        await eventually(has_consumer, 60.0, "a consumer")
        await stack.enter_async_context(PullLoop(other, "ORDERS", "bot", handle))
        stack.push_async_callback(it.stop)
        await it.flows()
        yield it, other
