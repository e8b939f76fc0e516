"""Orders of which a frame has shown more than the log has: asked for at once, together, and until the log has all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from decimal import Decimal

import pytest

from fillwire.domain.enums import Kind
from fillwire.domain.ledger import KnownOrder, Ledger, OrderKey
from fillwire.gateway import pending
from fillwire.gateway.express import MAX_AT_ONCE, Express
from fillwire.gateway.pending import CLAIM_RETRY_S, Claim, Pending
from fillwire.venues.protocol import OrderDoubted
from support.eventually import eventually
from support.jumping_loop import JumpingLoop
from support.memory_venue import SECOND_NS, SYMBOL, MemoryVenue
from support.order_events import EPOCH_NS
from support.reconciling import Gateway, MemoryLog

ONE: OrderKey = ("BTC-USD", "1")
HALF = Claim(Decimal("0.5"))


def _known(cumulative: str, ending: Kind | None = None) -> KnownOrder:
    return KnownOrder(ONE, Decimal(cumulative), ending, None, None, has_forgotten=False)


class Clock:
    """A loop's clock that moves when it is told to."""

    now_s = 10.0

    def __call__(self) -> float:
        """Return now."""
        return self.now_s


def _pending(clock: Callable[[], float]) -> Pending:
    return Pending(clock, lambda: 0, retry_first_s=1.0, retry_max_s=3.0)


def test_a_claim_is_met_by_a_log_that_has_as_much() -> None:
    """The quantity, and the end where that was shown; of an order that nobody knows nothing is missing."""
    ended = Claim(Decimal("0.5"), has_ended=True)
    assert not HALF.is_met(_known("0.4"))
    assert HALF.is_met(_known("0.5"))
    assert not ended.is_met(_known("0.5"))
    assert ended.is_met(_known("0.5", Kind.CANCELLED))
    assert not ended.is_met(_known("0.4", Kind.CANCELLED))
    assert ended.is_met(None)


def test_claims_add_up() -> None:
    """The most that any frame has shown."""
    assert Claim(Decimal(1)).with_(Claim(Decimal("0.5"), has_ended=True)) == Claim(Decimal(1), has_ended=True)
    assert HALF.with_(None) == HALF
    assert Claim.of(OrderDoubted(ONE)) is None
    assert Claim.of(OrderDoubted(ONE, executed=Decimal(2), has_ended=True)) == Claim(
        Decimal(2), has_ended=True
    )


def test_a_claim_is_repeated_soon_and_then_less_and_less_often() -> None:
    """Sooner than a gap, which closes by itself more often than not."""
    clock = Clock()
    orders = _pending(clock)
    orders.add(ONE, 0.0, HALF)
    assert orders.due_claims() == [ONE]
    waits = []
    for _ in range(6):
        orders.postpone(ONE)
        due_s = orders.next_claim_s(())
        assert due_s is not None
        waits.append(round(due_s - clock.now_s, 3))
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.0]
    assert orders.next_due_s is None  # nothing that is asked for in turn


def test_more_that_is_claimed_is_asked_for_anew_but_not_at_every_frame() -> None:
    """A frame that comes while the venue has just been asked waits a moment."""
    clock = Clock()
    orders = _pending(clock)
    orders.add(ONE, 5.0)
    orders.add(ONE, 0.0, HALF)
    assert orders.due_claims() == [ONE]
    orders.note_asked(ONE)
    orders.add(ONE, 0.0, Claim(Decimal(1)))
    assert orders.due_claims() == []
    assert orders.next_claim_s(()) == clock.now_s + CLAIM_RETRY_S
    assert orders.next_claim_s((ONE,)) is None
    assert not orders.is_met(ONE, _known("0.5"))
    assert orders.is_met(ONE, _known("1"))
    assert orders.is_met(("BTC-USD", "2"), None)


def test_a_claim_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As any order: whoever adds it sweeps instead."""
    monkeypatch.setattr(pending, "MAX_ORDERS", 1)
    orders = _pending(Clock())
    assert orders.add(ONE, 0.0)
    assert not orders.add(("BTC-USD", "2"), 0.0, HALF)


def _run(work: Coroutine[object, object, None]) -> None:
    """Run on a loop whose time jumps: a sleep only moves its clock."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(work)


