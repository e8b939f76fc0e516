"""Services as real processes under real signals: how they end, in what time, with which code and which words."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

# What each service does after it has said that it is ready. Those that sleep are faulty ones that would go on for ever: each
# is ended by what is tested, long before.
SERVICES = {
    "orderly": "print(await stop.wait(), stop.reason, flush=True)",
    "polling": "\n    while not await stop.wait_for(60): pass\n    print('stopped', flush=True)",
    "deaf to the request": "await asyncio.sleep(60)",
    "deaf to everything": """
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass""",
    "blocking the loop": "time.sleep(60)",
    "leaving a thread behind": "asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)",
    "leaving a task behind": "asyncio.get_running_loop().create_task(asyncio.sleep(60))",
    "returning": "pass",
    "misconfigured": "raise ConfigError('nats.url: expected an address, found none\\nnats.user: expected text')",
    "losing its broker": "raise BrokerError('broker away')",
    "failing in a group": """
    async with asyncio.TaskGroup() as group:
        group.create_task(fail('one'))
        group.create_task(fail('two'))""",
    "failing in a group with a bug": """
    async with asyncio.TaskGroup() as group:
        group.create_task(fail('one'))
        group.create_task(crash())""",
    "buggy": "await crash()",
}
PROGRAM = """
import asyncio, sys, time
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.lifecycle import run

async def fail(text):
    await asyncio.sleep(0)
    raise BrokerError(text)

async def crash():
    raise ZeroDivisionError("secret=hunter2hunter2")

async def main(stop):
    print("ready", type(asyncio.get_running_loop()).__module__.partition(".")[0], flush=True)
    {body}

sys.exit(run(main, shutdown_deadline_s=0.3))
"""


class Service:
    """A running service."""

    def __init__(self, process: asyncio.subprocess.Process, loop: str) -> None:
        self._process = process
        self.loop = loop

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def line(self) -> str:
        """Return the next line that the service says on its error stream."""
        if self._process.stderr is None:
            raise AssertionError("a pipe was asked for")
        async with asyncio.timeout(20):
            return (await self._process.stderr.readline()).decode().rstrip()

    async def ended(self) -> tuple[int, str, list[str]]:
        """Wait for the end; return the exit code, the rest of the output and the rest of the error stream."""
        async with asyncio.timeout(20):
            out, err = await self._process.communicate()
        return self._process.returncode or 0, out.decode().strip(), err.decode().splitlines()


@asynccontextmanager
async def _running(name: str, loop: str = "") -> AsyncIterator[Service]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM.replace("{body}", SERVICES[name]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"FILLWIRE_LOOP": loop},
    )
    try:
        if process.stdout is None:
            raise AssertionError("a pipe was asked for")
        async with asyncio.timeout(20):
            ready, _, module = (await process.stdout.readline()).decode().strip().partition(" ")
        assert ready == "ready"
        yield Service(process, module)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize(("asked", "used"), [("", "uvloop"), ("uvloop", "uvloop"), ("asyncio", "asyncio")])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_asks_for_an_orderly_end(asked: str, used: str, number: signal.Signals) -> None:
    """On either loop the service learns which signal came, finishes, and ends with 0 and without a word."""
    async with _running("orderly", asked) as service:
        assert service.loop == used
        service.send(number)
        assert await service.ended() == (0, f"{number.name} {number.name}", [])


async def test_waiting_for_work_ends_with_the_request() -> None:
    """`wait_for` sleeps between rounds of work, and not a moment longer than the request."""
    async with _running("polling") as service:
        begin = time.monotonic()
        service.send(signal.SIGTERM)
        assert await service.ended() == (0, "stopped", [])
        assert time.monotonic() - begin < 10


async def test_what_does_not_stop_is_cancelled() -> None:
    """After the deadline the service is cancelled, and the exit code says that it had to be."""
    async with _running("deaf to the request") as service:
        service.send(signal.SIGTERM)
        assert await service.ended() == (
            124,
            "",
            ["fillwire: not stopped after 0.3 s: cancelling what still runs"],
        )


@pytest.mark.parametrize("name", ["deaf to everything", "blocking the loop"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_what_cannot_be_cancelled_is_left(name: str, loop: str) -> None:
    """Neither swallowed cancellations nor a blocked loop keep the process: it leaves two seconds later."""
    async with _running(name, loop) as service:
        service.send(signal.SIGTERM)
        assert await service.ended() == (
            124,
            "",
            [
                "fillwire: not stopped after 0.3 s: cancelling what still runs",
                "fillwire: not cancelled after 2 s more: leaving without it",
            ],
        )


async def test_a_second_signal_leaves_at_once() -> None:
    """Who presses Ctrl-C twice means it; the code is the shell's for a signal."""
    async with _running("deaf to everything") as service:
        service.send(signal.SIGTERM)
        assert "not stopped" in await service.line()
        service.send(signal.SIGINT)
        code, _, words = await service.ended()
        assert code == 128 + signal.SIGINT
        assert words == ["fillwire: SIGINT during shutdown: leaving at once, without waiting for open work"]


async def test_a_thread_left_behind_does_not_keep_the_process() -> None:
    """A blocking call in the loop's own pool of threads cannot be cancelled, and is left when its time is up."""
    async with _running("leaving a thread behind") as service:
        code, _, words = await service.ended()
        assert code == 124
        assert words[-1] == "fillwire: not cancelled after 2 s more: leaving without it"


@pytest.mark.parametrize("name", ["returning", "leaving a task behind"])
async def test_an_end_of_its_own_is_a_success(name: str) -> None:
    """A service that has done its work ends with 0, and takes its tasks with it."""
    async with _running(name) as service:
        assert await service.ended() == (0, "", [])


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        (
            "misconfigured",
            2,
            ["fillwire: nats.url: expected an address, found none", "fillwire: nats.user: expected text"],
        ),
        ("losing its broker", 1, ["fillwire: broker away"]),
        ("failing in a group", 1, ["fillwire: one", "fillwire: two"]),
    ],
)
async def test_errors_of_ours_are_sentences(name: str, code: int, words: list[str]) -> None:
    """One line for each thing that went wrong, without traceback; configuration has a code of its own."""
    async with _running(name) as service:
        assert await service.ended() == (code, "", words)


@pytest.mark.parametrize("name", ["buggy", "failing in a group with a bug"])
async def test_a_bug_shows_its_traceback(name: str) -> None:
    """What nobody foresaw is shown whole, but for what looks like a secret."""
    async with _running(name) as service:
        code, _, words = await service.ended()
    assert code == 70
    assert any("in crash" in line for line in words)
    assert any("ZeroDivisionError: secret=***" in line for line in words)
    assert not any("hunter2" in line for line in words if "raise ZeroDivisionError" not in line)


async def test_an_unknown_loop_is_refused() -> None:
    """A mistyped `FILLWIRE_LOOP` is not silently the default."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM.replace("{body}", "pass"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"FILLWIRE_LOOP": "trio"},
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out) == (2, b"")
    assert err.decode() == "fillwire: FILLWIRE_LOOP: expected uvloop or asyncio, found 'trio'\n"
