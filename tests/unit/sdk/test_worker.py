"""One bot at work, without a broker: what it is told, how often, and what becomes of what it cannot handle."""

import asyncio
import threading
from collections.abc import Awaitable

from fillwire.bus.messages import Message
from fillwire.domain.enums import ConnectionState, Kind
from fillwire.domain.events import OrderEvent
from fillwire.sdk.causality import ClientOrderIds
from fillwire.sdk.strategy import Strategy
from fillwire.sdk.worker import NOTICES_CAPACITY, TURNS_IN_A_ROW
from fillwire.wire.dead_letters import CALLBACK, REPLAY_FOR
from fillwire.wire.headers import MESSAGE_ID
from support.deliveries import live_copy
from support.eventually import eventually
from support.hanging import hang
from support.order_events import ALICE, connection_event, order_event, order_life
from support.worker_bench import Bench, Recorder, bench, orders

CONNECTED = ("on_websocket_connected",)


async def test_every_execution_is_told_once_in_order_and_then_acknowledged() -> None:
    """on_fill comes before the kind's callback, plain and async alike, and the acknowledgement after both."""
    async with bench(Recorder()) as made:
        made.send(*orders(3))
        await made.settled(3)
        strategy = made.worker.bot.listener
        assert isinstance(strategy, Recorder)
        assert strategy.told == [(what, str(n)) for n in (1, 2, 3) for what in ("fill", "filled")]
    assert made.source.acked == [1, 2, 3]
    assert [(call.callback, call.callback_index) for call in made.calls[:2]] == [
        ("on_fill", 0),
        ("on_order_filled", 1),
    ]


async def test_nothing_is_acknowledged_before_the_callback_returned() -> None:
    """A process that dies in a callback is told of the event again."""
    entered, leave = asyncio.Event(), asyncio.Event()

    class Waits(Strategy):
        pairs = ("BTC-USDT",)

        async def on_fill(self, order: OrderEvent) -> None:  # noqa: ARG002 - the callback's signature
            entered.set()
            await leave.wait()

    async with bench(Waits()) as made:
        made.send(*orders(1))
        await entered.wait()
        assert made.source.acked == []
        leave.set()
        await made.settled(1)


async def test_a_repetition_is_acknowledged_and_not_told() -> None:
    """The same event in a second message, under another sequence, reaches no callback."""
    async with bench(Recorder()) as made:
        event = order_event()
        made.send(event, event)
        await made.settled(2)
        assert made.worker.repeated_count == 1
        assert len(made.calls) == 2  # on_fill and on_order_filled, once


async def test_a_raising_callback_is_retried_in_place_with_the_same_order_ids() -> None:
    """Later events wait, what has returned is not called again, and each attempt asks for the same client order id."""
    ids = ClientOrderIds("recorder", str(ALICE), "start")
    asked: list[str] = []

    def fail_twice(order: OrderEvent) -> None:
        if order.order_id == "1":
            asked.append(ids.next())
            if len(asked) < 3:
                raise ValueError("not yet")

    async with bench(Recorder(fail_twice)) as made:
        made.send(*orders(2))
        await made.settled(2)
        strategy = made.worker.bot.listener
        assert isinstance(strategy, Recorder)
        assert strategy.told == [("fill", "1"), ("filled", "1"), ("fill", "2"), ("filled", "2")]
    assert len(asked) == 3
    assert len(set(asked)) == 1
    assert [call.attempt for call in made.calls if call.callback == "on_fill"] == [1, 2, 3, 1]
    assert made.shelf.letters == []


async def test_what_keeps_raising_becomes_a_dead_letter_and_the_bot_goes_on() -> None:
    """After the last attempt the event is kept with callback and exception; its other callback and later events follow."""

    def fail(order: OrderEvent) -> None:
        if order.order_id == "1":
            raise KeyError("no such position")

    async with bench(Recorder(fail)) as made:
        made.send(*orders(2))
        await made.settled(2)
        strategy = made.worker.bot.listener
        assert isinstance(strategy, Recorder)
        assert strategy.told == [("filled", "1"), ("fill", "2"), ("filled", "2")]
    (letter,) = made.shelf.letters
    assert (letter.callback, letter.exception, letter.attempts) == ("on_fill", "KeyError", 3)
    assert (letter.reason, letter.event_id) == ("'no such position'", order_event(order_id="1").event_id)
    assert letter.original_subject == "orders.alice.binance.live.BTC-USDT.filled"


