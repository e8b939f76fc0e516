"""Live copies beside the durable: whatever they miss, repeat and reorder, a bot is told once and in order."""

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal, localcontext

from hypothesis import given, settings
from hypothesis import strategies as st

from fillwire.bus.messages import Message
from fillwire.domain.enums import Kind
from fillwire.domain.events import OrderEvent
from fillwire.sdk.bot import Bot, bot_of
from fillwire.sdk.decoding import Decoder
from fillwire.sdk.lane import Lane
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.strategy import Strategy
from fillwire.sdk.worker import Worker
from fillwire.wire.dead_letters import DeadLetter
from support.deliveries import Source, live_copy
from support.eventually import eventually
from support.order_events import ALICE, order_event

ATTEMPTS = 2


def life(order_id: str, fills: int, ending: Kind | None) -> list[OrderEvent]:
    """Return an order's events: accepted, executions of 0.1, and how it ended, if it did."""
    events = [order_event(order_id=order_id, trade=None, kind=Kind.NEW, cumulative="0")]
    for number in range(1, fills + 1):
        event = order_event(
            order_id=order_id, trade=number, kind=Kind.PARTIALLY_FILLED, cumulative=str(Decimal(number) / 10)
        )
        assert event.last_fill is not None
        events.append(replace(event, last_fill=replace(event.last_fill, quantity=Decimal("0.1"))))
    if ending is Kind.FILLED and fills:
        events[-1] = replace(events[-1], kind=Kind.FILLED)
    elif ending is not None:
        cumulative = str(Decimal(fills) / 10)
        events.append(order_event(order_id=order_id, trade=None, kind=ending, cumulative=cumulative))
    return events


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[OrderEvent], list[tuple[bool, int]]]:
    """Return a stream of several orders, and an order of arrival: (is live, place in the stream).

    The durable delivers everything once and in order; live copies come never, once or twice, whenever and in any order.
    """
    endings = st.sampled_from([None, Kind.FILLED, Kind.CANCELLED, Kind.EXPIRED])
    lives = [
        life(str(number), draw(st.integers(0, 4)), draw(endings)) for number in range(draw(st.integers(1, 3)))
    ]
    stream: list[OrderEvent] = []
    while any(lives):
        chosen = draw(st.sampled_from([events for events in lives if events]))
        stream.append(chosen.pop(0))
    live = draw(st.lists(st.integers(0, len(stream) - 1), max_size=2 * len(stream)))
    # Mostly in order, as live copies come; the shuffle is the exception.
    live = live if draw(st.booleans()) else sorted(live)
    arrivals = [(False, place) for place in range(len(stream))]
    for place in reversed(live):
        arrivals.insert(draw(st.integers(0, len(arrivals))), (True, place))
    if draw(st.booleans()):
        arrivals = [(True, place) for place in live] + [(False, place) for place in range(len(stream))]
    return stream, arrivals


class Teller(Strategy):
    """Notes what was handled; fails on calls as it is told."""

    pairs = ("*",)

    def __init__(self, failures: set[tuple[str, str]]) -> None:
        self.failures = failures
        self.told: list[tuple[str, str, str]] = []
        self.calls: Counter[tuple[str, str]] = Counter()

    def note(self, callback: str, order: OrderEvent) -> None:
        """Fail on every first call of a chosen callback, note all others."""
        call = (callback, order.event_id)
        self.calls[call] += 1
        if call in self.failures and self.calls[call] == 1:
            raise ValueError("once")
        self.told.append((order.order_id, order.event_id, callback))

    def on_fill(self, order: OrderEvent) -> None:
        """Note it."""
        self.note("on_fill", order)

    def on_order_accepted(self, order: OrderEvent) -> None:
        """Note it."""
        self.note("kind", order)

    on_order_partially_filled = on_order_filled = on_order_cancelled = on_order_expired = on_order_accepted


