"""An action that many ask for: run once for those who ask together, and never with an answer older than the question."""

import asyncio

import pytest

from fillwire.sdk.coalescing import Coalesced
from support.eventually import eventually


class Slow:
    """Counts its runs and waits until it is let go."""

    def __init__(self) -> None:
        self.runs = 0
        self.go = asyncio.Semaphore(0)

    async def __call__(self) -> int:
        """Return the number of the run."""
        self.runs += 1
        number = self.runs
        await self.go.acquire()
        if number == 3:
            raise ValueError(number)
        return number


async def test_who_asks_during_a_run_gets_the_next_one() -> None:
    """The run that goes on may have begun before what the caller wants to see had happened."""
    slow = Slow()
    ask = Coalesced(slow)
    first = asyncio.create_task(ask())
    await eventually(lambda: slow.runs == 1)
    late = [asyncio.create_task(ask()) for _ in range(3)]
    await asyncio.sleep(0)
    slow.go.release()
    assert await first == 1
    slow.go.release()
    assert await asyncio.gather(*late) == [2, 2, 2]
    slow.go.release()
    with pytest.raises(ValueError, match="3"):
        await ask()
    slow.go.release()
    assert await ask() == 4


async def test_one_who_is_cancelled_takes_nothing_from_the_others() -> None:
    """The run goes on for them."""
    slow = Slow()
    ask = Coalesced(slow)
    leaving, staying = asyncio.create_task(ask()), asyncio.create_task(ask())
    await eventually(lambda: slow.runs == 1)
    leaving.cancel()
    await asyncio.wait({leaving})
    slow.go.release()
    assert await staying == 1
    assert leaving.cancelled()
