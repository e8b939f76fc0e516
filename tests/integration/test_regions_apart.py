"""Regions in network namespaces, far from each other: one that falls silent, without a broken connection. `pytest -s` prints the figures."""

import time
from pathlib import Path
from statistics import median

import pytest

from support.regions import NEAR, RESERVE
from support.regions_apart import NEARBY, regions_apart
from support.replicas import say

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FILLS = 600


async def test_bots_go_on_when_the_region_near_the_exchange_falls_silent(tmp_path: Path) -> None:
    """Broker and gateway there live, and nobody hears them: the reserve reads, each fill is told once and in order.

    When they are heard again, the account goes back to the gateway that is near, and nothing is told twice.
    """
    async with regions_apart(tmp_path) as it:
        (bot,) = it.bots
        jobs = await it.gateways.emit(rate=50, count=FILLS)
        await it.told(200)
        say(f"a fill was {median(await it.latencies_ns(bot, 100)) / 1e6:.0f} ms on its way")
        silent_ns = time.time_ns()
        it.network.silence(NEARBY)
        await it.gateways.emitted(jobs)
        await it.told(FILLS)
        say(f"told of nothing for {it.longest_silence_s(bot, silent_ns):.1f} s")
        await it.gateways.owned_by(RESERVE)
        assert it.network.silenced_count, "the region was not silent"
        restored_s = time.monotonic()
        it.network.restore(NEARBY)
        await it.gateways.owned_by(NEAR, deadline_s=120.0)
        say(f"the account was back near the exchange after {time.monotonic() - restored_s:.0f} s")
        jobs = await it.gateways.emit(rate=50, count=100)
        await it.gateways.emitted(jobs)
        await it.told(FILLS + 100)
        result = await it.balance(bot)
        assert result.emitted == FILLS + 100
        assert result.is_clean, result
        say(f"{it.network.lost_count} packets were lost on the way")
