"""Keeps the publisher from storing an event twice when the broker may have forgotten its id: the log is asked first.

The broker knows an id for the stream's duplicate window, counted from the moment when it stored the first copy. No copy
of an execution can be older than the execution. So an event younger than half the window is safe to send by its id
alone, whoever else sends it; an older one is looked up in the log, and is safe for another half window from the moment
when that reading began. The other half is for what lies between sending and storing.

    age < window / 2 ──▶ sent; costs one comparison
    older ──▶ held ──▶ log read ──▶ there: acknowledged without sending
                                └─▶ not there: sent, safe for another half window
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from fillwire.bus.encoding import STORED_NS, Outgoing
from fillwire.bus.stored import StoredIds
from fillwire.domain.errors import BrokerError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

_RETRY_FIRST_S = 0.1
_RETRY_MAX_S = 2.0


class DuplicateGuard:
    """Holds messages back while the stream is asked whether it has them.

    Args:
        stored: looks ids up.
        window_s: the stream's duplicate window, in seconds.
        scope: returns, of a subject, the pattern whose subjects are looked up together.

    Attributes:
        held: heads of lanes that wait for an answer; bounded as the publisher is.
        checked_count: messages looked up so far.
        found_count: those of them that were stored already.
    """

    def __init__(self, stored: StoredIds, window_s: float, scope: Callable[[str], str]) -> None:
        self._stored = stored
        self._trusted_ns = int(window_s * 1e9 / 2)
        self._scope = scope
        self._waiting: Callable[[], Iterable[Outgoing]] = tuple
        self._release: Callable[[list[Outgoing]], None] = _nobody
        self._task: asyncio.Task[None] | None = None
        self.held: list[Outgoing] = []
        self.checked_count = 0
        self.found_count = 0

    def serve(
        self, waiting: Callable[[], Iterable[Outgoing]], release: Callable[[list[Outgoing]], None]
    ) -> None:
        """Serve one publisher: `waiting` returns all its messages, `release` takes back those that were held."""
        self._waiting = waiting
        self._release = release

    @property
    def stale_before_ns(self) -> int:
        """Messages whose `since_ns` is before this must be looked up before they are sent."""
        return time.time_ns() - self._trusted_ns

    def hold(self, outgoing: Outgoing) -> None:
        """Keep a message until it was looked up."""
        self.held.append(outgoing)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="duplicate guard")

    async def stop(self) -> None:
        """Look nothing up any more; what is held stays held."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        delay_s = _RETRY_FIRST_S
        try:
            while self.held:
                try:
                    await self._check()
                except BrokerError as error:
                    _log.warning("stored_events_not_read", error=error, held=len(self.held))
                except Exception as error:  # noqa: BLE001 - a mistake of ours must not hold events for ever
                    _log.error("duplicate_guard_failed", error=error, held=len(self.held))
                else:
                    delay_s = _RETRY_FIRST_S
                    continue
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _RETRY_MAX_S)
        finally:
            self._task = None

    async def _check(self) -> None:
        """Look up everything that is too old, what waits behind the heads included: one reading serves all."""
        stale_ns = self.stale_before_ns
        scopes: dict[str, list[Outgoing]] = {}
        for outgoing in self._waiting():
            if STORED_NS < outgoing.since_ns < stale_ns:
                scopes.setdefault(self._scope(outgoing.subject), []).append(outgoing)
        for scope, group in scopes.items():
            began_ns = time.time_ns()
            found = await self._stored.find(
                _narrowest(scope, group),
                {outgoing.message_id for outgoing in group},
                min(outgoing.since_ns for outgoing in group),
            )
            for outgoing in group:
                outgoing.since_ns = STORED_NS if outgoing.message_id in found else began_ns
            self.checked_count += len(group)
            self.found_count += len(found)
            _log.info("stored_events_looked_up", scope=scope, events=len(group), stored=len(found))
            self._let_go(stale_ns)
        self._let_go(stale_ns)

    def _let_go(self, stale_ns: int) -> None:
        known = [outgoing for outgoing in self.held if not STORED_NS < outgoing.since_ns < stale_ns]
        if known:
            self.held = [outgoing for outgoing in self.held if STORED_NS < outgoing.since_ns < stale_ns]
            self._release(known)


def _narrowest(scope: str, group: Sequence[Outgoing]) -> str:
    """Return the pattern of the pair if all are of one, else that of the scope."""
    parents = {outgoing.subject.rpartition(".")[0] for outgoing in group}
    return f"{parents.pop()}.*" if len(parents) == 1 else scope


def _nobody(_: list[Outgoing]) -> None:
    """Serve no publisher yet."""
