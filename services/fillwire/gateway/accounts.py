"""Which accounts are connected: opened with the first bot, closed some seconds after the last, followed in between."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fillwire.bus.connection import Bus
from fillwire.domain.enums import ConnectionState
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account
from fillwire.gateway.commands import Commands
from fillwire.gateway.keys import Keys
from fillwire.gateway.placements import Placements
from fillwire.gateway.session import NO_BOT, Session
from fillwire.gateway.supervision import Supervisor, cancel
from fillwire.runtime.logs import get_log
from fillwire.venues.venue import VenueKey

_log = get_log(__name__)

KEYS_REFRESH_S = 10.0
STOP_DEADLINE_S = 5.0

MakeSession = Callable[[Account, VenueKey | None, int], Session]
Pairs = Callable[[Account], frozenset[str] | None]


@dataclass(slots=True)
class _Open:
    """An account that is connected, or about to be, or about to be no longer."""

    session: Session
    commands: Commands
    starting: asyncio.Task[None]
    closing: asyncio.TimerHandle | None = None


class Accounts:
    """Keeps what is connected equal to what is wanted.

    Args:
        bus: where commands are listened for.
        make_session: makes the session of an account.
        keys: the accounts' keys.
        placements: remembers which orders were sent.
        pairs: returns the pairs that bots of an account listen to, None if no bot listens.
        linger_s: an account without bots stays connected for so long, for a host that restarts.
        keys_refresh_s: time between two readings of the keys while one is missing or refused.
    """

    def __init__(  # noqa: PLR0913 - its collaborators and two times
        self,
        bus: Bus,
        make_session: MakeSession,
        keys: Keys,
        placements: Placements,
        pairs: Pairs,
        *,
        linger_s: float,
        keys_refresh_s: float = KEYS_REFRESH_S,
    ) -> None:
        self._bus = bus
        self._make_session = make_session
        self._keys = keys
        self._placements = placements
        self._pairs = pairs
        self._linger_s = linger_s
        self._keys_refresh_s = keys_refresh_s
        self._loop = asyncio.get_running_loop()
        self._open: dict[Account, _Open] = {}
        self._closing: dict[Account, asyncio.Task[None]] = {}
        self._refresh: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin to look after keys."""
        self._refresh = supervisor.spawn(self._refresh_keys(), "keys")

    async def stop(self, reason: str) -> None:
        """Close all connections and tell why."""
        await cancel(self._refresh)
        for account in list(self._open):
            self._close(account, reason)
        await asyncio.gather(*self._closing.values())

    def change(self, account: Account) -> None:
        """Look at what is wanted of an account, and do what it takes."""
        pairs = self._pairs(account)
        entry = self._open.get(account)
        if pairs is None:
            if entry is not None and entry.closing is None:
                entry.closing = self._loop.call_later(self._linger_s, self._close, account, NO_BOT)
                entry.session.use_pairs(0)
        elif entry is not None:
            if entry.closing is not None:
                entry.closing.cancel()
                entry.closing = None
            entry.session.use_pairs(len(pairs))
        elif account not in self._closing:  # else it is opened again when it has closed
            session = self._make_session(account, self._keys.get(account), len(pairs))
            commands = Commands(session, self._placements)
            starting = self._loop.create_task(self._begin(session, commands), name=f"open {account}")
            self._open[account] = _Open(session, commands, starting)

    async def _begin(self, session: Session, commands: Commands) -> None:
        session.start()
        try:
            await commands.start(self._bus)
        except BrokerError as error:  # fills come all the same
            _log.error("commands_not_heard", account=str(session.account), error=error)

    def _close(self, account: Account, reason: str) -> None:
        entry = self._open.pop(account)
        if entry.closing is not None:
            entry.closing.cancel()
        self._closing[account] = self._loop.create_task(
            self._end(account, entry, reason), name=f"close {account}"
        )

    async def _end(self, account: Account, entry: _Open, reason: str) -> None:
        try:
            await entry.starting
            await entry.commands.stop(STOP_DEADLINE_S)
            await entry.session.stop(reason)
        finally:
            del self._closing[account]
        if reason is NO_BOT:
            self.change(account)  # wanted again by now, perhaps

    async def _refresh_keys(self) -> None:
        while True:
            await asyncio.sleep(self._keys_refresh_s)
            if not any(entry.session.state is ConnectionState.AUTH_FAILED for entry in self._open.values()):
                continue
            await self._keys.reload()
            for account, entry in self._open.items():
                entry.session.use_key(self._keys.get(account))
