"""A bot that is rehearsed meets what it would meet in a host, and every fault that a test asks for."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from fillwire.domain.enums import Side, Source
from fillwire.domain.errors import BrokerError, OrdersUnknown
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.orders import Outcome, TradeOrder
from fillwire.sdk.strategy import Strategy
from fillwire.testing import Fault, Faults, Rehearsal, ScriptedVenue, market

PAIR = "BTC-USDT"


class Flipper(Strategy):
    """Buys once, sells what it bought, and writes down what it hears; its diary outlives it."""

    pairs = (PAIR,)
    name = "flipper"

    def __init__(self, diary: list[str]) -> None:
        self.diary = diary
        self.answers: list[TradeOrder] = []

    async def on_start(self) -> None:
        """Buy."""
        self.diary.append("start")
        answer = await self.place_order(
            PAIR, "buy", 1, price=90, client_order_id="flipper-aaaaa-0123456789abcdef"
        )
        self.answers.append(answer)

    async def on_order_accepted(self, order: OrderEvent) -> None:
        """Write it down."""
        self.diary.append(f"accepted {order.side}")

    async def on_order_filled(self, order: OrderEvent) -> None:
        """Sell."""
        self.diary.append(f"filled {order.side} {order.source}")
        if order.side is Side.BUY:
            self.answers.append(await self.place_order(PAIR, "sell", order.cumulative_quantity, price=110))

    def on_websocket_disconnected(self, connection: ConnectionEvent) -> None:
        """Write it down."""
        self.diary.append(f"lost: {connection.reason}")

    def on_reconciled(self, connection: ConnectionEvent) -> None:  # noqa: ARG002 - the callback's signature
        """Write it down."""
        self.diary.append("in step")

    def on_wake(self) -> None:
        """Write it down."""
        self.diary.append("woken")

    async def on_stop(self) -> None:
        """Write it down."""
        self.diary.append("stop")


def stage(faults: Faults | None = None) -> tuple[Rehearsal[Flipper], ScriptedVenue, list[str]]:
    """Return a rehearsal, its venue, and what the bot writes down."""
    diary: list[str] = []
    venue = ScriptedVenue(market(PAIR, 100))
    return Rehearsal(lambda: Flipper(diary), venue, faults), venue, diary


async def test_a_bot_hears_of_its_orders_as_in_a_host() -> None:
    """It is told in order, places from its callbacks, and is told in step when it has heard what there was."""
    rehearsal, venue, diary = stage()
    async with rehearsal as bot:
        venue.move(PAIR, 80)
        venue.move(PAIR, 120)
        await bot.run()
        venue.move(PAIR, 121)
        await bot.run()
        assert [order.request.side for order in venue.orders] == [Side.BUY, Side.SELL]
    assert diary == [
        "start",
        "accepted buy",
        "in step",
        "filled buy stream",
        "accepted sell",
        "filled sell stream",
        "stop",
    ]


async def test_what_happens_while_the_connection_is_lost_is_told_when_it_is_back() -> None:
    """Nothing is told and no order taken meanwhile; what was missed comes from the records."""
    rehearsal, venue, diary = stage()
    async with rehearsal as bot:
        bot.disconnect("gone")
        venue.move(PAIR, 80)
        await bot.run()
        assert diary[-1] == "lost: gone"
        refused = await bot.bot.place_order(PAIR, "buy", 1, price=70)
        assert (refused.outcome, refused.reason) == (
            Outcome.REJECTED,
            "not sent: the connection to the venue is lost",
        )
        assert (await bot.bot.get_order(PAIR, order_id="1")).outcome is Outcome.UNKNOWN
        with pytest.raises(OrdersUnknown):
            await bot.bot.open_orders()
        bot.reconnect()
        await bot.run()
        assert diary[4:] == [f"filled buy {Source.REST}", "in step", "accepted sell"]


async def test_a_crash_repeats_what_was_handled_last_and_places_nothing_twice() -> None:
    """A new bot is made, hears again what was not acknowledged, and its counter-order has the same id."""
    rehearsal, venue, diary = stage(Faults(redelivered=64, seed=0))
    async with rehearsal as bot:
        venue.move(PAIR, 80)
        await bot.run()
        before = bot.bot
        for _ in range(5):
            await bot.restart()
        assert bot.bot is not before
        assert bot.start_count == 6
        assert diary.count("filled buy stream") > 1
        assert len(venue.orders) == 2
        assert len({order.client_order_id for order in bot.placed}) == 2


@pytest.mark.parametrize(
    ("fault", "outcome", "order_count"),
    [
        (Fault.LOST_REQUEST, Outcome.UNKNOWN, 0),
        (Fault.LOST_ANSWER, Outcome.UNKNOWN, 1),
        (Fault.REJECTED, Outcome.REJECTED, 0),
        (Fault.EARLY_EVENTS, Outcome.ACCEPTED, 1),
    ],
)
async def test_a_fault_strikes_the_next_order(fault: Fault, outcome: Outcome, order_count: int) -> None:
    """What the bot is told and what the venue has is what the fault says."""
    rehearsal, venue, _ = stage()
    rehearsal.faults.next(fault)
    async with rehearsal as bot:
        assert [answer.outcome for answer in bot.bot.answers] == [outcome]
        assert len(venue.orders) == order_count


async def test_a_crash_at_a_request_ends_the_process_there() -> None:
    """Before it is sent, nothing was placed; after it, the order is there and the answer is not."""
    diary: list[str] = []
    there: list[int] = []  # orders at the venue, at each start
    venue = ScriptedVenue(market(PAIR, 100))

    def make() -> Flipper:
        there.append(len(venue.orders))
        return Flipper(diary)

    rehearsal = Rehearsal(make, venue)
    rehearsal.faults.next(Fault.CRASHED)
    async with rehearsal as bot:
        assert there == [0, 0]
        assert diary.count("start") == 2
        assert len(venue.orders) == 1
        assert [answer.outcome for answer in bot.bot.answers] == [Outcome.ACCEPTED]


async def test_late_events_are_late_by_order() -> None:
    """Those of one order stay behind together, and in order, while others are told."""
    rehearsal, venue, _ = stage()
    async with rehearsal as bot:
        await bot.bot.place_order(PAIR, "buy", 1, price=80)
        venue.move(PAIR, 70)
        bot.faults.next(Fault.LATE_EVENTS)
        bot.publish()
        assert [event.order_id for event in bot.log if event.last_fill is not None] == ["1"]
        await bot.run()
        kinds = [(event.order_id, event.kind.value) for event in bot.log if event.order_id == "2"]
        assert kinds == [("2", "new"), ("2", "filled")]


async def test_a_repeated_callback_has_the_same_event() -> None:
    """As after an exception at its end."""
    rehearsal, venue, diary = stage()
    async with rehearsal as bot:
        venue.move(PAIR, 80)
        bot.faults.next(Fault.REPEATED)
        await bot.run()
        assert diary.count("filled buy stream") == 2
        assert len(venue.orders) == 2


async def test_time_passes_when_the_test_lets_it() -> None:
    """A bot is woken when it has asked to be, at the earliest of the times."""
    rehearsal, venue, diary = stage()
    async with rehearsal as bot:
        start_ns = bot.bot.now_ns
        bot.bot.wake_after(60)
        bot.bot.wake_after(5)
        await bot.wait(4)
        assert "woken" not in diary
        await bot.wait(60)
        assert diary.count("woken") == 1
        assert bot.bot.now_ns - start_ns == 64_000_000_000
        bot.bot.wake_after(3_000)
        await bot.settle()
        assert diary.count("woken") == 2
        assert venue.now_ns == start_ns + 3_064_000_000_000


async def test_own_events_are_read_from_the_log() -> None:
    """The bot's own, by their ids, whether it was told or not; a log that is away says so."""
    rehearsal, venue, _ = stage()
    async with rehearsal as bot:
        await bot.bot.place_order(PAIR, "buy", 1, price=80)
        venue.move(PAIR, 70)
        bot.publish()
        own = await bot.bot.own_events(PAIR)
        # The first order's id says another bot's label.
        assert [(event.order_id, event.kind.value) for event in own] == [("2", "new"), ("2", "filled")]
        assert not (await bot.bot.read_own_log(after=bot.sequence)).events
        bot.faults.next(Fault.LOG_AWAY)
        with pytest.raises(BrokerError, match="the log cannot be read"):
            await bot.bot.own_events()


