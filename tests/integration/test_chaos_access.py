"""The refused login of `fillwire chaos` on the running system: the person in it acts on what can be seen, and only then."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fillwire.cli.chaos.fault import Ground
from fillwire.cli.chaos.faults.access import LoginRefused
from fillwire.cli.chaos.stage import FIRST, Stage, open_stage
from support.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

REFUSAL = LoginRefused(hold_s=0.5)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Everything runs, and fills are detected live."""
    async with open_stage(tmp_path, "alpaca", Ground.SINGLE, 5, duplicate_window_s=600) as it:
        yield it


def _configured(stage: Stage) -> object:
    return json.loads((stage.directory / "fillwire.json").read_bytes())["accounts"]


async def _login_refused(stage: Stage) -> None:
    """Wait until the venue has refused a login."""

    async def is_refused() -> bool:
        return any(rule["hits"] for rule in await stage.venue.control("GET", "faults"))

    await eventually(is_refused, 30.0, "a refused login")


async def test_a_key_that_nobody_has_seen_refused_is_not_replaced(stage: Stage) -> None:
    """No gateway logs in while the venue would refuse it: the configuration stays."""
    before = _configured(stage)
    async with stage.killed(stage.gateways[FIRST]), REFUSAL.strike(stage):
        pass
    assert _configured(stage) == before
    await stage.venue.wait_receiving(stage.stack.broker.url, 30)


async def test_a_key_that_is_seen_refused_is_replaced(stage: Stage) -> None:
    """A gateway is refused, another key is put into its configuration, and it receives again; and so once more."""
    for _ in range(2):
        before = _configured(stage)
        async with REFUSAL.strike(stage):
            await _login_refused(stage)
        assert _configured(stage) != before
        await stage.venue.wait_receiving(stage.stack.broker.url, 30)
