"""The whole system as child processes on this machine: what the demo, the benchmark and the end-to-end tests start.

Children run in sessions of their own, so that Ctrl-C reaches only the parent, which stops them in order: bots first,
then gateways, the simulated exchange and the broker. If the parent dies, the kernel stops them (Linux).
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fillwire.bus.partitions import Partitions
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.errors import FillwireError
from fillwire.runtime.parent import PARENT_VARIABLE

PARTITIONS_VARIABLE = "FILLWIRE_NATS__PARTITIONS"
READY_DEADLINE_S = 30.0
STOP_DEADLINE_S = 15.0
_TAIL_LINES = 8


class ChildError(FillwireError):
    """A child process ended or did not become ready; the message holds the end of what it said."""


class Child:
    """One `fillwire …` process: started, awaited until ready, stopped.

    Args:
        name: what it is called.
        arguments: of `fillwire`.
        directory: where its log goes.
        environ: added to our own environment.
        python: the interpreter whose Fillwire it is; None for our own.

    Attributes:
        name: what it is called in messages and in its log file.
        ready: what it announced when it became ready.
        log_path: where its standard error goes.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        directory: Path,
        environ: Mapping[str, str],
        *,
        python: Path | None = None,
    ) -> None:
        self.name = name
        self.log_path = directory / f"{name}.log"
        self.ready: dict[str, Any] = {}
        self._arguments = [str(python or sys.executable), "-m", "fillwire", *arguments]
        self._environ = {**os.environ, **environ, PARENT_VARIABLE: str(os.getpid())}
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Process id; the child must have been started."""
        assert self._process is not None  # noqa: S101 - programming error
        return self._process.pid

    async def start(self, deadline_s: float = READY_DEADLINE_S) -> dict[str, Any]:
        """Start the process and return what it announces when it is ready.

        Raises:
            ChildError: it ended first, or was not ready within `deadline_s` seconds.
        """
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environ,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(deadline_s):
                self.ready = await self._read_ready()
        except TimeoutError:
            await self.stop()
            raise ChildError(f"{self.name} was not ready within {deadline_s:g} s: {self._tail()}") from None
        self._drain = asyncio.create_task(self._discard_output(), name=f"drain {self.name}")
        return self.ready

    async def _read_ready(self) -> dict[str, Any]:
        assert self._process is not None  # noqa: S101 - programming error
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        async for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                document = json.loads(line)
                if isinstance(document, dict) and document.get("ready") is True:
                    return document
        code = await self._process.wait()
        raise ChildError(f"{self.name} ended with exit code {code}: {self._tail()}")

    async def _discard_output(self) -> None:
        assert self._process is not None  # noqa: S101 - programming error
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        with self.log_path.open("ab") as log:
            while chunk := await self._process.stdout.read(65536):
                log.write(chunk)
                log.flush()

    def _tail(self) -> str:
        lines = self.log_path.read_text(errors="replace").strip().splitlines()[-_TAIL_LINES:]
        return " | ".join(lines) or "it said nothing"

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    async def stop(self, deadline_s: float = STOP_DEADLINE_S) -> int | None:
        """Ask the process to end, and end it by force after `deadline_s` seconds. Returns its exit code."""
        if self._process is None:
            return None
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(deadline_s):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        return await self._reap()

    async def kill(self) -> int | None:
        """End the process by force, as a crash would."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        return await self._reap()

    async def _reap(self) -> int | None:
        if self._drain is not None:
            await self._drain
            self._drain = None
        return None if self._process is None else self._process.returncode


class Stack:
    """A broker and any number of `fillwire` processes, stopped in the reverse order of their start.

    Args:
        directory: where the broker's store, the configuration and the logs go; it must exist.
        environ: added to the environment of every child.
        broker: the broker, such as one of a cluster; None for one of its own.
        partitions: of the log, for which a broker that is given is configured.
    """

    def __init__(
        self,
        directory: Path,
        environ: Mapping[str, str] | None = None,
        broker: EmbeddedServer | None = None,
        *,
        partitions: int = 1,
    ) -> None:
        self.directory = directory
        self.broker = broker or EmbeddedServer(
            directory / "broker", extra_config=Partitions(partitions).configuration()
        )
        self.children: list[Child] = []
        self._environ = dict(environ or {})
        if partitions > 1:
            self._environ[PARTITIONS_VARIABLE] = str(partitions)
        self._configuration: dict[str, Any] = {"exchanges": {}, "accounts": []}

    async def __aenter__(self) -> Self:
        """Start the broker."""
        try:
            self._environ["FILLWIRE_NATS__URL"] = await self.broker.start()
        except BaseException:
            await self.broker.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop everything, last started first."""
        for child in reversed(self.children):
            await child.stop()
        await self.broker.stop()

    @property
    def environ(self) -> dict[str, str]:
        """What every child finds in its environment beside the parent's."""
        return self._environ

    def configure(
        self,
        exchange: str,
        settings: Mapping[str, Any],
        account: Mapping[str, str],
        secrets: Mapping[str, str],
    ) -> None:
        """Write `fillwire.json` anew with this exchange and its one account, and name it in the children's environment.

        Args:
            exchange: which one; what was said of it before is replaced.
            settings: its member of `exchanges`.
            account: its member of `accounts`.
            secrets: variables that the account refers to.
        """
        others = [entry for entry in self._configuration["accounts"] if entry["exchange"] != exchange]
        self._configuration["accounts"] = [*others, account]
        self._configuration["exchanges"][exchange] = settings
        path = self.directory / "fillwire.json"
        path.with_suffix(".new").write_text(json.dumps(self._configuration, indent=2))
        path.with_suffix(".new").replace(path)  # whoever reads meanwhile finds the one or the other
        self._environ.update(secrets, FILLWIRE_CONFIG=str(path))

    async def spawn(self, name: str, *arguments: str) -> Child:
        """Start `fillwire <arguments>` and return it once it is ready.

        Raises:
            ChildError: it did not become ready.
        """
        child = self.add(name, *arguments)
        await child.start()
        return child

    def add(self, name: str, *arguments: str) -> Child:
        """Return `fillwire <arguments>`, for the caller to start; it is stopped with the others."""
        child = Child(name, arguments, self.directory, self._environ)
        self.children.append(child)
        return child