async def test_what_cannot_be_decoded_becomes_a_dead_letter() -> None:
    """A message that is no event reaches no callback and holds nothing up."""
    async with bench(Recorder()) as made:
        made.worker.take(made.source.message(b'{"v": 1}'))
        made.send(*orders(1))
        await made.settled(2)
    (letter,) = made.shelf.letters
    assert (letter.exception, letter.callback, letter.event_id, letter.attempts) == (
        "DecodeError",
        None,
        None,
        0,
    )
    assert made.worker.handled_count == 1


async def test_a_callback_that_is_cancelled_from_within_has_failed() -> None:
    """A bot's own cancelled task must not end the bot."""

    class Cancels(Strategy):
        pairs = ("BTC-USDT",)

        async def on_fill(self, order: OrderEvent) -> None:
            if order.order_id == "1":
                task = asyncio.create_task(hang())
                task.cancel()
                await task

    async with bench(Cancels()) as made:
        made.send(*orders(2))
        await made.settled(2)
    assert made.shelf.letters[0].exception == "RuntimeError"
    assert made.worker.handled_count == 2


async def test_plain_callbacks_of_a_blocking_bot_run_in_its_thread_in_order() -> None:
    """The loop stays free while they block, and they never overlap."""
    loop_thread = threading.get_ident()
    release = threading.Event()
    seen: list[tuple[str, bool]] = []

    class Blocks(Strategy):
        pairs = ("BTC-USDT",)
        blocking = True

        def on_fill(self, order: OrderEvent) -> None:
            release.wait(5)
            seen.append((order.order_id, threading.get_ident() == loop_thread))

        async def on_order_filled(self, order: OrderEvent) -> None:
            seen.append((order.order_id, threading.get_ident() == loop_thread))

    async with bench(Blocks()) as made:
        made.send(*orders(2))
        await asyncio.sleep(0)  # the loop turns while the thread blocks
        release.set()
        await made.settled(2)
    assert seen == [("1", False), ("1", True), ("2", False), ("2", True)]


async def test_a_plain_callback_may_return_an_awaitable() -> None:
    """`return self.place_order(...)` from a plain callback is awaited, not lost."""
    done: list[str] = []

    class Returns(Strategy):
        pairs = ("BTC-USDT",)

        def on_fill(self, order: OrderEvent) -> Awaitable[None]:
            async def later() -> None:
                done.append(order.order_id)

            return later()

    async with bench(Returns()) as made:
        made.send(*orders(1))
        await made.settled(1)
    assert done == ["1"]


async def test_connection_events_keep_their_place_among_order_events() -> None:
    """A bot hears of the connection after what arrived before, and before what arrived after."""
    async with bench(Recorder()) as made:
        first, second = orders(2)
        made.send(first)
        made.worker.tell(connection_event(ConnectionState.RECEIVING), CONNECTED)
        made.send(second)
        await made.settled(2)
        strategy = made.worker.bot.listener
        assert isinstance(strategy, Recorder)
        assert [what for what, _ in strategy.told] == ["fill", "filled", "connected", "fill", "filled"]


async def test_a_bot_that_lags_loses_the_oldest_connection_events() -> None:
    """The queue of connection events is bounded, and the latest are what counts."""
    made = Bench(Recorder())
    for number in range(NOTICES_CAPACITY + 2):
        made.worker.tell(connection_event(ConnectionState.RECEIVING, gateway=str(number)), CONNECTED)
    await made.worker.start()
    strategy = made.worker.bot.listener
    assert isinstance(strategy, Recorder)
    await eventually(lambda: len(strategy.told) == NOTICES_CAPACITY)
    assert (strategy.told[0], strategy.told[-1]) == (
        ("connected", "2"),
        ("connected", str(NOTICES_CAPACITY + 1)),
    )
    await made.worker.stop(deadline_s=1.0)


async def test_the_inbox_is_bounded() -> None:
    """More than the source may send ahead is refused, not kept."""
    made = Bench(Recorder())
    taken = [made.worker.take(made.source.event(event)) for event in orders(257)]
    assert taken == [True] * 256 + [False]
    await made.worker.stop(deadline_s=1.0)


async def test_callbacks_that_never_wait_leave_the_loop_to_others() -> None:
    """A burst for one bot is interrupted, so that another task runs long before its end."""
    strategy = Recorder()
    made = Bench(strategy)
    made.send(*orders(250))
    await made.worker.start()
    await asyncio.sleep(0)
    told = len(strategy.told)
    assert 0 < told <= 2 * TURNS_IN_A_ROW
    await made.settled(250)
    await made.worker.stop(deadline_s=1.0)


