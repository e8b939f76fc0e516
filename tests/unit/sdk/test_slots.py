"""How many begin at the same time."""

import asyncio

import pytest

from fillwire.sdk.slots import Slots, Turn
from support.eventually import eventually


class Beginner:
    """Notes that it has begun, and goes on when it is let."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self, _: Turn) -> None:
        """Begin, and wait."""
        self.has_begun.set()
        await self.may_end.wait()


async def test_as_many_begin_as_there_are_slots() -> None:
    """The others do when one has ended, in the order in which they came."""
    slots = Slots(2, slot_s=60.0)
    beginners = [Beginner() for _ in range(4)]
    running = [asyncio.create_task(slots.run(beginner)) for beginner in beginners]
    await beginners[1].has_begun.wait()
    beginners[0].may_end.set()
    await beginners[2].has_begun.wait()
    assert not beginners[3].has_begun.is_set()
    for beginner in beginners:
        beginner.may_end.set()
    await asyncio.gather(*running)


async def test_what_takes_long_makes_room_and_goes_on() -> None:
    """It holds up nobody, and is not cut short."""
    slots = Slots(1, slot_s=0.01)
    slow, next_one = Beginner(), Beginner()
    first = asyncio.create_task(slots.run(slow))
    second = asyncio.create_task(slots.run(next_one))
    await next_one.has_begun.wait()
    assert not first.done()
    slow.may_end.set()
    next_one.may_end.set()
    await asyncio.gather(first, second)


@pytest.mark.parametrize("rest_s", [0.0, 0.05])
async def test_who_rests_makes_room_and_waits_for_its_turn_again(rest_s: float) -> None:
    """So that those who wait for others do not go on all at once; each slot is given back once."""
    slots = Slots(1, slot_s=60.0)
    at_once = most = 0

    async def begin(turn: Turn) -> None:
        nonlocal at_once, most
        for _ in range(3):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1
            await turn.rest(rest_s)

    await asyncio.gather(*(slots.run(begin) for _ in range(5)))
    assert most == 1
    blocked = Beginner()
    running = asyncio.create_task(slots.run(blocked))
    await blocked.has_begun.wait()
    later = Beginner()
    waiting = asyncio.create_task(slots.run(later))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(later.has_begun.wait(), 0.05)  # the one slot is taken
    blocked.may_end.set()
    later.may_end.set()
    await asyncio.gather(running, waiting)


async def test_being_cancelled_gives_the_slot_back() -> None:
    """While it begins, while it rests, and while it waits for its turn."""
    slots = Slots(1, slot_s=60.0)

    async def rest(turn: Turn) -> None:
        await turn.rest(60.0)

    resting = asyncio.create_task(slots.run(rest))
    beginner = Beginner()
    beginning = asyncio.create_task(slots.run(beginner))
    await beginner.has_begun.wait()
    waiting = asyncio.create_task(slots.run(Beginner()))
    await asyncio.sleep(0)
    for task in (waiting, resting, beginning):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    last = Beginner()
    ending = asyncio.create_task(slots.run(last))
    await eventually(last.has_begun.is_set)
    last.may_end.set()
    await ending
