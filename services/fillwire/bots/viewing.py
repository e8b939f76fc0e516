"""Bots as a person is shown them: desired and observed states put side by side."""

import asyncio
import time

from fillwire.bots.errors import unfinished
from fillwire.bots.host import HOST
from fillwire.bus.buckets import BOT_STATUS, BOTS, Bucket, Entry
from fillwire.bus.connection import Bus
from fillwire.bus.holdings import Holdings
from fillwire.domain.bots import BotSpec, BotState, BotStatus, BotView, Desired
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import escape_token
from fillwire.runtime.logs import get_log
from fillwire.wire.bots import decode_bot_spec, decode_bot_status

_log = get_log(__name__)

NO_HOST = "no host runs: expected one, as `fillwire host`"
NOT_TAKEN = "no host has taken it yet: those that run may be full"
_LOOK_EVERY_S = 0.1


class Viewer:
    """Reads what is wanted and observed.

    Args:
        bus: the connection.
        holdings: says which hosts live, and which of them has a bot.
    """

    def __init__(self, bus: Bus, holdings: Holdings) -> None:
        self._specs = Bucket(bus, BOTS)
        self._statuses = Bucket(bus, BOT_STATUS)
        self._holdings = holdings

    async def all_of(self, user: str) -> list[BotView]:
        """Return the bots of a user, by name.

        Raises:
            BrokerError: no answer.
        """
        pattern = f"{escape_token(user)}.*"
        specs = await self._specs.snapshot(pattern)
        statuses = await self._statuses.snapshot(pattern)
        views = []
        for key, entry in specs.items():
            try:
                spec = decode_bot_spec(entry.value or b"")
            except DecodeError as error:
                _log.error("bot_spec_not_readable", key=key, error=error)
                continue
            views.append(self.view(spec, entry.revision, _status_in(statuses.get(key))))
        return sorted(views, key=lambda view: view.bot)

    async def one(self, spec: BotSpec, revision: int) -> BotView:
        """Return a bot.

        Raises:
            BrokerError: no answer.
        """
        return self.view(spec, revision, await self.status(spec.key))

    async def status(self, key: str) -> BotStatus | None:
        """Return what was last said of a bot, None if that has expired or was never said.

        Raises:
            BrokerError: no answer.
        """
        return _status_in(await self._statuses.get(key))

    async def seen(self, spec: BotSpec, revision: int, end_s: float) -> BotView:
        """Return the bot once a host says that it does what this revision asks for.

        Raises:
            BotError: it fails, or none does by the deadline.
        """
        goal = BotState.PAUSED if spec.desired is Desired.PAUSED else BotState.RUNNING
        while True:
            status = await self.status(spec.key)
            view = self.view(spec, revision, status)
            is_of_now = (
                status is not None and status.creation == spec.creation and status.revision >= revision
            )
            if is_of_now and view.state is goal:
                return view
            if spec.desired is Desired.STOPPED:  # changed while it does nothing
                return view
            if is_of_now and view.state is BotState.FAILED:
                raise unfinished(f"bot {spec.bot} of {spec.user} does not run: {view.error}", view)
            if time.monotonic() >= end_s:
                why = view.error or f"host {view.host} has it, and it is {view.state or 'being taken'}"
                raise unfinished(f"bot {spec.bot} of {spec.user} is not {goal} yet: {why}", view)
            await asyncio.sleep(_LOOK_EVERY_S)

    def view(self, spec: BotSpec, revision: int, status: BotStatus | None) -> BotView:
        """Return a bot as both sides say; what is said by a host that has it no more counts only for a stopped one."""
        holder = self._holdings.holder_of(spec.key)
        if status is not None and status.creation != spec.creation:
            status = None
        is_stopped = spec.desired is Desired.STOPPED
        if status is not None and not is_stopped and (holder is None or holder.name != status.host):
            status = None
        return BotView(
            user=spec.user,
            bot=spec.bot,
            strategy=spec.strategy,
            exchange=spec.exchange,
            environment=spec.environment,
            desired=spec.desired,
            revision=revision,
            pairs=spec.pairs,
            parameters=spec.parameters,
            changed_ns=spec.changed_ns,
            state=status.state if status else None,
            host=status.host if status else holder.name if holder else None,
            since_ns=status.since_ns if status else None,
            error=status.error if status else None if is_stopped or holder else self._why_nowhere(),
            restart_count=status.restart_count if status else 0,
            waiting_count=status.waiting_count if status else None,
            seen_ns=status.time_ns if status else None,
        )

    def _why_nowhere(self) -> str:
        return NOT_TAKEN if any(holder.kind == HOST for holder in self._holdings.living) else NO_HOST


def _status_in(entry: Entry | None) -> BotStatus | None:
    if entry is None or entry.value is None:
        return None
    try:
        return decode_bot_status(entry.value)
    except DecodeError as error:
        _log.warning("bot_status_not_readable", key=entry.key, error=error)
        return None
