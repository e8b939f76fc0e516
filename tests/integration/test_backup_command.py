"""`fillwire backup` and `fillwire restore` as a person runs them."""

import time
from collections.abc import Sequence
from pathlib import Path

from fillwire.bus.backups import stream_names
from fillwire.bus.buckets import PLACEMENTS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.restored import restored_ns
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import order_scope
from fillwire.gateway.outlet import Outlet
from fillwire.runtime.lifecycle import ExitCode
from fillwire.runtime.settings import load_settings
from fillwire.wire.codec import encode_order
from fillwire.wire.subjects import order_subject
from support.order_events import order_life
from support.processes import python
from support.publishing import publish
from support.recording import stream_ids


async def said(*arguments: str | Path) -> tuple[int, list[str], list[str]]:
    """Return exit status, output and errors of a command."""
    async with python("-m", "fillwire", *arguments) as process:
        return await process.ended(), process.lines, process.errors


async def test_a_backup_goes_into_another_broker(broker: EmbeddedServer, bus: Bus, tmp_path: Path) -> None:
    """Both commands say in a line what they did, and gateways are told that notes may be lost."""
    events = order_life("1", *(f"0.{number}" for number in range(1, 10)))
    await publish(bus, *events)
    directory = tmp_path / "backup"
    status, lines, _ = await said("backup", directory, "--nats", broker.url)
    assert status == ExitCode.OK
    kept = f"{len(stream_names())} streams and buckets"
    assert lines == [f"backup {directory}: {kept}, 10 order events, {lines[0].split(', ')[2]}"]
    status, _, errors = await said("restore", directory, "--nats", broker.url)
    assert (status, len(errors)) == (ExitCode.CONFIG, 1)
    assert "has stream" in errors[0]
    async with EmbeddedServer(tmp_path / "another") as other:
        status, lines, _ = await said("restore", directory, "--nats", other.url)
        assert status == ExitCode.OK
        assert "10 order events" in lines[0]
        async with await Bus.connect(other.url, name="another") as found:
            assert await restored_ns(Bucket(found, PLACEMENTS)) > 0
            await tell_again(found, [*events, *order_life("2", "0.1")])
            expected = [event.event_id for event in [*events, *order_life("2", "0.1")]]
            assert await stream_ids(found) == expected


async def tell_again(bus: Bus, events: Sequence[OrderEvent]) -> None:
    """Publish events as a gateway does that has just asked the exchange for them."""
    settings = load_settings(environ={})
    refused: list[object] = []
    outlet = await Outlet.open(
        bus, settings, "binance", capacity=100, on_refused=lambda error, _: refused.append(error)
    )
    for event in events:
        outlet.publisher.submit(
            order_scope(event.account, event.symbol, event.order_id),
            order_subject(event.account, event.pair, event.kind),
            encode_order(event),
            event.event_id,
            since_ns=time.time_ns() - 10**9,
        )
    assert await outlet.close(20.0) == 0
    assert refused == []


async def test_what_cannot_be_done_is_said_in_a_sentence(broker: EmbeddedServer, tmp_path: Path) -> None:
    """A broken backup before any broker is asked for, and a broker without streams."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "backup.json").write_text("{")
    status, lines, errors = await said("restore", broken, "--nats", "nats://127.0.0.1:1")
    assert (status, lines) == (ExitCode.CONFIG, [])
    assert errors == [
        f"fillwire: backup {broken} is broken: {broken}/backup.json is not what a backup writes"
    ]
    status, lines, errors = await said("backup", tmp_path / "backup", "--nats", broker.url)
    assert (status, lines) == (ExitCode.FAILED, [])
    assert errors == ["fillwire: the broker has no stream of Fillwire: expected one where services have run"]
    assert not (tmp_path / "backup").exists()
