"""Several gateways of one exchange, each a process: killed, paused, joining and leaving, while fills come."""

import signal
import time
from pathlib import Path

import pytest

from support.eventually import eventually
from support.replicas import Replicas, replicas, say

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def _owner(it: Replicas) -> str:
    """Return who owns the only account, once somebody does."""
    await eventually(lambda: _has_owner(it), 30.0, "an owner")
    return next(iter((await it.owners()).values()))


async def _has_owner(it: Replicas) -> bool:
    return bool(await it.owners())


async def test_after_the_owner_was_killed_events_flow_again(tmp_path: Path) -> None:
    """The next in order reads on doubt, long before the lease expires; nothing is lost, doubled or out of order."""
    async with replicas(tmp_path) as it:
        for name in ("gateway-1", "gateway-2", "gateway-3"):
            await it.start(name)
        await it.receiving()
        owner = await _owner(it)
        jobs = await it.emit(rate=100, count=1500)
        await eventually(lambda: len(it.arrivals) > 200, 30.0, "events")
        killed_s = time.monotonic()
        await it.gateways[owner].end(signal.SIGKILL)
        after_s = await it.flowing(time.monotonic())
        say(f"events flow again {time.monotonic() - killed_s:.2f} s after kill -9")
        assert after_s < 10.0
        await it.emitted(jobs)
        result = await it.settled()
        assert result.emitted == 1500
        assert result.is_clean, result
