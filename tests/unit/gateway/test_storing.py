"""What was found in the records counts as stored when the broker has it, and not before."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fillwire.gateway.storing import Storing
from support.eventually import eventually
from support.jumping_loop import JumpingLoop


class Broker:
    """Has what it was asked about when it is told to; a question that fails is a mistake of ours."""

    def __init__(self) -> None:
        self.asked = 0
        self.failures = 0
        self.has_all = asyncio.Event()

    async def stored(self) -> None:
        """Wait until it has all."""
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a mistake")
        await self.has_all.wait()


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(work)


def test_an_exception_does_not_count_as_stored() -> None:
    """The wait is repeated, and ends when the broker has what was found."""

    async def work() -> None:
        broker, told = Broker(), asyncio.Event()
        broker.failures = 2
        storing = Storing(broker.stored, told.set, "stored")
        storing.expect()
        storing.begin()
        await eventually(lambda: broker.asked == 3, 60.0)
        assert (storing.is_open, told.is_set()) == (True, False)
        broker.has_all.set()
        await eventually(told.is_set)
        assert not storing.is_open
        await storing.stop()

    _run(work())


def test_a_wait_does_not_cover_what_is_found_later() -> None:
    """More may have been found since the wait began: only a new one counts."""

    async def work() -> None:
        broker, told = Broker(), asyncio.Event()
        storing = Storing(broker.stored, told.set, "stored")
        storing.expect()
        storing.begin()
        await eventually(lambda: broker.asked == 1)
        storing.expect()
        broker.has_all.set()
        storing.begin()
        assert storing.is_open
        await eventually(told.is_set)
        assert (broker.asked, storing.is_open) == (2, False)
        await storing.stop()

    _run(work())


def test_who_gives_up_waiting_leaves_it_open() -> None:
    """A deadline that passes says nothing about the broker."""

    async def work() -> None:
        broker = Broker()
        storing = Storing(broker.stored, lambda: None, "stored")
        storing.expect()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await storing.wait()
        assert storing.is_open
        broker.has_all.set()
        await storing.wait()
        assert not storing.is_open

    _run(work())
