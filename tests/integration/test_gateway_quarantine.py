"""A flood of rubbish: bounded in memory, in the broker, in logs and alerts, and never in the way of fills."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.processes import usage
from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.streams import STREAMS, ensure_manifest
from fillwire.cli.accounting import balance
from fillwire.cli.recordings import RecordingReader, execution
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.domain.enums import ErrorClass
from fillwire.domain.errors import FrameError
from fillwire.gateway.quarantine import Quarantine
from fillwire.venues.protocol import FrameRefused
from support.eventually import eventually
from support.order_events import ALICE

RUBBISH = 20_000
MIB = 1 << 20


def refused(number: int, size: int = 100, code: str = "unknown_event") -> FrameRefused:
    """Return a frame that was refused, unlike any other."""
    error = FrameError(
        venue="binance",
        error_class=ErrorClass.UNKNOWN,
        code=code,
        field="e",
        offset=0,
        message="expected an event",
    )
    return FrameRefused(f"{number}".encode().ljust(size, b"."), 1, error)


async def stream_state(bus: Bus) -> dict[str, Any]:
    """Return how much the stream of refused frames holds."""
    state: dict[str, Any] = (await api.call(bus, "STREAM.INFO.QUARANTINE"))["state"]
    return state


async def test_what_waits_for_the_broker_is_bounded_and_the_rest_is_counted(bus: Bus) -> None:
    """With the broker out of reach frames beyond the bound are dropped and told; those that waited are kept."""
    alerts: list[str] = []
    publisher = OrderedPublisher(bus)  # not started: nothing leaves
    quarantine = Quarantine(ALICE, publisher, "gateway-1", alerts.append, max_waiting=100)
    for number in range(1000):
        quarantine.keep(refused(number))
    assert quarantine.waiting_count == publisher.queued_count == 100
    assert quarantine.counts == {"unknown_event": 1000}
    assert quarantine.dropped_counts == {"unknown_event": 900}
    async with publisher:
        assert await publisher.flush(10) == 0
        assert quarantine.waiting_count == 0
        quarantine.keep(refused(1000))
        assert await publisher.flush(10) == 0
    assert (await stream_state(bus))["messages"] == 101
    quarantine.stop()
    assert len(alerts) == 2
    assert alerts[0].startswith("a frame of binance was refused, unknown_event: expected an event (1 since")
    assert alerts[1].startswith("1000 more in the last 60 s, the latest: ")
    assert "900 of this kind were not kept, because too many waited for the broker" in alerts[1]


async def test_large_frames_are_bounded_by_their_bytes(bus: Bus) -> None:
    """Few frames of the largest size fill the bound as well."""
    publisher = OrderedPublisher(bus)
    quarantine = Quarantine(ALICE, publisher, "gateway-1", lambda _: None, max_waiting_bytes=3 * MIB)
    for number in range(10):
        quarantine.keep(refused(number, MIB - 10_000))
    assert quarantine.waiting_count == 3
    quarantine.keep(refused(11))  # a small one still fits
    assert quarantine.waiting_count == 4
    async with publisher:
        assert await publisher.flush(10) == 0
    quarantine.stop()


async def test_a_flood_ends_frames_of_its_own_account_and_kind_only(bus: Bus) -> None:
    """The stream holds so many of each subject: the oldest of the flood go, and the frame of another class stays."""
    (definition,) = (stream for stream in STREAMS if stream.name == "QUARANTINE")
    manifest = definition.manifest() | {"max_msgs_per_subject": 50}
    await ensure_manifest(bus, manifest)
    async with OrderedPublisher(bus) as publisher:
        quarantine = Quarantine(ALICE, publisher, "gateway-1", lambda _: None)
        other = FrameError(
            venue="binance",
            error_class=ErrorClass.SUSPICIOUS,
            code="contradiction",
            field=None,
            offset=0,
            message="two contents",
        )
        quarantine.keep(FrameRefused(b"{}", 1, other))
        for number in range(200):
            quarantine.keep(refused(number))
        assert await publisher.flush(10) == 0
        quarantine.stop()
    state = await stream_state(bus)
    assert state["messages"] == 51
    assert state["first_seq"] == 1


@pytest.mark.timeout(180)
async def test_fills_arrive_whole_through_a_flood_of_rubbish(tmp_path: Path) -> None:
    """Twenty thousand frames of rubbish among as many fills, on a real socket: every fill arrives once and in order.

    The gateway's memory and the stream stay bounded, and a person is told once or twice.
    """
    recording = tmp_path / "recording.jsonl"
    async with Stack(tmp_path, {"FILLWIRE_LOG": "error"}) as stack, aiohttp.ClientSession() as session:
        venue = await SimulatedVenue.start(stack, session)
        gateway = await stack.spawn("gateway", "gateway", "--exchange", "binance")
        await stack.spawn(
            "host", "run", "fillwire.bots.shipped.recording:RecordingBot", "--param", f"path={recording}"
        )
        await venue.wait_receiving(stack.broker.url)
        reader = RecordingReader(recording)
        lines: list[dict[str, object]] = []

        async def delivered(count: int) -> None:
            def is_all_delivered() -> bool:
                lines.extend(reader.new_lines())
                return len(lines) >= count

            await eventually(is_all_delivered, 90, f"{count} executions delivered")

        await venue.emit(["BTCUSDT", "ETHUSDT"], rate=0, count=2000, orders=50)
        await delivered(2000)
        before = usage(gateway.pid)
        await venue.control("POST", "faults", {"kind": "unknown_event", "next": RUBBISH})
        await venue.emit(["BTCUSDT", "ETHUSDT"], rate=0, count=RUBBISH, orders=200)
        await delivered(2000 + RUBBISH)
        after = usage(gateway.pid)
        async with await Bus.connect(stack.broker.url, name="test") as bus:
            kept = await stream_state(bus)
            alerts = (await api.call(bus, "STREAM.INFO.ALERTS"))["state"]["messages"]
        emitted = await venue.executions()
    lines += reader.new_lines()
    result = balance(map(execution, emitted), map(execution, lines))
    assert result.emitted == 2000 + RUBBISH
    assert result.is_clean, result
    assert after.rss_mib - before.rss_mib < 64
    assert 0 < kept["messages"] <= 20_000
    assert 1 <= alerts <= 3