def test_orders_are_asked_for_together_and_no_more_than_a_few() -> None:
    """One whose answer does not come keeps none but itself waiting."""

    async def work() -> None:
        loop = asyncio.get_running_loop()
        orders = _pending(loop.time)
        began: list[str] = []
        hold = asyncio.Event()

        async def settle(key: OrderKey) -> None:
            began.append(key[1])
            if key[1] == "0":
                await hold.wait()
            else:
                await asyncio.sleep(1.0)
            orders.discard(key)

        express = Express(orders, loop.time, settle, "alice")
        for number in range(2 * MAX_AT_ONCE):
            orders.add(("BTC-USD", str(number)), 0.0, HALF)
        express.wake()
        await asyncio.sleep(0.5)
        assert began == []  # everything is being compared: not yet
        express.resume()
        await asyncio.sleep(0.5)
        assert len(began) == MAX_AT_ONCE
        await asyncio.sleep(3.1)
        assert len(began) == 2 * MAX_AT_ONCE
        assert len(orders) == 1
        await express.stop()

    _run(work())


def test_an_order_in_hand_is_not_asked_for_twice() -> None:
    """Though more is claimed of it; that is asked for when the answer has come."""

    async def work() -> None:
        loop = asyncio.get_running_loop()
        orders = _pending(loop.time)
        times: list[float] = []

        async def settle(key: OrderKey) -> None:
            times.append(loop.time())
            await asyncio.sleep(0.5)
            if len(times) == 2:
                orders.discard(key)
            else:
                orders.postpone(key)

        express = Express(orders, loop.time, settle, "alice")
        orders.add(ONE, 0.0, HALF)
        express.resume()
        await asyncio.sleep(0.2)
        orders.add(ONE, 0.0, Claim(Decimal(1)))
        express.wake()
        await asyncio.sleep(2.0)
        assert [round(time_s, 3) for time_s in times] == [0.0, 0.5 + CLAIM_RETRY_S]
        await express.stop()

    _run(work())


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway that is connected to an account on which nothing has happened."""
    gateway = Gateway(MemoryVenue(EPOCH_NS), MemoryLog(refuses_doubles=False), Ledger())
    await gateway.reconciler.recall()
    await gateway.catch_up()
    yield gateway
    await gateway.reconciler.stop()


def _told(gateway: Gateway) -> list[str]:
    return [event.last_fill.trade_id for event in gateway.log.orders() if event.last_fill is not None]


async def test_what_is_claimed_is_published_though_no_frame_has_an_execution(gateway: Gateway) -> None:
    """The records tell of it, in order and with the end."""
    venue = gateway.venue
    order = venue.place(2)
    venue.fill(order)
    venue.fill(order)
    key = (SYMBOL, str(order.order_id))
    gateway.reconciler.note_doubt(key, 0.0, Claim(Decimal(2), has_ended=True))
    await eventually(lambda: _told(gateway) == order.trade_ids())
    assert [event.kind for event in gateway.log.orders()] == [Kind.NEW, Kind.PARTIALLY_FILLED, Kind.FILLED]


async def test_records_that_are_behind_as_a_whole_are_asked_again(gateway: Gateway) -> None:
    """They agree with themselves, and lack what the frame has shown: the order is not settled by that."""
    venue = gateway.venue
    order = venue.place(2)
    venue.fill(order)
    venue.lag_ns = SECOND_NS  # they show the order as it was placed
    gateway.reconciler.note_doubt((SYMBOL, str(order.order_id)), 0.0, Claim(Decimal(1)))
    await eventually(lambda: [event.kind for event in gateway.log.orders()] == [Kind.NEW])
    await eventually(lambda: gateway.reconciler.standing.missing_since_ns is not None)
    venue.lag_ns = 0
    await eventually(lambda: _told(gateway) == order.trade_ids())
    assert await gateway.sweep()


async def test_a_claim_that_the_log_meets_asks_nothing(gateway: Gateway) -> None:
    """As when the records were quicker than the stream."""
    venue = gateway.venue
    order = venue.place(1)
    gateway.sequencer.take(venue.frames.pop(), 0, 0)
    asked = venue.requests
    gateway.reconciler.note_doubt((SYMBOL, str(order.order_id)), 0.0, Claim(Decimal(0)))
    assert len(gateway.reconciler._pending) == 0
    assert venue.requests == asked


async def test_a_venue_that_does_not_answer_is_asked_until_it_does(gateway: Gateway) -> None:
    """And a mistake in an answer ends nothing."""
    venue = gateway.venue
    order = venue.place(1)
    venue.fill(order)
    venue.failures = 3
    gateway.reconciler.note_doubt((SYMBOL, str(order.order_id)), 0.0, Claim(Decimal(1), has_ended=True))
    await eventually(lambda: _told(gateway) == order.trade_ids())


async def test_after_a_loss_everything_is_compared(gateway: Gateway) -> None:
    """Also an order of which no frame has told at all."""
    venue = gateway.venue
    order = venue.place(1)
    venue.fill(order)
    venue.frames.clear()
    gateway.reconciler.note_loss("a frame is missing")
    await eventually(lambda: _told(gateway) == order.trade_ids())
