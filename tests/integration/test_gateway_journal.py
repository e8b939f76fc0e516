"""A gateway with a journal: a broker that is away for long stops no reading, and a killed gateway forgets nothing."""

import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fillwire.bus import api
from fillwire.domain.alert_names import BROKER_AWAY, BROKER_BACK, JOURNAL_PUT_ASIDE, JOURNAL_USED
from fillwire.domain.enums import Source
from fillwire.gateway import backlog
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, Rig, rig
from support.processes import Process, python
from support.small_disk import ruin_journals

CAPACITY = 1000


def _by_order(event_ids: list[str]) -> dict[str, list[str]]:
    orders: dict[str, list[str]] = {}
    for event_id in event_ids:
        orders.setdefault(event_id.rpartition(":")[0], []).append(event_id)
    return orders


async def _stored(it: Rig) -> list[str]:
    """Return the event ids of the executions in the log, in its order."""
    return [event.event_id for event in await it.logged() if event.last_fill is not None]


async def _await_all(it: Rig) -> None:
    emitted = await it.executions()

    async def is_all_stored() -> bool:
        return sorted(await _stored(it)) == sorted(emitted)

    await eventually(is_all_stored, 40.0, "every fill stored, once")
    assert _by_order(await _stored(it)) == _by_order(emitted)


async def test_reading_goes_on_into_the_journal_while_the_broker_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six times what the memory holds comes while the broker is down: all is read, stored as read, and told of."""
    monkeypatch.setattr(backlog, "PATIENCE_S", 0.5)
    journal = {"dir": str(tmp_path / "journal")}
    async with rig(tmp_path, capacity=CAPACITY, FILLWIRE_JOURNAL=journal) as it:
        await it.wish("*")
        await it.receiving()
        await it.broker.kill()
        patient_until_s = time.monotonic() + 3 * backlog.PATIENCE_S
        await it.emit(6 * CAPACITY, symbols=["BTCUSDT", "ETHUSDT"], orders=50)
        await eventually(lambda: time.monotonic() > patient_until_s)
        await it.broker.start()
        await _await_all(it)
        fills = [event for event in await it.logged() if event.last_fill is not None]
        assert {event.source for event in fills} == {Source.STREAM}  # read, not fetched afterwards

        async def is_told() -> bool:
            alerts = {alert.alert for alert in await it.alerts()}
            return alerts >= {JOURNAL_USED, BROKER_AWAY, BROKER_BACK}

        await eventually(is_told, what="told")


async def test_a_stream_that_takes_no_more_is_told_of_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the stream of order events is full: status and alerts say how much waits, until there is room again."""
    monkeypatch.setattr(backlog, "PATIENCE_S", 0.5)
    journal = {"dir": str(tmp_path / "journal")}
    async with rig(tmp_path, capacity=CAPACITY, FILLWIRE_JOURNAL=journal) as it:
        await it.wish("*")
        await it.receiving()
        config = (await api.call(it.bus, "STREAM.INFO.ORDERS"))["config"]
        full = config | {"discard": "new", "max_msgs": 100}
        await api.call(it.bus, "STREAM.UPDATE.ORDERS", full)
        await it.emit(2 * CAPACITY, orders=50)

        async def alerts() -> list[str]:
            return [alert.alert for alert in await it.alerts()]

        async def is_told() -> bool:
            return {JOURNAL_USED, BROKER_AWAY} <= set(await alerts())

        await eventually(is_told, 20.0, "told while it lasts")
        status = await it.status()
        assert status.journal_count >= status.waiting_count > CAPACITY
        assert BROKER_BACK not in await alerts()
        await api.call(it.bus, "STREAM.UPDATE.ORDERS", config)
        await _await_all(it)

        async def is_over() -> bool:
            status = await it.status()
            return (status.waiting_count, status.journal_count) == (0, 0) and BROKER_BACK in await alerts()

        await eventually(is_over, 20.0, "told that it is over")


