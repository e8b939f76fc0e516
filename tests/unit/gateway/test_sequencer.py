"""What becomes of events on their way: held back, waiting behind a gap, dropped, contradicted."""

from dataclasses import dataclass, field

import pytest

from fillwire.domain.ledger import Gap, Ledger, OrderKey
from fillwire.gateway.sequencer import Sequencer
from fillwire.venues.records import OrderReport
from support.memory_venue import SYMBOL, MemoryVenue
from support.order_events import EPOCH_NS


@dataclass(slots=True)
class Outcome:
    """Everything that a sequencer told."""

    published: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    doubts: list[OrderKey] = field(default_factory=list)
    takes: bool = True

    def publish(self, report: OrderReport, _parsed_ns: int, _frame_bytes: int) -> bool:
        """Take an event, or not."""
        if self.takes:
            self.published.append(report.event_id.rpartition(":")[2])
        return self.takes

    def contradict(self, report: OrderReport, _reason: str) -> None:
        """Keep a contradiction."""
        self.contradicted.append(report.event_id)


def sequencer(outcome: Outcome, max_buffered: int = 100, max_waiting: int = 100) -> Sequencer:
    """Return a sequencer that tells `outcome`."""
    return Sequencer(
        Ledger(),
        outcome.publish,
        outcome.contradict,
        outcome.gaps.append,
        outcome.doubts.append,
        max_buffered=max_buffered,
        max_waiting=max_waiting,
    )


def life(fills: int) -> MemoryVenue:
    """Return a venue with an order that was accepted, filled `fills` times, and cancelled: its trades are 102, 104 and on."""
    venue = MemoryVenue(EPOCH_NS)
    order = venue.place(fills + 1)
    for _ in range(fills):
        venue.fill(order)
    venue.cancel(order)
    return venue


def test_what_was_held_back_is_released_in_the_order_of_the_venue() -> None:
    """Arrived backwards while catching up, published forwards; what comes after is published at once."""
    outcome = Outcome()
    it = sequencer(outcome)
    frames = life(2).frames
    it.hold()
    for frame in reversed(frames[:3]):
        it.take(frame, 0, 0)
    assert outcome.published == []
    assert it.buffered_symbols == {SYMBOL}
    it.release()
    it.take(frames[3], 0, 0)
    assert outcome.published == ["~new", "102", "104", "~cancelled"]
    assert outcome.gaps == []


def test_a_full_buffer_is_released_early() -> None:
    """One event more than it holds, and all take their way: none is dropped."""
    outcome = Outcome()
    it = sequencer(outcome, max_buffered=3)
    it.hold()
    for frame in life(2).frames:
        it.take(frame, 0, 0)
    assert outcome.published == ["~new", "102", "104", "~cancelled"]


def test_events_behind_a_gap_wait_and_follow_when_it_closes() -> None:
    """Executions of other orders do not wait."""
    outcome = Outcome()
    it = sequencer(outcome)
    new, first, second, cancelled = life(2).frames
    for frame in (new, cancelled, second):
        it.take(frame, 0, 0)
    assert outcome.published == ["~new"]
    assert it.waiting_orders == [(SYMBOL, "1")]
    assert [gap.missing for gap in outcome.gaps] == [2, 1]
    it.take(first, 0, 0)
    assert outcome.published == ["~new", "102", "104", "~cancelled"]
    assert not it.is_waiting((SYMBOL, "1"))


def test_more_than_may_wait_is_dropped_counted_and_still_reported_as_a_gap() -> None:
    """Whoever repairs the gap brings it."""
    outcome = Outcome()
    it = sequencer(outcome, max_waiting=1)
    frames = life(4).frames
    for frame in (frames[0], frames[2], frames[3]):
        it.take(frame, 0, 0)
    assert it.counts["dropped_behind_gap"] == 1
    assert len(outcome.gaps) == 2
    it.take(frames[1], 0, 0)
    it.take(frames[3], 0, 0)
    assert outcome.published == ["~new", "102", "104", "106"]


def test_an_event_that_nobody_took_is_not_believed_to_be_published() -> None:
    """The publisher was full: the order is forgotten and looked up, and the same event is published later."""
    outcome = Outcome(takes=False)
    it = sequencer(outcome)
    frames = life(1).frames
    it.take(frames[0], 0, 0)
    assert outcome.doubts == [(SYMBOL, "1")]
    outcome.takes = True
    it.take(frames[0], 0, 0)
    assert outcome.published == ["~new"]


@pytest.mark.parametrize("again", [0, 1, 2])
def test_doubles_are_dropped(again: int) -> None:
    """Any of an order's events."""
    outcome = Outcome()
    it = sequencer(outcome)
    frames = life(1).frames
    for frame in (*frames, frames[again]):
        it.take(frame, 0, 0)
    assert outcome.published == ["~new", "102", "~cancelled"]
    assert it.counts["duplicate"] == 1
    assert outcome.contradicted == []


def test_a_late_execution_is_published_and_its_order_looked_up() -> None:
    """Filled after the cancel was told: real until the venue's records deny it."""
    outcome = Outcome()
    it = sequencer(outcome)
    venue = MemoryVenue(EPOCH_NS)
    order = venue.place(5)
    venue.cancel(order)
    venue.fill(order)
    for frame in venue.frames:
        it.take(frame, 0, 0)
    assert outcome.published == ["~new", "~cancelled", "102"]
    assert outcome.doubts == [(SYMBOL, "1")]
