"""One account at this gateway: its connection, its lease, its commands and its voice, led from role to role in order."""

import asyncio
from collections.abc import Callable

from fillwire.bus.connection import Bus
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account
from fillwire.gateway.claim import Claim
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
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._role is Role.AWAY:
                break
            try:
                await self._step()
            except BrokerError as error:  # fills come all the same
                _log.error("commands_not_heard", account=str(self.account), error=error)
                await asyncio.sleep(_RETRY_S)
                self._wake.set()
        await self._leave()

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
        await self._commands.stop(STOP_DEADLINE_S)
        if not self._is_told:
            self._voice.use(Tone.SILENT)
        if self._is_started:
            await self.session.stop(self._reason or "")
        self._voice.use(Tone.SILENT)
        await self.claim.stop()
