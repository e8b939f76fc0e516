"""What the broker does not have yet: who waits for it waits for no more than that, and from when on it would be missed."""

import asyncio

from fillwire.gateway.unstored import LATE_NS, PATIENCE_NS, Unstored

NOW_NS = 10_000_000_000_000
OLD_NS = NOW_NS - 2 * LATE_NS
LONG_AGO_NS = NOW_NS - 2 * PATIENCE_NS  # taken then: should have been stored by now


class Spill:
    """Where events are spilled to; stored up to a number."""

    def __init__(self) -> None:
        self.newest_number = 0
        self.stored_through = 0
        self.waits: list[int] = []

    async def stored(self) -> None:
        """Note who waits."""
        self.waits.append(self.newest_number)


def _unstored(spilled: Spill | None = None) -> Unstored:
    return Unstored(spilled, lambda: NOW_NS)


async def _done(task: "asyncio.Task[None]") -> bool:
    """Whether the task has ended after everything that is due has run."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task.done()


async def test_who_waits_does_not_wait_for_what_came_later() -> None:
    """An account that goes on is never without an event on the way; those of the question are stored all the same."""
    unstored = _unstored()
    first, second = unstored.take(NOW_NS, NOW_NS), unstored.take(NOW_NS, NOW_NS)
    waiting = asyncio.ensure_future(unstored.stored())
    await asyncio.sleep(0)
    later = unstored.take(NOW_NS, NOW_NS)
    unstored.settle(second)
    unstored.settle(later)
    unstored.take(NOW_NS, NOW_NS)
    assert not await _done(waiting)
    unstored.settle(first)
    assert await _done(waiting)


async def test_two_wait_each_for_their_own() -> None:
    """Who asked later waits for more; one who gave up is forgotten."""
    unstored = _unstored()
    first = unstored.take(NOW_NS, NOW_NS)
    early, given_up = asyncio.ensure_future(unstored.stored()), asyncio.ensure_future(unstored.stored())
    await asyncio.sleep(0)
    given_up.cancel()
    second = unstored.take(NOW_NS, NOW_NS)
    late = asyncio.ensure_future(unstored.stored())
    await asyncio.sleep(0)
    unstored.settle(first)
    assert (await _done(early), late.done()) == (True, False)
    unstored.settle(second)
    assert await _done(late)


async def test_nothing_waits_where_nothing_is_on_the_way() -> None:
    """It returns at once."""
    await asyncio.wait_for(_unstored().stored(), 1.0)


def test_an_old_event_that_is_not_stored_is_overdue_from_when_it_happened() -> None:
    """Of several the earliest counts, until it is stored."""
    unstored = _unstored()
    unstored.take(LONG_AGO_NS, OLD_NS + 7)
    earliest = unstored.take(LONG_AGO_NS, OLD_NS)
    assert unstored.overdue_since_ns() == OLD_NS
    unstored.settle(earliest)
    assert unstored.overdue_since_ns() == OLD_NS + 7


def test_what_is_young_or_was_just_taken_is_not_overdue() -> None:
    """A successor finds the one by its overlap, and the broker is about to store the other."""
    unstored = _unstored()
    unstored.take(LONG_AGO_NS, LONG_AGO_NS)
    unstored.take(NOW_NS, OLD_NS)
    assert unstored.overdue_since_ns() is None


def test_what_was_spilled_is_overdue_until_it_is_stored() -> None:
    """Nobody tells of the end of a spilled event: the place says up to which number all are stored."""
    spill = Spill()
    unstored = _unstored(spill)
    for number, (taken_ns, since_ns) in enumerate(
        [(OLD_NS, OLD_NS + 5), (OLD_NS + 1, OLD_NS), (NOW_NS - LATE_NS, NOW_NS - LATE_NS - 1)], 1
    ):
        spill.newest_number = number
        unstored.spill(taken_ns, since_ns)
    assert unstored.overdue_since_ns() == OLD_NS
    spill.stored_through = 1
    assert unstored.overdue_since_ns() == OLD_NS
    spill.stored_through = 2
    assert unstored.overdue_since_ns() == NOW_NS - LATE_NS - 1
    spill.stored_through = 3
    assert unstored.overdue_since_ns() is None


async def test_who_waits_waits_for_what_was_spilled_as_well() -> None:
    """And not where nothing was, though others have spilled."""
    spill = Spill()
    unstored = _unstored(spill)
    spill.newest_number = 4
    await unstored.stored()
    assert spill.waits == []
    unstored.spill(NOW_NS, NOW_NS)
    await unstored.stored()
    assert spill.waits == [4]
