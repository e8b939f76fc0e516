"""While an account has no stream: asks the venue's own records at intervals for what the stream would have told.

The events are the same, with the same ids and in the same order, for it is the same comparison of the log with the
records as after each connection; they come later, and say `"source": "rest"`. Questions wait for their turn within the
venue's weight, shared with all accounts of the machine, so many accounts are asked less often than the interval says.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fillwire.domain.errors import AuthRejected, BrokerError, ConfigError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel

_log = get_log(__name__)

# The rest of the weight is left to accounts that catch up, and to orders that are looked up.
POLLING_SHARE = 0.75


class Poller:
    """Polls one account between `start` and `end`.

    Args:
        account: whose records.
        interval_s: time between the beginnings of two polls, in seconds.
        poll: compares once; raises `VenueError` or `BrokerError` if that is not possible now.
        on_change: told since when the account is polled, in nanoseconds of the gateway's clock; None for no longer.
    """

    def __init__(
        self,
        account: Account,
        interval_s: float,
        poll: Callable[[], Awaitable[None]],
        on_change: Callable[[int | None], None],
    ) -> None:
        self._account = account
        self._interval_s = interval_s
        self._poll = poll
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def __str__(self) -> str:
        """Return what a person is told."""
        return f"REST is asked every {self._interval_s:g} s instead"

    def start(self) -> None:
        """Begin to poll, unless it has begun; ends by itself only if the venue refuses the key."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"poll {self._account}")
            self._tell(is_polling=True)

    def end(self) -> None:
        """Poll no more; what a poll under way has found so far stays."""
        task, self._task = self._task, None
        if task is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()
            self._tell(is_polling=False)

    async def stop(self) -> None:
        """Poll no more, and wait until it has ended."""
        self.end()
        await cancel(*self._ending)

    def _tell(self, *, is_polling: bool) -> None:
        self._on_change(time.time_ns() if is_polling else None)
        _log.warning("polling" if is_polling else "polling_ended", account=str(self._account))

    async def _run(self) -> None:
        try:
            await self.run()
        except (AuthRejected, ConfigError) as error:  # the next attempt to connect meets the same, and tells
            _log.error("polling_refused", account=str(self._account), error=error)
            self._task = None
            self._tell(is_polling=False)

    async def run(self) -> None:
        """Poll until cancelled.

        Raises:
            AuthRejected: the venue refuses the key.
            ConfigError: there is no key.
        """
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + self._interval_s
            try:
                await self._poll()
            except (AuthRejected, ConfigError):
                raise
            except (VenueError, BrokerError) as error:
                _log.warning("not_polled", account=str(self._account), error=error)
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not leave the account unseen
                _log.error("poll_failed", account=str(self._account), error=error)
            await asyncio.sleep(max(0.0, due_s - loop.time()))
