"""Who is told when the connection to the broker is lost and when it is back."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from fillwire.runtime.logs import get_log

_log = get_log(__name__)

CALLBACK_DEADLINE_S = 30.0

AsyncCallback = Callable[[], Awaitable[None]]


class Notices:
    """The callbacks of one connection; what they raise is logged and keeps no other from being told.

    Args:
        name: of the connection, for the log.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._reconnected: list[AsyncCallback] = []
        self._disconnected: list[Callable[[], None]] = []

    def on_reconnected(self, callback: AsyncCallback) -> None:
        """Have `callback` awaited after each new connection, with a deadline of 30 s, side by side with the others."""
        self._reconnected.append(callback)

    def off_reconnected(self, callback: AsyncCallback) -> None:
        """Undo `on_reconnected`; unknown callbacks are ignored."""
        with contextlib.suppress(ValueError):
            self._reconnected.remove(callback)

    def on_disconnected(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the connection is lost; it must be quick."""
        self._disconnected.append(callback)

    def off_disconnected(self, callback: Callable[[], None]) -> None:
        """Undo `on_disconnected`; unknown callbacks are ignored."""
        with contextlib.suppress(ValueError):
            self._disconnected.remove(callback)

    def tell_disconnected(self) -> None:
        """Call everyone."""
        for callback in self._disconnected:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - must not stop the client's own reconnect
                _log.error("disconnected_callback_failed", error=error, bus=self._name)

    async def tell_reconnected(self) -> None:
        """Await everyone."""
        async with asyncio.TaskGroup() as group:
            for callback in list(self._reconnected):
                group.create_task(self._run(callback))

    async def _run(self, callback: AsyncCallback) -> None:
        try:
            async with asyncio.timeout(CALLBACK_DEADLINE_S):
                await callback()
        except Exception as error:  # noqa: BLE001 - one callback's failure must not keep the others from being told
            _log.error("reconnected_callback_failed", error=error, bus=self._name)