async def test_a_checkpoint_outlives_the_bot() -> None:
    """What was kept is what the next start finds."""
    rehearsal, _, _ = stage()
    async with rehearsal as bot:
        assert await bot.bot.load_checkpoint() is None
        await bot.bot.save_checkpoint(7, b"state")
        await bot.restart()
        found = await bot.bot.load_checkpoint()
        assert found is not None
        assert (found.sequence, found.state) == (7, b"state")


async def test_orders_are_cancelled_on_stop_if_asked() -> None:
    """And only then."""
    for cancels in (False, True):
        rehearsal, venue, _ = stage()
        async with rehearsal as bot:
            await bot.bot.place_order(PAIR, "buy", 1, price=80)
            bot.bot.cancel_orders_on_stop = cancels
        open_ids = [order.order_id for order in venue.open_orders()]
        assert open_ids == (["1"] if cancels else ["1", "2"])  # the first has another bot's label


async def test_orders_of_pairs_that_it_does_not_listen_to_stay_open() -> None:
    """As in a host: a bot that is to leave nothing behind cancels what it has open of its pairs."""
    venue = ScriptedVenue(market(PAIR, 100), market("ETH-USDT", 100))
    async with Rehearsal(lambda: Flipper([]), venue) as bot:
        await bot.bot.place_order("ETH-USDT", "buy", 1, price=80)
        await bot.bot.place_order(PAIR, "buy", 1, price=80)
        bot.bot.cancel_orders_on_stop = True
    open_ids = [order.order_id for order in venue.open_orders()]
    assert open_ids == ["1", "2"]  # the first has another bot's label, the second is of the other pair


