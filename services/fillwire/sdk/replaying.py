"""Dead letters after the fact: reading them, giving them back to the bot that could not handle them, discarding them."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.decisions import UNDECIDED, Decisions, KeptDecision
from fillwire.bus.durables import StartAtTime, consumer_exists
from fillwire.bus.errors import ApiRefused, RequestTimedOut, RevisionConflict
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import StoredMessage
from fillwire.bus.messages import Message
from fillwire.bus.partitions import LOG
from fillwire.bus.publisher import OrderedPublisher, PublishOutcome
from fillwire.bus.tenants import tenant_stream
from fillwire.domain.errors import BrokerError, DecodeError, PublishError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import escape_token
from fillwire.runtime.logs import get_log
from fillwire.sdk.asides import read_asides
from fillwire.sdk.kept_letters import KeptLetter, NotGenuine, believed_headers, kept_letter
from fillwire.sdk.positions import has_position
from fillwire.wire.dead_letters import replay_headers, replay_id
from fillwire.wire.decisions import Decision, Verdict
from fillwire.wire.headers import MESSAGE_ID
from fillwire.wire.subjects import DEAD_LETTERS

_log = get_log(__name__)

STREAM = "DLQ"
_S = 1_000_000_000
_STORE_DEADLINE_S = 10.0
_CLOCK_MARGIN_NS = 120 * _S


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which dead letters: those to which all of this applies.

    Attributes:
        user: owner of the bot; None for any.
        bot: its name; None for any.
        since_ns: stored at or after this time, by the broker's clock.
        until_ns: stored before this time; None for no end.
        sequences: their numbers; None for all.
    """

    user: str | None = None
    bot: str | None = None
    since_ns: int = 0
    until_ns: int | None = None
    sequences: frozenset[int] | None = None

    @property
    def pattern(self) -> str:
        """The subjects to read."""
        tokens = ("*" if name is None else escape_token(name) for name in (self.user, self.bot))
        return ".".join((DEAD_LETTERS, *tokens))

    def has(self, kept: KeptLetter) -> bool:
        """Return whether all of it applies to a letter."""
        return (
            self.user in {None, kept.user}
            and self.bot in {None, kept.bot}
            and kept.stored_ns >= self.since_ns
            and (self.until_ns is None or kept.stored_ns < self.until_ns)
        )


class Outcome(StrEnum):
    """What became of the wish to replay or discard a letter."""

    DONE = "done"
    DECIDED_BEFORE = "decided_before"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one letter, and in a sentence why."""

    kept: KeptLetter
    outcome: Outcome
    reason: str


async def read_dead_letters(bus: Bus, selection: Selection, *, with_bodies: bool = True) -> list[KeptLetter]:
    """Return dead letters, oldest first; what is on their subjects and is none is logged and left out.

    Args:
        bus: the connection.
        selection: which.
        with_bodies: False leaves the events out, where only what is said about them is wanted.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    letters: list[KeptLetter] = []
    unread_count = 0
    first_error: DecodeError | None = None

    def take(message: Message | StoredMessage) -> None:
        nonlocal unread_count, first_error
        try:
            kept = kept_letter(message)
            if selection.has(kept):
                letters.append(kept)
        except DecodeError as error:
            unread_count += 1
            first_error = first_error or error

    await read_asides(bus, STREAM, selection, take, headers_only=not with_bodies)
    if unread_count:  # told once for all: a tenant can write many, and each reading comes to them
        _log.warning("dead_letters_not_read", count=unread_count, error=first_error)
    return letters


