"""Child processes of tests: started, listened to line by line, ended for certain."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

# For what a program does first, its imports, a core that is shared by many of them takes its time.
DEADLINE_S = 40.0


class Process:
    """A running program and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.lines)),
            asyncio.create_task(self._read(process.stderr, self.errors)),
        ]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @staticmethod
    async def _read(stream: asyncio.StreamReader | None, into: list[str]) -> None:
        assert stream is not None
        while line := await stream.readline():
            into.append(line.decode().rstrip("\n"))

    async def said(self, text: str, deadline_s: float = DEADLINE_S) -> None:
        """Wait until a line of standard output holds `text`; fail if the program ends first, or at the deadline."""
        try:
            async with asyncio.timeout(deadline_s):
                while not any(text in line for line in self.lines):
                    assert not self._readers[0].done(), f"ended without {text!r}: {self.lines} {self.errors}"
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(
                f"not said within {deadline_s:g} s: {text!r}, but {self.lines} {self.errors}"
            ) from None

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal that does not end it, such as SIGSTOP."""
        self._process.send_signal(signal_number)

    async def end(self, how: signal.Signals = signal.SIGTERM, deadline_s: float = DEADLINE_S) -> int:
        """Send a signal and return the exit code, negative for a signal that was not handled."""
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        return await self.ended(deadline_s)

    async def ended(self, deadline_s: float = DEADLINE_S) -> int:
        """Wait for the program to end by itself and return its exit code."""
        async with asyncio.timeout(deadline_s):
            code = await self._process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def reap(self) -> None:
        """End it for certain."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._readers)


@asynccontextmanager
async def python(
    *arguments: str | Path, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> AsyncIterator[Process]:
    """Run `python <arguments>`; whatever happens, it is gone at the end of the block."""
    async with program(sys.executable, *arguments, environ=environ, cwd=cwd) as process:
        yield process


@asynccontextmanager
async def program(
    *arguments: str | Path, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> AsyncIterator[Process]:
    """Run a program; whatever happens, it is gone at the end of the block."""
    process = Process(
        await asyncio.create_subprocess_exec(
            *map(str, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})},
            cwd=cwd,
        )
    )
    try:
        yield process
    finally:
        await process.reap()
