"""Many bots that one host is given at once: how many begin at a time, and who waits for whom."""

import asyncio

import pytest

from fillwire.bus.connection import Bus
from fillwire.domain.errors import ConfigError
from fillwire.sdk.host import STARTS, Host
from support.eventually import eventually
from support.listeners import Listener, bot, durables, fills
from support.publishing import publish


class Starting(Listener):
    """Notes how many bots run `on_start` at the same time, which takes a round trip to the broker or until it may end."""

    now = most = 0

    def __init__(self, name: str, bus: Bus, may_end: asyncio.Event | None = None) -> None:
        super().__init__(name)
        self._bus = bus
        self._may_end = may_end

    async def on_start(self) -> None:
        """Count it."""
        kind = type(self)
        kind.now += 1
        kind.most = max(kind.most, kind.now)
        if self._may_end is None:
            assert await self._bus.is_healthy(30.0)
        else:
            await self._may_end.wait()
        kind.now -= 1


@pytest.mark.timeout(120)
async def test_of_five_hundred_bots_that_are_added_at_once_a_few_begin_at_a_time(bus: Bus) -> None:
    """As the bots themselves see it and as the broker does; all of them begin, and each is told of a fill once."""

    class Counted(Starting):
        """With counts of its own."""

    may_end = asyncio.Event()
    first = [Counted(f"first-{number}", bus, may_end) for number in range(STARTS)]
    others = [Counted(f"other-{number}", bus) for number in range(500 - STARTS)]
    async with Host(bus, slot_s=60.0) as host, asyncio.TaskGroup() as group:
        for listener in (*first, *others):
            group.create_task(host.add(bot(listener)))
        await eventually(lambda: Counted.now == STARTS)
        made = await durables(bus)
        assert {name for name in host.bots if name in made} == {
            f"alice=={listener.name}" for listener in first
        }
        assert host.bots_obstacle() == "500 of 500 bots have not begun yet"
        may_end.set()
        await eventually(lambda: host.bots_obstacle() is None, 60.0)
        assert Counted.most == STARTS
        await publish(bus, *fills(1, 1))
        await eventually(lambda: all(listener.told for listener in (*first, *others)), 30.0)
        assert {tuple(listener.told) for listener in (*first, *others)} == {("1",)}


async def test_a_bot_that_takes_long_to_start_makes_room_for_others(bus: Bus) -> None:
    """It holds a place for a while only, and begins in the end."""
    may_end = asyncio.Event()
    slow = [Starting(f"slow-{number}", bus, may_end) for number in range(2)]
    async with Host(bus, starts=2, slot_s=0.1) as host, asyncio.TaskGroup() as group:
        for listener in slow:
            group.create_task(host.add(bot(listener)))
        quick = await host.add(bot(Listener("quick")))
        assert quick.is_started
        assert host.bots_obstacle() == "2 of 3 bots have not begun yet"
        may_end.set()
        await eventually(lambda: host.bots_obstacle() is None)


async def test_a_bot_that_is_removed_while_it_waits_for_its_turn_never_begins(bus: Bus) -> None:
    """Nor does it leave anything at the broker; who was cancelled while it waited has not run either."""
    may_end = asyncio.Event()
    slow, removed, cancelled = Starting("slow", bus, may_end), Listener("removed"), Listener("cancelled")
    async with Host(bus, starts=1, slot_s=60.0) as host, asyncio.TaskGroup() as group:
        group.create_task(host.add(bot(slow)))
        await eventually(lambda: "alice==slow" in host.bots)
        waiting = [asyncio.create_task(host.add(bot(listener))) for listener in (removed, cancelled)]
        await eventually(lambda: len(host.bots) == 3)
        await host.remove(bot(removed))
        waiting[1].cancel()
        await eventually(lambda: len(host.bots) == 1)
        may_end.set()
        with pytest.raises(ConfigError, match="bot removed of alice was stopped before it ran"):
            await waiting[0]
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]
        await eventually(lambda: host.bots_obstacle() is None)
        assert "alice==removed" not in await durables(bus)
        assert "alice==cancelled" not in await durables(bus)