async def decisions_about(
    bus: Bus, letters: Iterable[KeptLetter], selection: Selection
) -> dict[int, KeptDecision]:
    """Return what was decided about the letters of a selection, by their numbers; the undecided are absent.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    found = await Decisions(bus).about(f"{selection.pattern}.>")
    return {kept.sequence: found[kept.key] for kept in letters if kept.key in found}


class LetterBox:
    """Replays and discards dead letters: each is decided once, by whoever is first.

    A replay is claimed before it is stored and noted after: two people who replay one letter at a time, or one after
    the other, give it back once. Where somebody claimed it and did not finish, whoever comes next finishes.

    Args:
        bus: the connection.
        by: who decides, for the record.
        replicas: of the bucket of decisions, should this be the first.
    """

    def __init__(self, bus: Bus, by: str, *, replicas: int = 1) -> None:
        self._bus = bus
        self._by = by
        self._decisions = Decisions(bus, replicas)

    async def replay(self, letters: Iterable[KeptLetter]) -> list[Result]:
        """Give letters back to their bots in the order given, and return what became of each.

        Each comes to the callback that raised, and to no other bot; a bot that is not running gets it when it runs. A
        letter that is not what a host writes of an event of its user is refused, see `KeptLetter.event`; it stays.

        Raises:
            BrokerError: the broker is away; what was given back until then is noted as such.
        """
        await self._decisions.prepare()
        bots: dict[str, bool] = {}
        results: list[Result] = []
        async with OrderedPublisher(self._bus) as publisher:
            for kept in letters:
                try:
                    event = kept.event()
                except NotGenuine as error:
                    results.append(Result(kept, Outcome.REFUSED, str(error)))
                    continue
                if kept.durable not in bots:
                    bots[kept.durable] = await self._has_place(kept)
                if bots[kept.durable]:
                    results.append(await self._replay(kept, event, publisher))
                else:
                    reason = f"bot {kept.bot} of {kept.user} has no place in the log: it must have run once"
                    results.append(Result(kept, Outcome.REFUSED, reason))
        return results

    async def _has_place(self, kept: KeptLetter) -> bool:
        """Return whether the bot is anywhere in the log, so that it will come to the replay."""
        bus, token = self._bus, escape_token(kept.user)
        if await consumer_exists(bus, bus.partitions.stream_of(kept.user), kept.durable):
            return True
        if await has_position(bus, kept.user, kept.bot):
            return True
        # A bot that a tenant runs is in the tenant's mirror of the log, and so are the letters of its host.
        if kept.source != tenant_stream(STREAM, token):
            return False
        mirror = tenant_stream(LOG, token)
        try:
            return await consumer_exists(bus, mirror, kept.durable)
        except ApiRefused as error:
            if error.error_code != api.STREAM_NOT_FOUND:
                raise
            return False  # the tenant is no more
        except RequestTimedOut as error:
            needed = (
                f"the right to {bus.api_prefix}.CONSUMER.INFO.{mirror}.*, as `fillwire users apply` gives it"
            )
            raise BrokerError(
                f"cannot see whether {kept.bot} of {kept.user} is in the log: expected {needed}"
            ) from error

    async def discard(self, letters: Iterable[KeptLetter], reason: str | None = None) -> list[Result]:
        """Decide that letters are not to be replayed; they stay in the stream until their age ends them.

        Raises:
            BrokerError: the broker is away.
        """
        await self._decisions.prepare()
        results: list[Result] = []
        for kept in letters:
            decision = Decision(verdict=Verdict.DISCARDED, by=self._by, time_ns=time.time_ns(), reason=reason)
            try:
                await self._decisions.decide(kept.key, decision)
            except RevisionConflict:
                results.append(await self._decided_before(kept))
            else:
                self._note(kept, decision)
                results.append(Result(kept, Outcome.DONE, str(decision)))
        return results

    async def _replay(self, kept: KeptLetter, event: OrderEvent, publisher: OrderedPublisher) -> Result:
        revision = UNDECIDED
        found = await self._decisions.find(kept.key)
        if found is not None:
            if found.decision.verdict is not Verdict.REPLAYING:
                return await self._decided_before(kept)
            revision = found.revision
            if await self._is_stored(kept, found.decision):
                return await self._finish(kept, revision, Outcome.DECIDED_BEFORE, f"{found.decision}")
        claim = Decision(verdict=Verdict.REPLAYING, by=self._by, time_ns=time.time_ns())
        try:
            revision = await self._decisions.decide(kept.key, claim, revision)
        except RevisionConflict:
            return await self._decided_before(kept)
        error = await _store(kept, event, publisher)
        if error is not None:
            return Result(kept, Outcome.REFUSED, str(error))
        return await self._finish(kept, revision, Outcome.DONE, None)

    async def _is_stored(self, kept: KeptLetter, claim: Decision) -> bool:
        """Return whether the replay that somebody claimed and did not note as finished is in the log all the same."""
        wanted = replay_id(kept.message_id)
        found = False

        def look(message: Message) -> None:
            nonlocal found
            found = found or message.header(MESSAGE_ID) == wanted

        start = StartAtTime(max(0, claim.time_ns - _CLOCK_MARGIN_NS))
        subject = kept.letter.original_subject
        await read_stream(self._bus, self._bus.partitions.stream_at(subject), subject, start, look)
        return found

    async def _finish(self, kept: KeptLetter, revision: int, outcome: Outcome, reason: str | None) -> Result:
        decision = Decision(verdict=Verdict.REPLAYED, by=self._by, time_ns=time.time_ns(), reason=reason)
        try:
            await self._decisions.decide(kept.key, decision, revision)
        except RevisionConflict:
            return await self._decided_before(kept)  # somebody finished it for us: it is in the log once
        self._note(kept, decision)
        return Result(kept, outcome, str(decision))

    async def _decided_before(self, kept: KeptLetter) -> Result:
        found = await self._decisions.find(kept.key)
        reason = "decided by somebody else at this moment" if found is None else str(found.decision)
        return Result(kept, Outcome.DECIDED_BEFORE, reason)

    def _note(self, kept: KeptLetter, decision: Decision) -> None:
        _log.warning(
            f"dead_letter_{decision.verdict}",
            letter=kept.sequence,
            user=kept.user,
            bot=kept.bot,
            event_id=kept.letter.event_id,
            by=decision.by,
            reason=decision.reason,
        )


async def _store(kept: KeptLetter, event: OrderEvent, publisher: OrderedPublisher) -> PublishError | None:
    """Store the replay; return why it is not stored, or not known to be."""
    stored: asyncio.Future[PublishOutcome] = asyncio.get_running_loop().create_future()

    def note(outcome: PublishOutcome) -> None:
        if not stored.done():
            stored.set_result(outcome)

    message_id = replay_id(kept.message_id)
    publisher.submit(
        kept.durable,
        kept.letter.original_subject,
        kept.body,
        message_id,
        replay_headers(kept.durable, kept.letter) | believed_headers(kept.trace, event),
        note,
    )
    try:
        async with asyncio.timeout(_STORE_DEADLINE_S):
            return (await stored).error
    except TimeoutError:
        reason = f"no acknowledgement within {_STORE_DEADLINE_S:g} s: replay it again, it will not be applied twice"
        return PublishError(kept.letter.original_subject, message_id, reason)
