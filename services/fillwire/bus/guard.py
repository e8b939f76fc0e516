"""Keeps the publisher from storing an event twice when the broker may have forgotten its id: the log is asked first.

The broker knows an id for the stream's duplicate window, counted from the moment when it stored the first copy. No copy
of an execution can be older than the execution. So an event younger than half the window is safe to send by its id
alone, whoever else sends it; an older one is looked up in the log, and is safe for another half window from the moment
when that reading began. The other half is for what lies between sending and storing.

    age < window / 2 ──▶ sent; costs one comparison
    older ──▶ held ──▶ log read ──▶ there: acknowledged without sending
                                └─▶ not there: sent, safe for another half window

Each scope, such as an account, is looked up by itself: one that cannot be read is asked again and holds up no other.
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
_READINGS_MAX = 8  # at once, of scopes that can be read as far as is known
_DOUBTFUL_MAX = 4  # and of those that could not be read: they delay each other only


class DuplicateGuard:
    """Holds messages back while the stream is asked whether it has them.

    Args:
        stored: looks ids up.
        window_s: the stream's duplicate window, in seconds.
        scope: returns, of a subject, the pattern whose subjects are looked up together.
        forgotten_before_ns: ids that the broker was told before are forgotten, in nanoseconds since the epoch.

    Attributes:
        checked_count: messages looked up so far.
        found_count: those of them that were stored already.
    """

    def __init__(
        self,
        stored: StoredIds,
        window_s: float,
        scope: Callable[[str], str],
        *,
        forgotten_before_ns: int = 0,
    ) -> None:
        self._stored = stored
        self._forgotten_before_ns = forgotten_before_ns
        self._trusted_ns = int(window_s * 1e9 / 2)
        self._scope = scope
        self._waiting: Callable[[], Iterable[Outgoing]] = tuple
        self._release: Callable[[list[Outgoing]], None] = _nobody
        self._held: dict[str, list[Outgoing]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._asked_s: dict[str, float] = {}  # since when a scope's question is open, by the loop's clock
        self._groups: dict[str, list[Outgoing]] | None = None  # what is too old, while nothing has changed
        self._turns = asyncio.Semaphore(_READINGS_MAX)
        self._doubtful_turns = asyncio.Semaphore(_DOUBTFUL_MAX)
        self.checked_count = 0
        self.found_count = 0

    def serve(
        self, waiting: Callable[[], Iterable[Outgoing]], release: Callable[[list[Outgoing]], None]
    ) -> None:
        """Serve one publisher: `waiting` returns all its messages, `release` takes back those that were held."""
        self._waiting = waiting
        self._release = release

    @property
    def held(self) -> list[Outgoing]:
        """Heads of lanes that wait for an answer; bounded as the publisher is."""
        return [outgoing for group in self._held.values() for outgoing in group]

    @property
    def stale_before_ns(self) -> int:
        """Messages whose `since_ns` is before this must be looked up before they are sent."""
        return max(time.time_ns() - self._trusted_ns, self._forgotten_before_ns)

    @property
    def longest_wait_s(self) -> float:
        """For how long the oldest question has been open, in seconds; 0.0 if there is none."""
        if not self._asked_s:
            return 0.0
        return asyncio.get_running_loop().time() - min(self._asked_s.values())

    def hold(self, outgoing: Outgoing) -> None:
        """Keep a message until it was looked up."""
        scope = self._scope(outgoing.subject)
        self._held.setdefault(scope, []).append(outgoing)
        self._groups = None
        if scope not in self._tasks:
            self._tasks[scope] = asyncio.get_running_loop().create_task(
                self._serve(scope), name=f"duplicate guard {scope}"
            )

    def clear(self) -> None:
        """Forget what is held."""
        self._held.clear()

    async def stop(self) -> None:
        """Look nothing up any more; what is held stays held."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, scope: str) -> None:
        try:
            while self._held.get(scope):
                self._asked_s[scope] = asyncio.get_running_loop().time()
                group = self._too_old(scope)
                if group:  # else the clock was set back
                    await self._answer(scope, group)
                self._let_go(scope)
        finally:
            del self._tasks[scope], self._asked_s[scope]

    async def _answer(self, scope: str, group: list[Outgoing]) -> None:
        """Look a group up, again and again if need be."""
        delay_s, turns = _RETRY_FIRST_S, self._turns
        while True:
            try:
                async with turns:
                    await self._look_up(scope, group)
            except BrokerError as error:
                _log.warning("stored_events_not_read", scope=scope, error=error, events=len(group))
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not hold events for ever
                _log.error("duplicate_guard_failed", scope=scope, error=error, events=len(group))
            else:
                return
            turns = self._doubtful_turns
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _RETRY_MAX_S)

    def _too_old(self, scope: str) -> list[Outgoing]:
        """Return what must be looked up of a scope, what waits behind the heads included: one reading serves all.

        One pass over all that waits serves every scope whose turn it is.
        """
        if self._groups is None:
            groups: dict[str, list[Outgoing]] = {}
            self._groups = groups
            stale_ns = self.stale_before_ns
            for outgoing in self._waiting():
                if STORED_NS < outgoing.since_ns < stale_ns:
                    groups.setdefault(self._scope(outgoing.subject), []).append(outgoing)
            asyncio.get_running_loop().call_soon(self._forget_groups)
        return self._groups.pop(scope, [])

    def _forget_groups(self) -> None:
        self._groups = None

    async def _look_up(self, scope: str, group: list[Outgoing]) -> None:
        pattern = _narrowest(scope, group)
        message_ids = {outgoing.message_id for outgoing in group}
        since_ns = min(outgoing.since_ns for outgoing in group)
        found: set[str] = set()
        began_ns = 0
        while began_ns < self.stale_before_ns:
            # After a long reading only what was stored since is to be read.
            began_ns = time.time_ns()
            found = await self._stored.find(pattern, message_ids, since_ns)
        for outgoing in group:
            outgoing.since_ns = STORED_NS if outgoing.message_id in found else began_ns
        self.checked_count += len(group)
        self.found_count += len(found)
        _log.info("stored_events_looked_up", scope=scope, events=len(group), stored=len(found))

    def _let_go(self, scope: str) -> None:
        stale_ns = self.stale_before_ns
        held = self._held.pop(scope, [])
        known = [outgoing for outgoing in held if not STORED_NS < outgoing.since_ns < stale_ns]
        unknown = [outgoing for outgoing in held if STORED_NS < outgoing.since_ns < stale_ns]
        if unknown:
            self._held[scope] = unknown
        if known:
            self._release(known)


def _narrowest(scope: str, group: Sequence[Outgoing]) -> str:
    """Return the pattern of the pair if all are of one, else that of the scope."""
    parents = {outgoing.subject.rpartition(".")[0] for outgoing in group}
    return f"{parents.pop()}.*" if len(parents) == 1 else scope


def _nobody(_: list[Outgoing]) -> None:
    """Serve no publisher yet."""
