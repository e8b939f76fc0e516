"""Whether the broker has what was found in the venue's records: found is not stored."""

import asyncio
from collections.abc import Awaitable, Callable

from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel

_log = get_log(__name__)

RETRY_S = 5.0


class Storing:
    """Waits for the broker, in place or in the background.

    Args:
        stored: awaited until the broker has everything that was published when it was called.
        on_stored: called when the broker has it after a wait in the background.
        name: of the task in the background.

    Attributes:
        is_open: whether something may have been found that the broker does not have yet.
    """

    def __init__(
        self, stored: Callable[[], Awaitable[object]], on_stored: Callable[[], None], name: str
    ) -> None:
        self._stored = stored
        self._on_stored = on_stored
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self.is_open = False

    def expect(self) -> None:
        """Note that more may be found from now on: a wait that has begun does not cover it."""
        self.is_open = True
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def wait(self) -> None:
        """Wait until the broker has what was found by now; who gives up waiting, or fails, leaves it open."""
        await self._stored()
        self.is_open = False

    def begin(self) -> None:
        """Wait in the background, unless that has begun."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Wait no longer."""
        await cancel(self._task)

    async def _run(self) -> None:
        while self.is_open:
            try:
                await self.wait()
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not count as stored, nor stay open
                _log.error("storing_failed", task=self._name, error=error)
                await asyncio.sleep(RETRY_S)
        self._task = None
        self._on_stored()
