"""What a bot may ask of its host beside orders, on a real broker: its own events, a checkpoint, to be woken, to leave nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fillwire.bus.buckets import BOOKS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.enums import Kind
from fillwire.domain.errors import BrokerError
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import OpenOrders, Outcome, TradeOrder
from fillwire.sdk.bot import bot_of
from fillwire.sdk.causality import sequence_in_hand
from fillwire.sdk.host import Host
from fillwire.sdk.strategy import Strategy
from fillwire.wire.codec import encode_order
from fillwire.wire.commands import decode_cancel_request, decode_open_orders_query, encode_command
from fillwire.wire.dead_letters import REPLAY_FOR
from fillwire.wire.subjects import order_subject
from support.eventually import eventually
from support.order_events import ALICE, order_event
from support.publishing import publish

PAIRS = ("BTC-USDT", "ETH-USDT")


class Reader(Strategy):
    """Reads its own events when it starts, and notes what it hears."""

    name = "reader"
    pairs = PAIRS

    def __init__(self) -> None:
        self.read: list[str] = []
        self.heard: list[tuple[str, int]] = []
        self.woken = 0

    async def on_start(self) -> None:
        """Read."""
        self.read = [event.order_id for event in await self.own_events()]

    def on_fill(self, order: OrderEvent) -> None:
        """Note it."""
        self.heard.append((order.order_id, sequence_in_hand()))

    def on_wake(self) -> None:
        """Count it."""
        self.woken += 1


@asynccontextmanager
async def running(bus: Bus, strategy: Strategy) -> AsyncIterator[Host]:
    """Run a bot of alice's."""
    async with Host(bus) as host:
        await host.add(bot_of(strategy, ALICE))
        yield host


def event(order_id: str, *, bot: str = "reader", pair: str = "BTC-USDT") -> OrderEvent:
    """Return an execution of an order of a bot."""
    return order_event(
        order_id=order_id,
        pair=pair,
        trade=int(order_id),
        client_order_id=derive_client_order_id(bot, order_id),
    )


async def test_a_bot_reads_its_own_events_from_its_start_on(bus: Bus) -> None:
    """Its own, of its pairs, in the log's order and each once, whatever was told to whom."""
    async with running(bus, Reader()):
        pass  # makes the streams
    await publish(
        bus,
        event("1"),
        event("2", bot="reader2"),
        replace(event("3"), client_order_id="web_3"),
        replace(event("4"), client_order_id=None),
        event("5", pair="ETH-USDT"),
        event("6", pair="SOL-USDT"),
        event("7"),
    )
    again = event("1")  # given back to some bot as a dead letter
    await bus.publish(order_subject(ALICE, again.pair, again.kind), encode_order(again), {REPLAY_FOR: "x==y"})
    reader = Reader()
    async with running(bus, reader):
        assert reader.read == ["1", "5", "7"]
        assert [found.order_id for found in await reader.own_events("ETH-USDT")] == ["5"]
        log = await reader.read_own_log("BTC-USDT", after=5)
        assert [found.order_id for found in log.events] == ["7"]
        await publish(bus, event("8"))
        await eventually(lambda: any(order_id == "8" for order_id, _ in reader.heard))
        # What a callback is told has the sequence by which it would have been read.
        (sequence,) = (number for order_id, number in reader.heard if order_id == "8")
        assert sequence > log.sequence
        later = await reader.read_own_log("BTC-USDT", after=log.sequence)
        assert ([found.order_id for found in later.events], later.sequence) == (["8"], sequence)
        assert not (await reader.read_own_log("BTC-USDT", after=later.sequence)).events
    with pytest.raises(RuntimeError, match="bot reader is not running"):
        await reader.own_events()


async def test_a_checkpoint_is_kept_under_the_bots_name(bus: Bus) -> None:
    """Another start finds it, another bot does not; one that nobody can read counts as none; too large is an error."""
    reader = Reader()
    async with running(bus, reader):
        assert await reader.load_checkpoint() is None
        await reader.save_checkpoint(41, b"older")
        await reader.save_checkpoint(42, b'{"state": 1}\n{}')
    again = Reader()
    async with running(bus, again):
        found = await again.load_checkpoint()
        assert found is not None
        assert (found.sequence, found.state) == (42, b'{"state": 1}\n{}')
        with pytest.raises(BrokerError):
            await again.save_checkpoint(43, bytes(600_000))
        other = Reader()
        other.name = "other"
        async with running(bus, other):
            assert await other.load_checkpoint() is None
        bucket = Bucket(bus, BOOKS)
        (key,) = await bucket.keys()
        for junk in (b"junk", b'{"v": 2, "sequence": 1}\n', b'{"v": 1}\n', b"[]\n"):
            await bucket.put(key, junk)
            assert await again.load_checkpoint() is None


async def test_a_bot_is_woken_once_at_the_earliest_time(bus: Bus) -> None:
    """Between its events, not beside them; after its stop not at all."""
    reader = Reader()
    async with running(bus, reader):
        reader.wake_after(3600)
        reader.wake_after(0.01)
        reader.wake_after(0.02)
        await eventually(lambda: reader.woken == 1)
        reader.wake_after(0.001)
        await eventually(lambda: reader.woken == 2)
        reader.wake_after(0.001)
        reader.wake_after(3600)
        await eventually(lambda: reader.woken == 3)
        reader.wake_after(0.01)
    with pytest.raises(RuntimeError, match="bot reader is not running"):
        reader.wake_after(1)
    assert reader.woken == 3


async def test_it_is_known_whether_a_bot_ever_ran(bus: Bus) -> None:
    """A bot that was forgotten never did, and its checkpoint is gone."""
    first, second, third = Reader(), Reader(), Reader()
    for reader, has_run in ((first, False), (second, True), (third, False)):
        async with Host(bus) as host:
            bot = bot_of(reader, ALICE)
            await host.add(bot)
            assert reader._clerk is not None
            assert reader._clerk.has_run is has_run
            assert (await reader.load_checkpoint() is not None) is has_run
            await reader.save_checkpoint(1, b"kept")
            await host.remove(bot, forget=reader is second)


@pytest.mark.parametrize("cancels", [True, False])
async def test_a_bot_leaves_nothing_open_if_it_is_told_so(bus: Bus, cancels: bool) -> None:
    """Of its own orders, of its own pairs."""
    asked: list[str | None] = []
    cancelled: list[str | None] = []

    async def answer_list(message: Message) -> bytes:
        query = decode_open_orders_query(message.data)
        asked.append(query.pair)
        order = TradeOrder(
            outcome=Outcome.ACCEPTED,
            pair=query.pair or "",
            client_order_id=derive_client_order_id("reader", str(query.pair)),
            order_id=f"of {query.pair}",
            kind=Kind.NEW,
        )
        return encode_command(OpenOrders(orders=(order,)))

    async def cancel(message: Message) -> bytes:
        request = decode_cancel_request(message.data)
        cancelled.append(request.order_id)
        return encode_command(
            TradeOrder(outcome=Outcome.ACCEPTED, pair=request.pair, client_order_id=request.client_order_id)
        )

    await Responder.start(bus, "commands.alice.binance.live.open_orders", answer_list)
    await Responder.start(bus, "commands.alice.binance.live.cancel_order", cancel)
    reader = Reader()
    async with running(bus, reader):
        reader.cancel_orders_on_stop = cancels
    assert asked == (list(PAIRS) if cancels else [])
    assert cancelled == ([f"of {pair}" for pair in PAIRS] if cancels else [])
