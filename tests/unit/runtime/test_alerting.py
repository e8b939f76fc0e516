"""Alerts that come in floods, by a clock that jumps."""

import asyncio
from collections.abc import Awaitable, Callable

from fillwire.runtime.alerting import AlertLimiter
from support.jumping_loop import JumpingLoop

Scenario = Callable[[AlertLimiter], Awaitable[None]]


def raised(scenario: Scenario) -> list[tuple[float, str]]:
    """Return when which alerts were raised."""
    found: list[tuple[float, str]] = []

    async def play() -> None:
        loop = asyncio.get_running_loop()
        limiter = AlertLimiter(lambda reason: found.append((loop.time(), reason)))
        await scenario(limiter)
        limiter.stop()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())
    return found


def test_a_single_alert_is_raised_at_once_and_alone() -> None:
    """So is the next one, when enough time has passed."""

    async def scenario(limiter: AlertLimiter) -> None:
        limiter.raise_("a", "first")
        await asyncio.sleep(61)  # of a clock that jumps
        limiter.raise_("a", "second")

    assert raised(scenario) == [(0, "first"), (61, "second")]


def test_a_flood_becomes_few_alerts_with_a_count() -> None:
    """A thousand a second for a day: the quiet time doubles up to an hour, and every one is counted."""

    async def scenario(limiter: AlertLimiter) -> None:
        for second in range(86_400 // 10):
            for _ in range(10):
                limiter.raise_("a", f"at {second * 10}")
            await asyncio.sleep(10)  # of a clock that jumps

    found = raised(scenario)
    assert len(found) < 32
    assert [round(time) for time, _ in found[:4]] == [0, 60, 180, 420]
    assert found[1][1].endswith("more in the last 60 s, the latest: at 50") or found[1][1].endswith("at 60")
    counts = [int(reason.split()[0]) for _, reason in found[1:]]
    assert 1 + sum(counts) == 86_400


def test_kinds_do_not_hold_each_other_back() -> None:
    """Each kind has its own first alert."""

    async def scenario(limiter: AlertLimiter) -> None:
        limiter.raise_("a", "of a")
        limiter.raise_("b", "of b")

    assert raised(scenario) == [(0, "of a"), (0, "of b")]


def test_what_was_held_back_is_told_at_the_end() -> None:
    """Stopping loses no count."""

    async def scenario(limiter: AlertLimiter) -> None:
        for number in range(3):
            limiter.raise_("a", f"number {number}")

    assert raised(scenario) == [(0, "number 0"), (0, "2 more in the last 60 s, the latest: number 2")]
