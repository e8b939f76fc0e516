"""Says when the broker does not take what the gateway has, what becomes of it meanwhile, and when all is well again."""

import asyncio
from collections.abc import Callable

from fillwire.bus.connection import Bus
from fillwire.bus.unserved import Unserved
from fillwire.domain.alert_names import (
    BROKER_AWAY,
    BROKER_BACK,
    JOURNAL_PUT_ASIDE,
    JOURNAL_USED,
    READING_PAUSED,
)
from fillwire.gateway.outlet import Outlet
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import Supervisor, cancel

_log = get_log(__name__)

# Events may wait for so long before anybody is told: an election of a stream's leader takes 4 to 9 s, a restart less.
PATIENCE_S = 5.0
_TICK_S = 0.25
_SERVED_S = 1.0


class Backlog:
    """Watches an outlet.

    Alerts reach the log at once where only the stream of order events is in trouble, else when the broker is back. The
    gateway's own log has them in any case.

    Args:
        bus: the connection to the broker.
        outlet: what is watched.
        alert: tells the users of all accounts: which alert, why. Returns whether there are any.

    Attributes:
        away_since_s: by the loop's clock; None while the broker takes events.
    """

    def __init__(self, bus: Bus, outlet: Outlet, alert: Callable[[str, str], bool]) -> None:
        self._bus = bus
        self._outlet = outlet
        self._alert = alert
        self._loop = asyncio.get_running_loop()
        self._unconnected_s: float | None = None
        self._unserved = Unserved(bus)
        self._is_paused = False
        self._most = 0
        self._spilled = 0
        self._told_asides = 0
        self._task: asyncio.Task[None] | None = None
        self.away_since_s: float | None = None
        if outlet.spillway is not None:
            outlet.spillway.on_spilling = self._note_spilling

    def start(self, supervisor: Supervisor) -> None:
        """Begin to watch."""
        self._task = supervisor.spawn(self._run(), "backlog")

    async def stop(self) -> None:
        """Stop."""
        await cancel(self._task)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            await self._unserved.note(is_served=self._look() < _SERVED_S)

    def _look(self) -> float:
        """Say what has changed; return for how long the broker has owed something, in seconds."""
        now_s, waiting = self._loop.time(), self._outlet.queued_count
        if self._bus.is_connected or not waiting:
            self._unconnected_s = None
        elif self._unconnected_s is None:
            self._unconnected_s = now_s
        owed_s = self._outlet.publisher.longest_wait_s
        if self._unconnected_s is not None:
            owed_s = max(owed_s, now_s - self._unconnected_s)
        self._note_wait(now_s, max(owed_s, self._outlet.journal_wait_s), waiting)
        self._note_room(waiting)
        self._note_asides()
        return owed_s

    def _note_wait(self, now_s: float, waited_s: float, waiting: int) -> None:
        self._most = max(self._most, waiting)
        if self.away_since_s is None and waited_s >= PATIENCE_S:
            self.away_since_s = now_s - waited_s
            self._spilled = self._spilled_count
            self._say(
                BROKER_AWAY,
                f"the broker has not stored order events for {waited_s:.1f} s: {waiting} wait, more are taken; "
                f"they are sent until it has them{self._trouble}",
            )
        elif self.away_since_s is not None and waited_s < PATIENCE_S / 2:
            spilled = self._spilled_count - self._spilled
            self._say(
                BROKER_BACK,
                f"the broker stores order events again after {now_s - self.away_since_s:.1f} s: up to {self._most} "
                f"waited, {spilled} of them in the journal; {waiting} are still to be sent",
            )
            self.away_since_s, self._most = None, 0

    def _note_room(self, waiting: int) -> None:
        is_paused = self._outlet.is_full
        if is_paused and not self._is_paused:
            self._say(
                READING_PAUSED,
                f"{waiting} events wait for the broker and there is no room for more: nothing is read from exchanges; "
                "what they do not deliver later is fetched from their records",
            )
        self._is_paused = is_paused

    def _note_asides(self) -> None:
        """Tell of files that were put aside, once there is somebody to tell: at the start there is not."""
        for aside in self._outlet.asides[self._told_asides :]:
            if not self._alert(JOURNAL_PUT_ASIDE, aside.reason):
                return
            self._told_asides += 1

    @property
    def _trouble(self) -> str:
        trouble = None if self._outlet.spillway is None else self._outlet.spillway.trouble
        return "" if trouble is None else f"; those in the journal cannot be had: {trouble}"

    @property
    def _spilled_count(self) -> int:
        return 0 if self._outlet.spillway is None else self._outlet.spillway.spilled_count

    def _note_spilling(self, is_spilling: bool) -> None:
        if is_spilling:
            self._say(
                JOURNAL_USED,
                f"{self._outlet.queued_count} events wait for the broker: the memory is full, more go to the journal",
            )

    def _say(self, alert: str, reason: str) -> None:
        if alert == BROKER_BACK:
            _log.info(alert, reason=reason)
        else:
            _log.warning(alert, reason=reason)
        self._alert(alert, reason)
