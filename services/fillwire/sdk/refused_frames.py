"""Refused frames after the fact: reading what lies in quarantine, having it read again, discarding it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fillwire.bus.connection import Bus
from fillwire.bus.decisions import Decisions, KeptDecision
from fillwire.bus.errors import RevisionConflict
from fillwire.bus.lookup import StoredMessage
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.domain.readings import ReadingOutcome, ReadingRequest
from fillwire.runtime.logs import get_log
from fillwire.runtime.redaction import printable, redacted_text
from fillwire.sdk.asides import read_asides
from fillwire.wire.commands import READ_AGAIN, decode_frame_reading, encode_command
from fillwire.wire.decisions import Decision, Verdict, frame_key
from fillwire.wire.refused_frames import RefusedFrame, parse_refused_frame
from fillwire.wire.subjects import QUARANTINE, command_subject, parse_quarantine_subject

_log = get_log(__name__)

STREAM = "QUARANTINE"
_DECISIONS = "quarantine.>"
_READING_DEADLINE_S = 60.0  # a gateway may read the log of a pair for it
_SIZE = "Nats-Msg-Size"  # the broker's, where it leaves the body out


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A refused frame as it is kept.

    Attributes:
        sequence: in the stream of refused frames: the number by which people name it.
        stored_ns: when it was stored, by the broker's clock.
        account: whose connection it came on.
        error_class: malformed, unknown or suspicious.
        said: what is said about it.
        size: its bytes.
        frame: the frame itself; empty where it was not asked for.
    """

    sequence: int
    stored_ns: int
    account: Account
    error_class: str
    said: RefusedFrame
    size: int
    frame: bytes

    @property
    def key(self) -> str:
        """Key of the decision about it."""
        return frame_key(self.account, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSelection:
    """Which frames: those to which all of this applies; None leaves a fact open."""

    user: str | None = None
    exchange: str | None = None
    environment: str | None = None
    code: str | None = None
    since_ns: int = 0
    until_ns: int | None = None
    sequences: frozenset[int] | None = None

    @property
    def pattern(self) -> str:
        """The subjects to read."""
        names = (self.exchange, self.environment, self.user)
        return ".".join((QUARANTINE, *("*" if name is None else escape_token(name) for name in names), "*"))

    def has(self, kept: KeptFrame) -> bool:
        """Return whether all of it applies to a frame."""
        account = kept.account
        facts = (
            (self.user, account.user),
            (self.exchange, account.exchange),
            (self.environment, account.environment),
            (self.code, kept.said.code),
        )
        return (
            all(wanted is None or wanted == found for wanted, found in facts)
            and kept.stored_ns >= self.since_ns
            and (self.until_ns is None or kept.stored_ns < self.until_ns)
        )


async def read_frames(bus: Bus, selection: FrameSelection) -> list[KeptFrame]:
    """Return refused frames, oldest first; what is on their subjects and is none is logged and left out.

    Only frames that are selected by their numbers come with their bytes.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    frames: list[KeptFrame] = []

    def take(message: Message | StoredMessage) -> None:
        try:
            kept = _kept(message)
        except DecodeError as error:
            _log.warning("frame_not_read", subject=message.subject, sequence=message.sequence, error=error)
            return
        if selection.has(kept):
            frames.append(kept)

    await read_asides(bus, STREAM, selection, take, headers_only=True)
    return frames


def _kept(message: Message | StoredMessage) -> KeptFrame:
    parsed = parse_quarantine_subject(message.subject)
    return KeptFrame(
        message.sequence,
        message.stored_time_ns,
        parsed.account,
        parsed.error_class,
        parse_refused_frame(message.headers),
        int(message.headers.get(_SIZE, len(message.data))),
        message.data,
    )


def frame_text(frame: bytes) -> str:
    """Return a frame as text that a person may be shown: no control characters, and no keys."""
    return redacted_text(printable(frame.decode("utf-8", "backslashreplace")))


async def frame_decisions(bus: Bus, frames: Sequence[KeptFrame]) -> dict[int, KeptDecision]:
    """Return what was decided about frames, by their numbers; the undecided are absent.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    found = await Decisions(bus).about(_DECISIONS)
    return {kept.sequence: found[kept.key] for kept in frames if kept.key in found}


class FrameOutcome(StrEnum):
    """What became of the wish to have a frame read again or discarded."""

    DONE = "done"
    DECIDED_BEFORE = "decided_before"
    NOT_DONE = "not_done"


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What became of one frame, and in a sentence why."""

    kept: KeptFrame
    outcome: FrameOutcome
    reason: str


_Act = Callable[[KeptFrame], Awaitable[tuple[Verdict | None, str | None]]]
"""Does what is wanted with one frame; returns the verdict, None if it could not be done, and a sentence."""


class FrameBox:
    """Has frames read again and discards them: each is decided once, by whoever is first.

    Args:
        bus: the connection.
        by: who decides, for the record.
        replicas: of the bucket of decisions, should this be the first.
    """

    def __init__(self, bus: Bus, by: str, *, replicas: int = 1) -> None:
        self._bus = bus
        self._by = by
        self._decisions = Decisions(bus, replicas)

    async def replay(self, frames: Sequence[KeptFrame]) -> list[FrameResult]:
        """Have frames read again in the order given by the gateways that hold their accounts.

        Raises:
            BrokerError: the broker is away.
        """
        return await self._decide(frames, self._read_again)

    async def discard(self, frames: Sequence[KeptFrame], reason: str | None = None) -> list[FrameResult]:
        """Decide that frames are not to be read again; they stay in the stream until their age ends them.

        Raises:
            BrokerError: the broker is away.
        """

        async def give_up(_kept: KeptFrame) -> tuple[Verdict | None, str | None]:
            return Verdict.DISCARDED, reason

        return await self._decide(frames, give_up)

    async def _decide(self, frames: Sequence[KeptFrame], act: _Act) -> list[FrameResult]:
        await self._decisions.prepare()
        before = await frame_decisions(self._bus, frames)
        return [await self._decide_one(kept, before.get(kept.sequence), act) for kept in frames]

    async def _decide_one(self, kept: KeptFrame, before: KeptDecision | None, act: _Act) -> FrameResult:
        if before is not None:
            return FrameResult(kept, FrameOutcome.DECIDED_BEFORE, f"already {before.decision}")
        verdict, reason = await act(kept)
        if verdict is None:
            return FrameResult(kept, FrameOutcome.NOT_DONE, reason or "")
        decision = Decision(verdict=verdict, by=self._by, time_ns=time.time_ns(), reason=reason)
        try:
            await self._decisions.decide(kept.key, decision)
        except RevisionConflict:  # somebody else, at this moment; the gateway publishes nothing twice
            return FrameResult(kept, FrameOutcome.DECIDED_BEFORE, "decided by somebody else at this moment")
        _log.warning(
            f"frame_{verdict}",
            frame=kept.sequence,
            account=str(kept.account),
            code=kept.said.code,
            by=self._by,
            reason=reason,
        )
        return FrameResult(kept, FrameOutcome.DONE, str(decision))

    async def _read_again(self, kept: KeptFrame) -> tuple[Verdict | None, str | None]:
        request = encode_command(ReadingRequest(sequence=kept.sequence))
        subject = command_subject(kept.account, READ_AGAIN)
        try:
            reading = decode_frame_reading(await self._bus.request(subject, request, _READING_DEADLINE_S))
        except (BrokerError, DecodeError) as error:
            return (
                None,
                f"no gateway holds {kept.account}: expected a running one, and a bot that listens ({error})",
            )
        if reading.outcome is not ReadingOutcome.READ:
            return None, f"{reading.outcome}: {reading.reason}"
        if reading.waiting_count:  # in the gateway's memory: not done before the log has them
            reason = f"{reading.waiting_count} waiting for earlier executions of the order, which the exchange is asked for"
            return None, f"{reason}: replay it again"
        counts = ((reading.published_count, "published"), (reading.known_count, "known already"))
        told = ", ".join(f"{count} {what}" for count, what in counts if count)
        return Verdict.REPLAYED, told or "it tells of no order"
