"""`fillwire backup` and `fillwire restore` as a person runs them."""

from pathlib import Path

from fillwire.bus import api
from fillwire.bus.buckets import PLACEMENTS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.restored import restored_ns
from fillwire.bus.server import EmbeddedServer
from fillwire.runtime.lifecycle import ExitCode
from support.consuming import publish_numbers
from support.processes import python


async def said(*arguments: str | Path) -> tuple[int, list[str], list[str]]:
    """Return exit status, output and errors of a command."""
    async with python("-m", "fillwire", *arguments) as process:
        return await process.ended(), process.lines, process.errors


async def test_a_backup_goes_into_another_broker(broker: EmbeddedServer, bus: Bus, tmp_path: Path) -> None:
    """Both commands say in a line what they did, and gateways are told that notes may be lost."""
    await publish_numbers(bus, 0, 40)
    directory = tmp_path / "backup"
    status, lines, _ = await said("backup", directory, "--nats", broker.url)
    assert status == ExitCode.OK
    assert lines == [
        f"backup {directory}: 14 streams and buckets, 40 order events, {lines[0].split(', ')[2]}"
    ]
    status, _, errors = await said("restore", directory, "--nats", broker.url)
    assert (status, len(errors)) == (ExitCode.CONFIG, 1)
    assert "has stream" in errors[0]
    async with EmbeddedServer(tmp_path / "another") as other:
        status, lines, _ = await said("restore", directory, "--nats", other.url)
        assert status == ExitCode.OK
        assert "40 order events" in lines[0]
        async with await Bus.connect(other.url, name="another") as found:
            assert (await api.call(found, "STREAM.INFO.ORDERS"))["state"]["messages"] == 40
            assert await restored_ns(Bucket(found, PLACEMENTS)) > 0


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
