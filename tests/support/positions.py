"""Tests of bots that are run twice: with their positions in durables, and in the bucket."""

import pytest

from fillwire.bots.host import BotHost
from fillwire.bus.buckets import POSITIONS, Bucket
from fillwire.bus.connection import Bus
from fillwire.sdk.claims import Claim
from fillwire.sdk.host import Host
from fillwire.sdk.positions import Positions, decode_position
from fillwire.sdk.running import RunningBot

IN_DURABLES = pytest.mark.parametrize("positions", ["durable"], indirect=True)
"""For a test that looks at the durables themselves."""
IN_BUCKET = pytest.mark.parametrize("positions", ["bucket"], indirect=True)
"""For a test that looks at the keys."""


@pytest.fixture(params=["durable", "bucket"])
def positions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Positions:
    """Where hosts that are not told otherwise have the positions of their bots."""
    chosen: Positions = request.param
    for host in (Host, BotHost):
        use_positions(monkeypatch, host, chosen)
    return chosen


def use_positions(
    monkeypatch: pytest.MonkeyPatch, host: type[Host] | type[BotHost], chosen: Positions
) -> None:
    """Have hosts of this class that are not told otherwise keep positions there."""
    defaults = host.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "positions", chosen)


def durable_claim(running: RunningBot) -> Claim:
    """Return the claim of a bot that has a durable."""
    assert isinstance(running.claim, Claim)
    return running.claim


async def is_written(bus: Bus, sequence: int) -> bool:
    """Return whether a key says that everything up to the sequence is handled."""
    entries = await Bucket(bus, POSITIONS).snapshot()
    return any(decode_position(entry.value or b"").sequence == sequence for entry in entries.values())