async def test_a_replayed_event_is_for_one_bot_and_one_callback() -> None:
    """It is told although the event is known, only to the bot and callback that it names, and once."""
    async with bench(Recorder()) as made:
        event = order_event()
        ours = {REPLAY_FOR: made.worker.bot.durable, CALLBACK: "on_fill", MESSAGE_ID: "letter:r1"}
        theirs = {REPLAY_FOR: "alice==other", CALLBACK: "on_fill", MESSAGE_ID: "letter:r2"}
        made.send(event)
        for headers in (ours, ours, theirs):
            made.worker.take(made.source.event(event, headers))
        await made.settled(4)
        strategy = made.worker.bot.listener
        assert isinstance(strategy, Recorder)
        assert strategy.told == [("fill", "1"), ("filled", "1"), ("fill", "1")]


async def test_events_without_a_callback_are_acknowledged() -> None:
    """A bot that does not care for an event is not held up by it."""
    async with bench(Recorder()) as made:
        made.send(order_event(kind=Kind.NEW, trade=None, cumulative="0"))
        await made.settled(1)
        assert made.calls == []


async def test_a_live_copy_is_told_before_the_durable_brings_it_and_once() -> None:
    """What is proven to come next is told at once; the durable's copy is then acknowledged and not told."""
    async with bench(Recorder()) as made:
        made.worker.lane.is_open = True
        events = order_life("1", "0.2", "0.5")
        for event in events:
            made.worker.take_live(live_copy(event))
        strategy = made.worker.bot.listener
        assert isinstance(strategy, Recorder)
        await eventually(lambda: strategy.told == [("fill", "1"), ("fill", "1"), ("filled", "1")])
        assert made.source.acked == []
        made.send(*events)
        await made.settled(3)
        assert len(strategy.told) == 3
        assert (made.worker.live_count, made.worker.handled_count, made.worker.repeated_count) == (3, 3, 0)


async def test_a_live_copy_that_is_not_proven_next_waits_for_the_durable() -> None:
    """A gap, an unknown order, a closed lane, garbage and a replay are left to the durable."""
    async with bench(Recorder()) as made:
        new, first, second = order_life("1", "0.2", "0.5")
        made.worker.take_live(live_copy(new))  # closed
        made.worker.lane.is_open = True
        made.worker.take_live(live_copy(first))  # unknown order
        made.send(new)
        made.worker.take_live(live_copy(second))  # the first is missing
        made.worker.take_live(live_copy(first, {REPLAY_FOR: "alice==recorder"}))
        made.worker.take_live(Message(b"orders.x", b"", b"no json", b"", lambda _: None))
        await made.settled(1)
        strategy = made.worker.bot.listener
        assert isinstance(strategy, Recorder)
        assert strategy.told == []
        made.send(first, second)
        await made.settled(3)
        assert strategy.told == [("fill", "1"), ("fill", "1"), ("filled", "1")]
        assert made.worker.live_count == 0


async def test_a_callback_that_raises_on_a_live_copy_is_called_again_on_the_durables() -> None:
    """What had returned is not called again, later events of the order wait, and letters name the stream's sequence."""
    told: list[str] = []

    class Fails(Strategy):
        pairs = ("BTC-USDT",)

        def on_fill(self, order: OrderEvent) -> None:
            told.append(f"fill {order.cumulative_quantity}")

        def on_order_partially_filled(self, order: OrderEvent) -> None:
            told.append(f"partially {order.cumulative_quantity}")
            raise ValueError("always")

    async with bench(Fails()) as made:
        made.worker.lane.is_open = True
        events = order_life("1", "0.2", "0.5")
        for event in events:
            made.worker.take_live(live_copy(event))
        await eventually(lambda: len(told) == 2 and made.worker.live_count == 1)
        assert told == ["fill 0.2", "partially 0.2"]
        made.send(*events)
        await made.settled(3)
    assert told == ["fill 0.2", *["partially 0.2"] * 4, "fill 0.5"]
    (letter,) = made.shelf.letters
    assert (letter.callback, letter.original_sequence) == ("on_order_partially_filled", 2)


async def test_live_copies_that_wait_are_bounded_and_take_no_room_from_the_durable() -> None:
    """A bot that lags drops live copies, for the durable brings them."""
    made = Bench(Recorder())
    made.worker.lane.is_open = True
    for event in orders(300):
        made.worker.take_live(live_copy(event))
    assert made.worker.waiting_count == 256
    assert all(made.worker.take(made.source.event(event)) for event in orders(256))
    await made.worker.stop(deadline_s=1.0)
