"""Bots far from the venue: what the distance costs, and the loss of the venue's region. `pytest -s` prints the figures."""

import signal
import time
from pathlib import Path
from statistics import median

import pytest

from support.regions import NEAR, RESERVE, VENUE, regions
from support.replicas import say

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FILLS = 600


async def test_bots_elsewhere_go_on_when_the_region_of_the_venue_is_lost(tmp_path: Path) -> None:
    """Broker and gateway beside the venue are killed: a reserve reads on, and each bot is told of each fill once, in order.

    When they are back, the account goes back to the gateway that is near.
    """
    async with regions(tmp_path) as it:
        jobs = await it.gateways.emit(rate=50, count=FILLS)
        await it.told(200)
        for bot in it.bots:
            calm = await it.latencies_ns(bot, 100)
            say(f"{bot.name}: a fill was {median(calm) / 1e6:.0f} ms on its way")
        near, lost_ns = it.cluster.servers[VENUE], time.time_ns()
        await near.kill()
        await it.gateways.gateways[NEAR].end(signal.SIGKILL)
        await it.gateways.emitted(jobs)
        await it.told(FILLS)
        for bot in it.bots:
            say(f"{bot.name}: told of nothing for {it.longest_silence_s(bot, lost_ns):.1f} s")
            result = await it.balance(bot)
            assert result.emitted == FILLS
            assert result.is_clean, result
        await it.gateways.owned_by(RESERVE)
        await near.start(deadline_s=60)
        await it.gateways.start(NEAR, nats=near.url)
        await it.gateways.owned_by(NEAR, deadline_s=60.0)
        await it.gateways.receiving()
