"""The section of what was set aside: dead letters and refused frames, replayed and discarded by who may see them."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import orjson
from aiohttp import web

from fillwire.bus.connection import Bus
from fillwire.console.facts import Facts, milliseconds
from fillwire.console.guarding import SESSION, Guard, Refused, answer, body_of
from fillwire.console.viewers import Viewer
from fillwire.domain.errors import DecodeError
from fillwire.runtime.redaction import printable, redacted_text
from fillwire.sdk.kept_letters import KeptLetter
from fillwire.sdk.refused_frames import (
    FrameBox,
    FrameSelection,
    KeptFrame,
    frame_decisions,
    frame_text,
    read_frames,
)
from fillwire.sdk.replaying import LetterBox, Selection, decisions_about, read_dead_letters
from fillwire.wire.subjects import parse_order_subject

SHOWN: Final = 200
_READ_AT_ONCE: Final = 4
_MAX_REASON: Final = 500


class TroubleSection:
    """Shows what waits for a decision, and carries out what is decided.

    Args:
        bus: the connection.
        replicas: of the bucket of decisions, should this be the first.
    """

    def __init__(self, bus: Bus, replicas: int = 1) -> None:
        self._bus = bus
        self._replicas = replicas
        self._turns = asyncio.Semaphore(_READ_AT_ONCE)

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        """Return the paths."""
        return [
            web.get("/api/letters", guard.private(self.letters)),
            web.get(r"/api/letters/{number:\d{1,18}}", guard.private(self.letter)),
            web.post(r"/api/letters/{number:\d{1,18}}/{verb}", guard.changing(self.decide_letter)),
            web.get("/api/frames", guard.private(self.frames)),
            web.get(r"/api/frames/{number:\d{1,18}}", guard.private(self.frame)),
            web.post(r"/api/frames/{number:\d{1,18}}/{verb}", guard.changing(self.decide_frame)),
        ]

    # -- dead letters

    async def letters(self, request: web.Request) -> web.Response:
        """List the newest letters that wait for a decision."""
        selection = Selection(user=request[SESSION].viewer.scope)
        async with self._turns:
            letters = await read_dead_letters(self._bus, selection, with_bodies=False)
            decided = await decisions_about(self._bus, letters, selection)
        waiting = [kept for kept in letters if kept.sequence not in decided]
        return _listed(waiting, [_letter_facts(kept) for kept in waiting[: -SHOWN - 1 : -1]])

    async def letter(self, request: web.Request) -> web.Response:
        """Show one letter with its event."""
        kept = await self._letter(request)
        try:
            event = orjson.loads(kept.body)
        except orjson.JSONDecodeError:
            event = printable(kept.body.decode("utf-8", "backslashreplace"))
        return answer({**_letter_facts(kept), "event": event})

    async def decide_letter(self, request: web.Request) -> web.Response:
        """Replay or discard one letter."""
        verb, reason = await _wanted(request)
        kept = await self._letter(request)
        box = LetterBox(self._bus, _by(request[SESSION].viewer), replicas=self._replicas)
        async with self._turns:
            (result,) = await (box.replay([kept]) if verb == "replay" else box.discard([kept], reason))
        return answer({"number": kept.sequence, "outcome": result.outcome, "reason": result.reason})

    async def _letter(self, request: web.Request) -> KeptLetter:
        number = int(request.match_info["number"])
        selection = Selection(user=request[SESSION].viewer.scope, sequences=frozenset({number}))
        async with self._turns:
            found = await read_dead_letters(self._bus, selection)
        if not found:
            raise Refused(404, f"no dead letter {number}")
        return found[0]

    # -- refused frames

    async def frames(self, request: web.Request) -> web.Response:
        """List the newest frames that wait for a decision."""
        selection = FrameSelection(user=request[SESSION].viewer.scope)
        async with self._turns:
            frames = await read_frames(self._bus, selection)
            decided = await frame_decisions(self._bus, frames)
        waiting = [kept for kept in frames if kept.sequence not in decided]
        return _listed(waiting, [_frame_facts(kept) for kept in waiting[: -SHOWN - 1 : -1]])

    async def frame(self, request: web.Request) -> web.Response:
        """Show one frame with its text; what looks like a key in it is masked."""
        kept = await self._frame(request)
        return answer({**_frame_facts(kept), "frame": frame_text(kept.frame)})

    async def decide_frame(self, request: web.Request) -> web.Response:
        """Have one frame read again, or discard it."""
        verb, reason = await _wanted(request)
        kept = await self._frame(request)
        box = FrameBox(self._bus, _by(request[SESSION].viewer), replicas=self._replicas)
        async with self._turns:
            (result,) = await (box.replay([kept]) if verb == "replay" else box.discard([kept], reason))
        return answer({"number": kept.sequence, "outcome": result.outcome, "reason": result.reason})

    async def _frame(self, request: web.Request) -> KeptFrame:
        number = int(request.match_info["number"])
        selection = FrameSelection(user=request[SESSION].viewer.scope, sequences=frozenset({number}))
        async with self._turns:
            found = await read_frames(self._bus, selection)
        if not found:
            raise Refused(404, f"no refused frame {number}")
        return found[0]


def _listed(waiting: Sequence[object], shown: list[Facts]) -> web.Response:
    return answer({"count": len(waiting), "shown": shown})


def _by(viewer: Viewer) -> str:
    return f"{viewer.name}@console"


async def _wanted(request: web.Request) -> tuple[str, str | None]:
    """Return what is to be done and why, for the record."""
    verb = request.match_info["verb"]
    if verb not in {"replay", "discard"}:
        raise Refused(404, "expected replay or discard")
    reason: Any = (await body_of(request)).get("reason")
    if reason is not None and (not isinstance(reason, str) or len(reason) > _MAX_REASON):
        raise Refused(400, f"expected a reason of at most {_MAX_REASON} characters")
    return verb, reason or None


def _letter_facts(kept: KeptLetter) -> Facts:
    letter = kept.letter
    try:
        subject = parse_order_subject(letter.original_subject)
        pair, kind = subject.pair, str(subject.kind)
    except DecodeError:
        pair, kind = letter.original_subject, None
    return {
        "number": kept.sequence,
        "time_ms": milliseconds(kept.stored_ns),
        "user": kept.user,
        "bot": kept.bot,
        "pair": pair,
        "kind": kind,
        "callback": letter.callback,
        "attempts": letter.attempts,
        "reason": redacted_text(printable(f"{letter.exception}: {letter.reason}")),
    }


def _frame_facts(kept: KeptFrame) -> Facts:
    said = kept.said
    return {
        "number": kept.sequence,
        "time_ms": milliseconds(said.received_time_ns),
        "user": kept.account.user,
        "exchange": kept.account.exchange,
        "environment": kept.account.environment,
        "class": kept.error_class,
        "code": said.code,
        "field": said.field,
        "size_bytes": kept.size,
        "reason": redacted_text(printable(said.reason)),
    }
