"""One account at this gateway: its connection, its lease, its commands and its voice, led from role to role in order."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from fillwire.bus.claim import Claim
from fillwire.bus.connection import Bus
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account
from fillwire.gateway.commands import Commands
from fillwire.gateway.roles import Role
from fillwire.gateway.session import Session
from fillwire.gateway.voice import Tone, Voice
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

STOP_DEADLINE_S = 5.0
_RETRY_S = 0.5


class Tenancy:
    """Holds an account as `play` says, until it is told to leave.

    What is asked while a step is under way is done after it; only the last word counts. Commands are listened for only
    while the lease is held, and a lease is given up only when the commands under way are answered.

    Args:
        bus: where commands are listened for.
        session: the account's connection.
        voice: what the session tells goes through it.
        claim: the account's lease.
        commands: answers what bots ask.
    """

    def __init__(self, bus: Bus, session: Session, voice: Voice, claim: Claim, commands: Commands) -> None:
        self.session = session
        self.claim = claim
        self._bus = bus
        self._voice = voice
        self._commands = commands
        self._role = Role.READ
        self._reason: str | None = None
        self._is_told = False
        self._is_started = False
        self._acted_on = (False, False)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def account(self) -> Account:
        """Which account."""
        return self.session.account

    @property
    def role(self) -> Role:
        """What was asked for last."""
        return self._role

    @property
    def is_held(self) -> bool:
        """Whether the account's lease is certainly ours."""
        return self.claim.is_held

    @property
    def is_receiving(self) -> bool:
        """Whether the account's events come in."""
        return self.session.is_receiving

    def start(self, role: Role, reason: str | None, on_ended: Callable[[], None]) -> None:
        """Begin with this role.

        Args:
            role: see `play`.
            reason: see `play`.
            on_ended: called when the account was left.
        """
        self._role, self._reason = role, reason
        self._wake.set()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"tenancy {self.account}")
        self._task.add_done_callback(lambda _: on_ended())
        _log.info("account_role", account=str(self.account), role=role, reason=reason)

    def play(self, role: Role, reason: str | None = None) -> None:
        """Take this role as soon as what is under way allows; the role it has: act on what changed about the lease.

        To be away is final, and told to nobody else.

        Args:
            role: what to do.
            reason: one sentence why.
        """
        if self._role is Role.AWAY:
            return
        if role is self._role:
            if self._acted_on != self._lease_state:
                self._wake.set()
            return
        self._role, self._reason = role, reason
        _log.info("account_role", account=str(self.account), role=role, reason=reason)
        self._wake.set()

    def leave(self, reason: str) -> None:
        """Close the connection as soon as what is under way allows, and tell everybody why, if it is ours to tell."""
        if self._role is not Role.AWAY:
            self._is_told = True
            self.play(Role.AWAY, reason)

    async def ended(self) -> None:
        """Wait until the account was left."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        """Hold the account and leave it; after a mistake of ours too, so that a fresh tenancy can begin a moment later."""
        pause_s = 0.0
        try:
            await self._hold()
        except Exception as error:  # noqa: BLE001 - nobody would lead the connection and the lease any more
            _log.error("tenancy_failed", account=str(self.account), error=error)
            self._role, self._reason = Role.AWAY, f"internal error: {type(error).__name__}: {error}"
            pause_s = _RETRY_S
        try:
            await self._leave()
        except Exception as error:  # noqa: BLE001 - the account must stay one that can be held again
            _log.error("tenancy_not_left", account=str(self.account), error=error)
        await asyncio.sleep(pause_s)

    async def _hold(self) -> None:
        """Do what is asked until that is to be away."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._role is Role.AWAY:
                return
            try:
                await self._step()
            except BrokerError as error:  # fills come all the same
                _log.error("commands_not_heard", account=str(self.account), error=error)
                await asyncio.sleep(_RETRY_S)
                self._wake.set()

    @property
    def _lease_state(self) -> tuple[bool, bool]:
        return self.claim.is_held, self.claim.is_unanswered

    async def _step(self) -> None:
        self._acted_on = self._lease_state
        if self._role is Role.READ:
            await self._let_go()
            self._connect()
            return
        self.claim.start()
        if self.claim.is_held:
            self._voice.use(Tone.LOUD, self._reason)
            self._connect()
            await self._commands.start(self._bus)
            return
        await self._commands.stop(STOP_DEADLINE_S)
        if self._role is Role.STAND_IN:
            self._voice.use(Tone.DOUBTFUL, self._reason)
            self._connect()
            return
        self._voice.use(Tone.SILENT)
        if self.claim.is_unanswered:  # orders need the broker's word, fills do not
            self._connect()

    async def _let_go(self) -> None:
        await self._commands.stop(STOP_DEADLINE_S)
        self._voice.use(Tone.SILENT)
        await self.claim.stop()

    def _connect(self) -> None:
        """Begin to connect, if that was not done; after it is settled who speaks, so that each step is told once."""
        if not self._is_started:
            self._is_started = True
            self.session.start()

    async def _leave(self) -> None:
        """Give up each part in order, whatever becomes of those before it: the commands first, the lease last."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.claim.stop)
            stack.callback(self._voice.use, Tone.SILENT)
            if self._is_started:
                stack.push_async_callback(self.session.stop, self._reason or "")
            if not self._is_told:
                stack.callback(self._voice.use, Tone.SILENT)
            await self._commands.stop(STOP_DEADLINE_S)
