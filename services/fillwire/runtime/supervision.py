"""Background tasks of a service, none of which may end unnoticed."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from fillwire.domain.errors import FillwireError
from fillwire.runtime.lifecycle import Stop
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

_CANCEL_AGAIN_S = 0.1


class PartFailed(FillwireError):
    """A part of the service ended that must not; the cause is chained."""


class Supervisor:
    """Runs tasks that are to run until they are cancelled.

    Attributes:
        failed: fails with `PartFailed` when one of them ends by itself.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[None] = self._loop.create_future()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Return the task that runs `work`."""
        task = self._loop.create_task(work, name=name)
        task.add_done_callback(self._note)
        return task

    def _note(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        _log.error("task_ended", task=task.get_name(), error=error)
        if not self.failed.done():
            failure = PartFailed(f"{task.get_name()} ended: {error or 'expected it to run until the end'}")
            failure.__cause__ = error
            self.failed.set_exception(failure)

    def close(self) -> None:
        """Forget a failure that nobody waits for; once more does nothing."""
        if not self.failed.cancel() and not self.failed.cancelled():
            self.failed.exception()


async def cancel(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait until they have ended; what they raise was noted by then.

    One cancellation may not be enough: `asyncio.wait_for` of Python 3.11, which the broker's client uses, swallows one
    that comes in the same turn as its result.
    """
    running = {task for task in tasks if task is not None}
    while running:
        for task in running:
            task.cancel()
        ended, running = await asyncio.wait(running, timeout=_CANCEL_AGAIN_S)
        await asyncio.gather(*ended, return_exceptions=True)


async def unless_stopped(stop: Stop, work: Awaitable[object]) -> bool:
    """Wait for `work`, which is cancelled if `stop` is requested first; return whether it was done.

    Raises:
        Exception: whatever `work` raises.
    """
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
            return True
        return False
    finally:
        await cancel(working, stopping)
