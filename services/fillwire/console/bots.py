"""The section of bots: what the manager says of them and is asked to do with them, and those that no manager knows."""

import asyncio
from dataclasses import asdict
from typing import Final

from aiohttp import web

from fillwire.bus.buckets import BOT_STATUS, BOTS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.errors import NoResponder
from fillwire.console.facts import Facts, milliseconds
from fillwire.console.guarding import SESSION, Guard, Refused, answer, body_of
from fillwire.console.viewers import Viewer, token_of
from fillwire.domain.bots import BotAnswer, BotOutcome, BotRequest, BotStatus, BotView
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.identifiers import unescape_token
from fillwire.runtime.logs import get_log
from fillwire.wire.bots import (
    LIST,
    PAUSE,
    RESUME,
    START,
    STOP,
    decode_bot_answer,
    decode_bot_status,
    encode_bot,
)
from fillwire.wire.subjects import bot_subject

_log = get_log(__name__)

VERBS: Final = frozenset({START, PAUSE, RESUME, STOP})
_MARGIN_S: Final = 5.0  # for the manager's last steps beyond the deadline that it was given
_ASKED_AT_ONCE: Final = 8


class BotsSection:
    """Asks the manager in the viewer's name: the user stands in the subject of each request.

    Args:
        bus: the connection.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._turns = asyncio.Semaphore(_ASKED_AT_ONCE)

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        """Return the paths."""
        return [
            web.get("/api/bots", guard.private(self.listed)),
            web.post("/api/bots/{user}/{bot}/{verb}", guard.changing(self.turn)),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """List the bots that the viewer may see."""
        viewer = request[SESSION].viewer
        found = await self._unmanaged(viewer)
        without_manager: str | None = None
        try:
            users = await self._users(viewer)
            answers = await asyncio.gather(
                *(self._ask(user, LIST, BotRequest()) for user in users), return_exceptions=True
            )
            for told in answers:
                if isinstance(told, Refused):  # of one user, which must not take the others' bots away
                    without_manager = str(told)
                elif isinstance(told, BaseException):
                    raise told
                else:
                    found += [_facts(bot) for bot in told.bots]
        except BrokerError as error:
            if not found:
                raise
            without_manager = str(error)
        found.sort(key=lambda facts: (facts["user"], facts["bot"]))
        return answer({"bots": found, "without_manager": without_manager})

    async def turn(self, request: web.Request) -> web.Response:
        """Start, pause, resume or stop a bot."""
        user, bot, verb = (request.match_info[name] for name in ("user", "bot", "verb"))
        if verb not in VERBS:
            raise Refused(404, f"expected one of {', '.join(sorted(VERBS))}")
        if not request[SESSION].viewer.may_see(user):
            raise Refused(404, "no such bot")
        body = await body_of(request)
        revision = body.get("revision")
        if revision is not None and (not isinstance(revision, int) or isinstance(revision, bool)):
            raise Refused(400, "expected a revision, a whole number")
        told = await self._ask(user, verb, BotRequest(bot=bot, expected_revision=revision))
        return answer({"bots": [_facts(view) for view in told.bots]})

    async def _unmanaged(self, viewer: Viewer) -> list[Facts]:
        """Return the bots of hosts without a manager, as these say."""
        statuses = await Bucket(self._bus, BOT_STATUS).snapshot(f"{token_of(viewer.scope)}.*")
        found = []
        for key, entry in statuses.items():
            try:
                status = decode_bot_status(entry.value or b"")
            except DecodeError as error:
                _log.warning("bot_status_not_readable", key=key, error=error)
                continue
            if not status.is_managed:
                found.append(_unmanaged_facts(status))
        return found

    async def _users(self, viewer: Viewer) -> list[str]:
        if viewer.scope is not None:
            return [viewer.scope]
        keys = await Bucket(self._bus, BOTS).keys()
        return sorted({unescape_token(key.split(".")[0]) for key in keys})

    async def _ask(self, user: str, verb: str, request: BotRequest) -> BotAnswer:
        subject = bot_subject(user, verb)
        async with self._turns:
            try:
                data = await self._bus.request(
                    subject, encode_bot(request), request.deadline_ms / 1e3 + _MARGIN_S
                )
            except NoResponder:
                raise BrokerError(
                    "no manager of bots answers: expected one that runs, as `fillwire manager`"
                ) from None
        told = decode_bot_answer(data)
        if told.outcome is not BotOutcome.DONE:
            raise Refused(409, told.reason or str(told.outcome))
        return told


def _facts(bot: BotView) -> Facts:
    facts = asdict(bot) | {"is_managed": True}
    for name in ("changed_ns", "since_ns", "seen_ns"):
        facts[name.removesuffix("_ns") + "_ms"] = milliseconds(facts.pop(name))
    return facts


def _unmanaged_facts(status: BotStatus) -> Facts:
    """Return the same of a bot that only its host tells of: nothing is wanted of it by anybody."""
    return {
        "user": status.user,
        "bot": status.bot,
        "strategy": status.strategy,
        "exchange": status.exchange,
        "environment": status.environment,
        "desired": None,
        "revision": None,
        "pairs": status.pairs or (),
        "parameters": {},
        "changed_ms": None,
        "state": status.state,
        "host": status.host,
        "since_ms": milliseconds(status.since_ns),
        "error": status.error,
        "restart_count": status.restart_count,
        "waiting_count": status.waiting_count,
        "seen_ms": milliseconds(status.time_ns),
        "is_managed": False,
    }