async def test_a_journal_that_cannot_be_read_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker is back and the journal's blocks have gone bad: its events are not stored, and the alert says why."""
    monkeypatch.setattr(backlog, "PATIENCE_S", 0.5)
    journal = {"dir": str(tmp_path / "journal")}
    async with rig(tmp_path, capacity=CAPACITY, FILLWIRE_JOURNAL=journal) as it:
        await it.wish("*")
        await it.receiving()
        await it.broker.kill()
        await it.emit(8 * CAPACITY, symbols=["BTCUSDT", "ETHUSDT"], orders=50)
        await eventually(_Still(tmp_path / "journal", 4_000_000).has_grown, 30.0, "all read")
        ruin_journals(tmp_path / "journal")
        await it.broker.start()

        async def is_told() -> bool:
            reasons = [alert.reason for alert in await it.alerts() if alert.alert == BROKER_AWAY]
            return any("cannot be had: database disk image is malformed" in reason for reason in reasons)

        await eventually(is_told, 30.0, "told")


async def test_a_journal_that_was_put_aside_is_told_of(tmp_path: Path) -> None:
    """A gateway that finds a damaged journal starts all the same, and says where it is once there is somebody to tell."""
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "binance-1.journal").write_bytes(b"no database at all " * 100)
    async with rig(tmp_path, FILLWIRE_JOURNAL={"dir": str(tmp_path / "journal")}) as it:
        alone_until_s = time.monotonic() + 1.0  # several looks at it, while no account is wanted
        await eventually(lambda: time.monotonic() > alone_until_s)
        await it.wish("*")
        await it.receiving()

        async def reasons() -> list[str]:
            return [alert.reason for alert in await it.alerts() if alert.alert == JOURNAL_PUT_ASIDE]

        await eventually(reasons, what="told")
        [reason] = await reasons()
        assert "binance-1.journal cannot be read: file is not a database; it is kept as" in reason


@asynccontextmanager
async def _gateway(it: Rig, path: Path) -> AsyncIterator[Process]:
    """Run a gateway of its own process, with little memory and a journal."""
    program = (
        "from fillwire.gateway import service; service.CAPACITY = 500; "
        "service.Gateway.__init__.__kwdefaults__['capacity'] = 500; "
        "from fillwire.cli import main; main()"
    )
    environ = it.environ | {"FILLWIRE_JOURNAL__DIR": str(path / "journal")}
    arguments = ("gateway", "--exchange", ACCOUNT.exchange, "--nats", it.broker.url, "--name", "killed")
    async with python("-c", program, *arguments, environ=environ) as process:
        await process.said('"ready": true', 30.0)
        yield process


class _Still:
    """Notices when a directory has grown to a size and grows no more."""

    def __init__(self, path: Path, least_bytes: int) -> None:
        self._path = path
        self._least_bytes = least_bytes
        self._size = 0
        self._since_s = 0.0

    def has_grown(self) -> bool:
        size = sum(file.stat().st_size for file in self._path.iterdir())
        if size != self._size:
            self._size, self._since_s = size, time.monotonic()
        return size >= self._least_bytes and time.monotonic() - self._since_s > 1.0


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_killed_gateway_finds_its_events_at_the_next_start(tmp_path: Path) -> None:
    """Events are in the journal, the broker is down, the gateway is killed: the next one publishes them as they were read."""
    async with rig(tmp_path) as it:
        await it.stop()  # this test has gateways of its own
        await it.wish("*")
        async with _gateway(it, tmp_path) as first:
            await it.receiving()
            await it.emit(100, orders=10)
            await _await_all(it)
            await it.broker.kill()
            await it.emit(3000, symbols=["BTCUSDT", "ETHUSDT"], orders=30)
            await eventually(lambda: any(JOURNAL_USED in line for line in first.errors), 20.0)
            await eventually(_Still(tmp_path / "journal", 1_500_000).has_grown, 30.0, "all read")
            await first.end(signal.SIGKILL)
        await it.broker.start()
        async with _gateway(it, tmp_path) as second:
            await eventually(lambda: any("journal_found" in line for line in second.errors), 20.0)
            await _await_all(it)
            fills = [event for event in await it.logged() if event.last_fill is not None]
            assert {event.source for event in fills} == {Source.STREAM}
            assert await second.end() == 0
