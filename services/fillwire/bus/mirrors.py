"""Keeps tenants' mirrors from standing still: one that does not follow the log any more is given another leader.

In a cluster the broker takes its time after the death of the server that led the log: a mirror notices between ten seconds
and twenty later, waits half a minute for an answer to its next attempt, and longer from each to the next. A leader that
begins anew asks at once. The same goes for the system's streams that take what tenants write.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.standstill import Patience, Standstill, leader_of, successor
from fillwire.bus.tenants import MIRRORED, TAKEN
from fillwire.domain.errors import BrokerError
from fillwire.runtime import metric_names as names
from fillwire.runtime.logs import get_log
from fillwire.runtime.metrics import Measures
from fillwire.runtime.supervision import cancel

_log = get_log(__name__)

LOOK_EVERY_S: Final = 1.0
_NAMES_EVERY_S: Final = 10.0
_TIMEOUT_S: Final = 2.0
_AT_ONCE: Final = 16
# Between looks at a stream of which the broker says nothing.
_PAUSE_FIRST_S: Final = 0.5
_PAUSE_MOST_S: Final = 10.0
_PREFIXES: Final = tuple(f"{name}-" for name in MIRRORED)


class _Watched:
    """One stream that is looked at."""

    def __init__(self, patience: Patience) -> None:
        self.standstill = Standstill(patience)
        self.pause_s = 0.0
        self.next_look_s = 0.0


class MirrorWatch:
    """Looks after all tenants' mirrors: `async with MirrorWatch(bus):`. Any number may; they do not hinder each other.

    Each step is bounded: so many streams are looked at at a time, each once a second at most, and a stream whose new
    leader does not help either waits longer and longer for the next one.

    Args:
        bus: the connection, in the system's account.
        patience: when a mirror counts as standing still.

    Attributes:
        revived_count: streams that were given another leader, counted each time.
        failed_count: times that this came to nothing.
        round_count: how often all streams were looked at.
    """

    def __init__(self, bus: Bus, patience: Patience | None = None) -> None:
        self._bus = bus
        self._patience = patience or Patience()
        self._watched: dict[str, _Watched] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._task: asyncio.Task[None] | None = None
        self.revived_count = 0
        self.failed_count = 0
        self.round_count = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="mirror watch")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await cancel(self._task)

    def measure(self, into: Measures) -> None:
        """Say how many streams there are that take from others, and which of them stand still."""
        now_s = asyncio.get_running_loop().time()
        standing = [
            now_s - since_s
            for watched in self._watched.values()
            if (since_s := watched.standstill.stands_since_s) is not None
        ]
        into.put(names.MIRRORS, len(self._watched))
        into.put(names.MIRRORS_STANDING, len(standing))
        into.put(names.MIRRORS_STANDING_TIME, max(standing, default=0.0))
        into.put(names.MIRRORS_REVIVED, self.revived_count)
        into.put(names.MIRRORS_NOT_REVIVED, self.failed_count)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        names_s = float("-inf")
        while True:
            began_s = loop.time()
            try:
                if began_s - names_s >= _NAMES_EVERY_S:
                    await self._list()
                    names_s = began_s
                await self._look_at_all()
                self.round_count += 1
            except BrokerError as error:
                _log.debug("mirrors_not_seen", error=error)
            except Exception as error:  # noqa: BLE001 - the task's edge: a mistake of ours must not end the watch
                _log.error("mirror_watch_failed", error=error)
            await asyncio.sleep(max(0.0, began_s + LOOK_EVERY_S - loop.time()))

    async def _list(self) -> None:
        """Find out which streams are to be looked at."""
        found: set[str] = set()
        offset = 0
        while True:
            page = await api.call(self._bus, "STREAM.NAMES", {"offset": offset}, timeout_s=_TIMEOUT_S)
            listed: list[str] = page.get("streams") or []
            found.update(name for name in listed if name in TAKEN or name.startswith(_PREFIXES))
            offset += len(listed)
            if not listed or offset >= page["total"]:
                break
        for name in self._watched.keys() - found:
            del self._watched[name]
        for name in sorted(found - self._watched.keys()):
            self._watched[name] = _Watched(self._patience)

    async def _look_at_all(self) -> None:
        now_s = asyncio.get_running_loop().time()
        leaders = _Leaders(self._bus)
        async with asyncio.TaskGroup() as looks:
            for name, watched in list(self._watched.items()):
                if watched.next_look_s <= now_s:
                    looks.create_task(self._look(name, watched, leaders), name=f"look at {name}")

    async def _look(self, name: str, watched: _Watched, leaders: "_Leaders") -> None:
        async with self._turns:
            loop = asyncio.get_running_loop()
            try:
                info = await api.call(self._bus, f"STREAM.INFO.{name}", timeout_s=_TIMEOUT_S)
                watched.pause_s = 0.0
                lost = watched.standstill.look(info, loop.time())
                if lost and watched.standstill.is_due([await leaders.of(one) for one in lost], loop.time()):
                    await self._revive(name, info, lost)
            except BrokerError as error:
                # It has no leader, or we no right to it: the stream of a tenant who is being made or removed.
                watched.pause_s = min(max(_PAUSE_FIRST_S, 2 * watched.pause_s), _PAUSE_MOST_S)
                watched.next_look_s = loop.time() + watched.pause_s
                _log.debug("mirror_not_seen", stream=name, error=error)

    async def _revive(self, name: str, info: dict[str, Any], lost: Sequence[str]) -> None:
        leader, other = leader_of(info), successor(info)
        if other is None:
            _log.warning(
                "mirror_stands_still",
                stream=name,
                of=lost,
                leader=leader,
                reason="no other server can lead it",
            )
            return
        try:
            # Named, so that the request of another door, which has seen the same, finds it done.
            placement = {"placement": {"preferred": other}}
            await api.call(self._bus, f"STREAM.LEADER.STEPDOWN.{name}", placement, timeout_s=_TIMEOUT_S)
        except BrokerError as error:
            self.failed_count += 1
            _log.warning("mirror_not_revived", stream=name, of=lost, leader=leader, to=other, error=error)
        else:
            self.revived_count += 1
            _log.warning("mirror_revived", stream=name, of=lost, leader=leader, to=other)


class _Leaders:
    """Who leads the streams that others take from, asked once in a round."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._turns: dict[str, asyncio.Lock] = {}
        self._known: dict[str, str | None] = {}

    async def of(self, stream: str) -> str | None:
        """Return the server that leads a stream; None if nobody does, or the broker says nothing of it."""
        async with self._turns.setdefault(stream, asyncio.Lock()):
            if stream not in self._known:
                self._known[stream] = await self._ask(stream)
        return self._known[stream]

    async def _ask(self, stream: str) -> str | None:
        try:
            return leader_of(await api.call(self._bus, f"STREAM.INFO.{stream}", timeout_s=_TIMEOUT_S))
        except BrokerError:
            return None
