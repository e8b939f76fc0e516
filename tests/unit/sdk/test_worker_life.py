"""How a bot at work starts and stops, without a broker."""

import asyncio

import pytest

from fillwire.domain.enums import ConnectionState
from fillwire.domain.errors import HandlerError
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.samples import sample_connection_event
from fillwire.sdk.strategy import Strategy
from fillwire.sdk.worker import TURNS_IN_A_ROW
from support.eventually import eventually
from support.hanging import hang
from support.order_events import ALICE
from support.worker_bench import Bench, Recorder, bench, orders


async def test_stop_finishes_what_is_in_hand_and_leaves_the_rest_unacknowledged() -> None:
    """The next run begins with the first event that was not handled; on_stop runs last."""
    entered, leave = asyncio.Event(), asyncio.Event()
    told: list[str] = []

    class Slow(Strategy):
        pairs = ("BTC-USDT",)

        async def on_fill(self, order: OrderEvent) -> None:
            entered.set()
            await leave.wait()
            told.append(order.order_id)

        def on_stop(self) -> None:
            told.append("stop")

    made = Bench(Slow())
    await made.worker.start()
    made.send(*orders(3))
    await entered.wait()
    stopping = asyncio.create_task(made.worker.stop(deadline_s=5.0))
    await asyncio.sleep(0)
    leave.set()
    await stopping
    assert told == ["1", "stop"]
    assert made.source.acked == [1]


async def test_stop_cancels_what_takes_longer_than_the_deadline() -> None:
    """A callback that hangs does not keep the process; its event is not acknowledged."""

    class Hangs(Strategy):
        pairs = ("BTC-USDT",)

        async def on_fill(self, order: OrderEvent) -> None:  # noqa: ARG002 - the callback's signature
            await hang()

    made = Bench(Hangs())
    await made.worker.start()
    made.send(*orders(1))
    await eventually(lambda: made.worker.waiting_count == 0)
    await made.worker.stop(deadline_s=0.01)
    assert made.source.acked == []


async def test_stop_does_not_wait_for_a_retry() -> None:
    """A bot between two attempts stops at once; the event comes again in its next run."""

    def fail(_: OrderEvent) -> None:
        raise ValueError("no")

    made = Bench(Recorder(fail), RetryPolicy(attempts=5, initial_delay_s=60, max_delay_s=60))
    await made.worker.start()
    made.send(*orders(1))
    await eventually(lambda: len(made.calls) == 1)
    async with asyncio.timeout(2):
        await made.worker.stop(deadline_s=30.0)
    assert made.source.acked == []
    assert made.shelf.letters == []


async def test_on_start_that_keeps_raising_keeps_the_bot_from_starting() -> None:
    """It is retried like any callback; then start raises what it raised, chained."""
    attempts: list[int] = []

    class Fails(Strategy):
        pairs = ("BTC-USDT",)

        def on_start(self) -> None:
            attempts.append(1)
            raise OSError("no file")

    made = Bench(Fails())
    with pytest.raises(HandlerError, match="on_start of bot fails raised") as caught:
        await made.worker.start()
    assert isinstance(caught.value.__cause__, OSError)
    assert len(attempts) == 3
    await made.worker.stop(deadline_s=1.0)


async def test_what_was_done_is_acknowledged_before_the_worker_is_gone() -> None:
    """The acknowledgement of the last event does not wait for a turn of the loop that may not come."""
    made = Bench(Recorder())
    await made.worker.start()
    made.send(*orders(1))
    await eventually(lambda: made.worker.handled_count == 1)
    await made.worker.stop(deadline_s=5.0)
    assert made.source.acked == [1]


async def test_one_acknowledgement_stands_for_many() -> None:
    """A bot that has much to do acknowledges once per turn of the loop, not once per event."""
    async with bench(Recorder()) as made:
        made.send(*orders(100))
        await made.settled(100)
    assert made.source.acked == list(range(1, 101))
    assert made.source.acknowledgement_count <= 100 / TURNS_IN_A_ROW + 1


async def test_a_bot_that_is_held_is_told_of_nothing_and_goes_on_where_it_was() -> None:
    """The event in hand is finished, what comes later waits, connection events too, and nothing is lost or doubled."""
    entered, leave = asyncio.Event(), asyncio.Event()

    class Slow(Strategy):
        pairs = ("BTC-USDT",)

        def __init__(self) -> None:
            self.told: list[str] = []

        async def on_fill(self, order: OrderEvent) -> None:
            entered.set()
            await leave.wait()
            self.told.append(f"fill {order.order_id}")

        def on_websocket_connected(self, connection: ConnectionEvent) -> None:
            self.told.append(f"connected {connection.state}")

    bot = Slow()
    async with bench(bot) as made:
        made.send(*orders(2))
        await entered.wait()
        holding = asyncio.create_task(made.worker.hold())
        await asyncio.sleep(0)
        assert not holding.done()
        leave.set()
        await holding
        assert made.source.acked == [1]
        connected = sample_connection_event(
            ALICE,
            ConnectionState.RECEIVING,
            ConnectionState.AUTHENTICATED,
            reason=None,
            gateway="test",
            time_ns=1,
        )
        made.worker.tell(connected, ("on_websocket_connected",))
        made.send(*orders(3)[2:])
        for _ in range(5):
            await asyncio.sleep(0)
        assert bot.told == ["fill 1"]
        assert made.worker.oldest_ns is None  # what waits for a bot that rests is no lag
        made.worker.release()
        await made.settled(2)
        await eventually(lambda: len(bot.told) == 4)
    assert bot.told == ["fill 1", "fill 2", "connected receiving", "fill 3"]


async def test_a_bot_that_is_held_is_not_called_again_for_what_it_could_not_handle() -> None:
    """The next attempt at an event waits for the release, too; and a held bot can be stopped."""
    failed = asyncio.Event()

    class Fails(Strategy):
        pairs = ("BTC-USDT",)
        calls = 0

        def on_fill(self, order: OrderEvent) -> None:
            self.calls += 1
            failed.set()
            if self.calls == 1:
                raise ValueError(order.order_id)

    bot = Fails()
    async with bench(bot) as made:
        made.send(*orders(1))
        await failed.wait()
        await made.worker.hold()
        assert bot.calls == 1
        made.worker.release()
        await made.settled(1)
        assert bot.calls == 2
        await made.worker.hold()
        made.send(*orders(2)[1:])
    assert bot.calls == 2
    assert made.source.acked == [1]


async def test_a_bot_that_is_not_certainly_ours_is_told_of_nothing() -> None:
    """Asked before each event, the right to act is lost amid several: no later one is handled, and none acknowledged."""
    bot = Recorder()
    made = Bench(bot, may_act=lambda: len(bot.told) < 2)
    await made.worker.start()
    made.send(*orders(3))
    await eventually(lambda: made.worker.is_held)
    await made.worker.stop(1.0)
    assert bot.told == [("fill", "1"), ("filled", "1")]
    assert made.source.acked == [1]