@pytest.mark.parametrize("broken", ["on_order_accepted", "on_start", "on_reconciled"])
async def test_what_a_callback_raises_fails_the_test(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is retried: the error comes out of the call that caused it."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Flipper, broken, fail)
    rehearsal, _, _ = stage()
    with pytest.raises(ZeroDivisionError):
        await rehearsal.run()


async def test_a_bot_that_never_rests_is_told_apart() -> None:
    """It asks to be woken at once, again and again."""

    class Restless(Strategy):
        pairs = (PAIR,)

        def on_start(self) -> None:
            self.wake_after(0)

        def on_wake(self) -> None:
            self.wake_after(0)

    with pytest.raises(AssertionError, match="does not come to rest"):
        await Rehearsal(Restless, ScriptedVenue(market(PAIR, 100))).run()


def test_a_seed_is_a_course() -> None:
    """The same seed strikes on the same occasions."""

    def course(seed: int) -> list[bool]:
        faults = Faults(seed=seed, chances={Fault.CRASHED: 0.5})
        return [faults.strikes(Fault.CRASHED) for _ in range(50)]

    assert course(1) == course(1) != course(2)
    stopped = Faults(chances={Fault.CRASHED: 1.0})
    stopped.next(Fault.REJECTED)
    stopped.stop()
    assert not stopped.strikes(Fault.CRASHED)
    assert not stopped.strikes(Fault.REJECTED)


def test_thousands_of_fills_take_a_moment() -> None:
    """A test of a strategy is quick enough to have many."""

    async def rehearse(make: Callable[[], Strategy]) -> int:
        venue = ScriptedVenue(market(PAIR, 100))
        async with Rehearsal(make, venue) as bot:
            for number in range(500):
                await bot.bot.place_order(PAIR, "buy", 1, price=90 - Decimal(number) / 100)
            venue.move(PAIR, 50)
            await bot.run()
        return len(venue.executions)

    class Idle(Strategy):
        pairs = (PAIR,)

    assert asyncio.run(rehearse(Idle)) == 500


async def test_what_the_log_has_twice_is_told_once() -> None:
    """As by a host, which drops what it has handled."""
    rehearsal, venue, diary = stage()
    async with rehearsal as bot:
        venue.move(PAIR, 80)
        await bot.run()
        bot._log.extend(bot._log)
        await bot.run()
        assert diary.count("filled buy stream") == 1