class NoLetters:
    """Refuses letters: every callback succeeds at the second attempt."""

    async def keep(self, bot: Bot, letter: DeadLetter, message: Message) -> None:
        """Fail the test."""
        raise AssertionError((bot, letter, message))


async def run(stream: list[OrderEvent], arrivals: list[tuple[bool, int]], teller: Teller) -> Worker:
    """Let everything arrive and be handled."""
    worker = Worker(
        bot_of(teller, ALICE),
        decoder=Decoder(),
        letters=NoLetters(),
        observe=lambda *_: None,
        retry=RetryPolicy(attempts=ATTEMPTS, initial_delay_s=0, max_delay_s=0),
        capacity=256,
    )
    worker.lane.is_open = True
    source = Source()
    await worker.start()
    for is_live, place in arrivals:
        if is_live:
            worker.take_live(live_copy(stream[place]))
        else:
            assert worker.take(source.event(stream[place]))
    await eventually(lambda: len(source.acked) == len(stream))
    await worker.stop(deadline_s=1.0)
    assert source.acked == list(range(1, len(stream) + 1))
    return worker


@settings(deadline=None, max_examples=300)
@given(histories(), st.data())
def test_every_event_is_told_once_and_in_order_per_order(
    history: tuple[list[OrderEvent], list[tuple[bool, int]]], data: st.DataObject
) -> None:
    """Live copies that are missing, repeated, late or shuffled, and callbacks that raise, change nothing but the speed."""
    stream, arrivals = history
    calls = [(callback, event.event_id) for event in stream for callback in ("on_fill", "kind")]
    failures = set(data.draw(st.lists(st.sampled_from(calls), max_size=3)))
    teller = Teller(failures)
    worker = asyncio.run(run(stream, arrivals, teller))
    for order_id in {event.order_id for event in stream}:
        expected = [
            (order_id, event.event_id, callback)
            for event in stream
            if event.order_id == order_id
            for callback in (("on_fill", "kind") if event.last_fill else ("kind",))
        ]
        assert [told for told in teller.told if told[0] == order_id] == expected
    assert worker.handled_count == len(stream)


def test_live_copies_in_order_are_all_used() -> None:
    """Undisturbed, every event is told from its live copy: the lane is worth having."""
    stream = life("1", 4, Kind.FILLED) + life("2", 2, Kind.CANCELLED)
    arrivals = [(True, place) for place in range(len(stream))] + [
        (False, place) for place in range(len(stream))
    ]
    worker = asyncio.run(run(stream, arrivals, Teller(set())))
    assert worker.live_count == len(stream)


def test_what_is_remembered_is_bounded() -> None:
    """Old orders become unknown, and too many events ahead of the durable close the lane until it has caught up."""
    lane = Lane(orders_capacity=2, ahead_capacity=3)
    lane.is_open = True
    firsts = [life(str(number), 1, None) for number in range(4)]
    for new, _ in firsts[:3]:
        assert lane.admits(new)
        lane.note_live(new)
    assert not lane.admits(firsts[3][0])  # three are ahead
    assert lane.confirm(firsts[0][0].event_id)
    assert not lane.confirm(firsts[0][0].event_id)
    assert lane.admits(firsts[3][0])
    assert not lane.admits(firsts[0][1])  # forgotten
    assert lane.admits(firsts[2][1])


def test_the_proof_is_exact_whatever_precision_the_strategy_has_set() -> None:
    """A strategy that computes with few digits must not make a gap look like none."""
    lane = Lane()
    lane.is_open = True
    new, fill = life("1", 1, None)
    lane.note_live(new)
    assert fill.last_fill is not None
    quantity = Decimal("1000000.00000001")
    missing = replace(
        fill, cumulative_quantity=quantity, last_fill=replace(fill.last_fill, quantity=Decimal(1_000_000))
    )
    with localcontext() as context:
        context.prec = 5
        assert not lane.admits(missing)
        assert lane.admits(fill)
