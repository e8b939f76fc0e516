"""One asking for all who ask the same at one time."""

import asyncio

import pytest

from fillwire.gateway.batching import Batches


class Venue:
    """Answers when it is let go on."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self, key: str) -> int:
        """Return how many askings there were."""
        self.asked.append(key)
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return len(self.asked)


async def settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_asks_later_gets_an_asking_that_began_later() -> None:
    """The first asks at once; all who come while it is under way share a second."""
    venue = Venue()
    batches = Batches(venue.ask)
    first = asyncio.create_task(batches.get("a"))
    await settle()
    later = [asyncio.create_task(batches.get("a")) for _ in range(100)]
    other = asyncio.create_task(batches.get("b"))
    await settle()
    assert venue.asked == ["a", "b"]
    venue.go_on.set()
    assert await first == 2
    assert set(await asyncio.gather(*later)) == {3}
    assert await other == 2
    assert venue.asked == ["a", "b", "a"]
    assert await batches.get("a") == 4


async def test_an_error_is_everybodys_and_the_next_asks_anew() -> None:
    """What failed is not kept."""
    venue = Venue()
    venue.go_on.set()
    venue.error = ValueError("down")
    batches = Batches(venue.ask)
    answers = await asyncio.gather(*(batches.get("a") for _ in range(3)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["down"] * 3
    venue.error = None
    assert await batches.get("a") == 2


async def test_who_waits_no_longer_takes_nothing_from_the_others() -> None:
    """A deadline that passes ends one waiting; the stop ends all."""
    venue = Venue()
    batches = Batches(venue.ask)
    impatient, patient = (asyncio.create_task(batches.get("a")) for _ in range(2))
    await settle()
    impatient.cancel()
    await settle()
    assert not patient.done()
    await batches.stop()
    with pytest.raises(asyncio.CancelledError):
        await patient
    venue.go_on.set()
    assert await batches.get("a") == 2
