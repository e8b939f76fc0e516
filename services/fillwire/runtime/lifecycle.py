"""Run one service until it ends or is told to stop: event loop, signals, deadlines and the exit code."""

import _thread
import asyncio
import contextlib
import os
import signal
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from enum import IntEnum
from types import FrameType

from fillwire.domain.errors import ConfigError, FillwireError
from fillwire.runtime.redaction import redacted_text

LOOP_VARIABLE = "FILLWIRE_LOOP"
_CANCEL_GRACE_S = 2.0
_STDERR = 2


class ExitCode(IntEnum):
    """What a Fillwire process says when it ends; a second signal ends it with 128 + the signal's number."""

    OK = 0
    FAILED = 1
    CONFIG = 2
    BUG = 70
    DEADLINE = 124


class Stop:
    """The request to stop in order, awaited by everything that runs until told otherwise."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._reason: str | None = None

    @property
    def is_requested(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    @property
    def reason(self) -> str | None:
        """Why to stop, such as `SIGTERM`; None while nobody asked."""
        return self._reason

    def request(self, reason: str) -> None:
        """Ask to stop; the first reason stands. Call it on the event loop's thread."""
        if self._reason is None:
            self._reason = reason
        self._event.set()

    async def wait(self) -> str:
        """Wait for the request and return its reason."""
        await self._event.wait()
        return self._reason or ""

    async def wait_for(self, timeout_s: float) -> bool:
        """Sleep for `timeout_s` seconds unless asked to stop before; return whether to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        return self.is_requested


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory where it is installed; `FILLWIRE_LOOP=asyncio` asks for the standard library's."""
    chosen = os.environ.get(LOOP_VARIABLE, "")
    if chosen not in {"", "uvloop", "asyncio"}:
        raise ConfigError(f"{LOOP_VARIABLE}: expected uvloop or asyncio, found {chosen!r}")
    if chosen == "asyncio":
        return None
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms, where asyncio serves
    except ImportError:
        if chosen == "uvloop":
            raise ConfigError(f"{LOOP_VARIABLE}: expected an installed uvloop, found none") from None
        return None
    return uvloop.new_event_loop


def _write(text: str) -> None:
    # os.write: also from a signal handler that interrupted a print, and with nothing left in a buffer at os._exit.
    with contextlib.suppress(OSError):
        os.write(_STDERR, text.encode())


def _say(sentence: str) -> None:
    _write(f"fillwire: {sentence}\n")


class _Shutdown:
    """What happens after the first signal: an orderly stop, then cancellation, then the end of the process."""

    def __init__(self, stop: Stop, deadline_s: float) -> None:
        self._stop = stop
        self._deadline_s = deadline_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_armed = False
        self._closed = threading.Event()
        self._first: signal.Signals | None = None
        self.was_cancelled = False

    def attach(self) -> None:
        """Remember the running loop and task: what signals act upon."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._first is not None:
            self._stop.request(self._first.name)

    @contextlib.contextmanager
    def handling(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM inside the block, and put the former handlers back after it."""
        former = {}
        # Only the main thread may set handlers; whoever runs us elsewhere owns the signals.
        if threading.current_thread() is threading.main_thread():
            # signal.signal, not loop.add_signal_handler: the latter is deaf while a callback blocks the loop.
            former = {
                number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)
            }
        try:
            yield
        finally:
            self._closed.set()
            for number, handler in former.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self._first is not None:
            _say(f"{name} during shutdown: leaving at once, without waiting for open work")
            os._exit(128 + number)
        self._first = signal.Signals(number)
        self.arm()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: we are leaving already
                self._loop.call_soon_threadsafe(self._stop.request, name)

    def arm(self) -> None:
        """Start the clock of the shutdown; a thread, so that it runs out even when the loop is blocked."""
        if not self._is_armed:
            self._is_armed = True
            # threading.Thread takes a lock that the interrupted code may hold: inside a handler that is a deadlock.
            _thread.start_new_thread(self._watch, ())

    def _watch(self) -> None:
        if self._closed.wait(self._deadline_s):
            return
        _say(f"not stopped after {self._deadline_s:g} s: cancelling what still runs")
        self.was_cancelled = True
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._closed.wait(_CANCEL_GRACE_S):
            return
        _say(f"not cancelled after {_CANCEL_GRACE_S:g} s more: leaving without it")
        os._exit(ExitCode.DEADLINE)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _report(error: BaseException) -> ExitCode:
    """Say in one sentence each what Fillwire's own errors mean; anything else is a bug and shows its traceback."""
    leaves = list(_leaves(error))
    if not all(isinstance(leaf, FillwireError) for leaf in leaves):
        _write(redacted_text("".join(traceback.format_exception(error))))
        return ExitCode.BUG
    for sentence in dict.fromkeys(str(leaf) for leaf in leaves):
        for line in sentence.splitlines():
            _say(line)
    is_config = any(isinstance(leaf, ConfigError) for leaf in leaves)
    return ExitCode.CONFIG if is_config else ExitCode.FAILED


def run(main: Callable[[Stop], Awaitable[None]], *, shutdown_deadline_s: float = 30.0) -> int:
    """Run `main` on a fresh event loop until it returns, and return the exit code of the process.

    SIGINT and SIGTERM request the orderly stop that `main` is given; `main` then finishes its work and returns. What
    has not returned `shutdown_deadline_s` seconds later is cancelled, and the process leaves for good two seconds
    after that. A second signal leaves at once. Both say so on stderr. The same clock runs when `main` has returned,
    so that no thread or task left behind can keep the process.

    Args:
        main: the service; it may use task groups, whose exception groups are reported leaf by leaf.
        shutdown_deadline_s: time for the orderly stop, in seconds.

    Returns:
        `ExitCode.OK` after an orderly end, `CONFIG` or `FAILED` after a Fillwire error, whose sentence stands on
        stderr without traceback, `BUG` after any other exception, `DEADLINE` when it had to be cancelled.
    """
    stop = Stop()
    shutdown = _Shutdown(stop, shutdown_deadline_s)

    async def supervised() -> None:
        shutdown.attach()
        await main(stop)

    try:
        with shutdown.handling(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
            try:
                runner.run(supervised())
            finally:
                shutdown.arm()
    except asyncio.CancelledError:
        return ExitCode.DEADLINE
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - the edge of the process
        return _report(error)
    return ExitCode.DEADLINE if shutdown.was_cancelled else ExitCode.OK
