"""A bot's place as a key of the bucket of positions: one raft group for all bots, where a durable is one for each.

What brings the bot its events while it reads alone is a consumer in the memory of one broker, which goes when nobody reads it.
Events are acknowledged to it when the bucket says that they are handled (`marks`), so a crash repeats no more than with a durable.

Every write names the revision that it follows, and the token of the process: two processes that run a bot are noticed by the
first write of the one that was there before.
"""

import asyncio
import contextlib
import time
import uuid
from dataclasses import replace
from typing import Any, Final

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import Handle, PullLoop
from fillwire.bus.durables import (
    ConsumerState,
    Deliver,
    StartAtTime,
    acknowledged_sequence,
    consumer_exists,
    delete_consumer,
    ensure_consumer,
)
from fillwire.bus.errors import ApiRefused, RequestTimedOut, RevisionConflict
from fillwire.bus.lookup import last_sequence
from fillwire.bus.messages import Message
from fillwire.bus.resuming import place_behind
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.runtime.logs import get_log
from fillwire.sdk.bot import Bot
from fillwire.sdk.claims import Claim
from fillwire.sdk.marks import AHEAD, Mark
from fillwire.sdk.places import (
    ACK_POLICY,
    ACK_WAIT_S,
    Beginning,
    LastHandled,
    deliver_from,
    filters_of,
)
from fillwire.sdk.positions import (
    KEPT_FOR_S,
    KeptPosition,
    Position,
    PositionBucket,
    bot_position_key,
    forget_position,
    reading_position_key,
)
from fillwire.sdk.takeovers import Holder, Seen, Takeover

_log = get_log(__name__)

INACTIVE_S: Final = 60.0  # then a consumer that nobody reads goes
_LOOK_AGAIN_S: Final = 0.025
_INFO_TIMEOUT_S: Final = 2.0
_CLOSE_DEADLINE_S: Final = 5.0
_CONFLICTS: Final = 40  # of writes with what a replica says that is behind


class BucketPlace:
    """A place that is a key; see `places.Place` and `places.PlaceClaim`.

    Args:
        bus: the connection.
        bot: whose place it is.
        last: see `LastHandled`.
    """

    def __init__(self, bus: Bus, bot: Bot, last: LastHandled) -> None:
        self.is_lost = False
        self.is_movable = False
        self.left_reading: str | None = None  # of a durable: what other readings leave expires by itself
        self.waiting_count: int | None = None
        self.handled_sequence = 0
        self._bus = bus
        self._bot = bot
        self._stream = bus.partitions.stream_of(bot.account.user)
        self._last = last
        self._positions = PositionBucket(bus)
        self._key = bot_position_key(bot.account.user, bot.name)
        self._position = Position(0, 0, uuid.uuid4().hex)
        self._revision = 0
        self._lock = asyncio.Lock()
        self._alone = _alone(bot, self._position.claim)
        self._has_consumer = False
        self._mark = Mark(self._write_noted)

    @property
    def claim(self) -> "BucketPlace":
        """This process's claim on the place: itself."""
        return self

    @property
    def mark(self) -> "BucketPlace":
        """What acknowledges the events of the bot's own consumer: itself."""
        return self

    # ---- the beginning

    async def prepare(self, takeover: Takeover, after: int | None) -> Beginning:
        """Claim the key, or make it: of a bot that has a durable, where that is."""
        bot = self._bot
        now_ns = time.time_ns()
        deliver = deliver_from(bot.start_from, now_ns)
        if await consumer_exists(self._bus, self._stream, bot.durable):
            # It counts, whatever the bucket says: who leaves the bucket for a durable makes that first.
            await self._leave_durable(takeover, now_ns)
            return Beginning(False, self._position.sequence, None)
        while not await self._take(takeover):
            try:
                await self._begin_new(deliver, now_ns, after)
            except RevisionConflict:  # another process begins it at the same moment
                continue
            return Beginning(True, self._position.sequence, self.waiting_count)
        return Beginning(False, self._position.sequence, self.waiting_count)

    async def _begin_new(self, deliver: Deliver, now_ns: int, after: int | None) -> None:
        if deliver == "new":
            await self._begin(
                await last_sequence(self._bus, self._stream) if after is None else after, now_ns
            )
        elif deliver == "all":
            await self._begin(0, 0)
        else:
            await self._begin(await self._resolve(deliver), now_ns)

    async def _resolve(self, deliver: Deliver) -> int:
        """Return the sequence after which a consumer begins; of a time the broker alone knows that."""
        state = await self._ensure_alone(deliver)
        self.waiting_count = state.pending_count
        return state.acknowledged_sequence

    async def take_over(self, takeover: Takeover) -> Deliver:
        """Claim the key for a durable that is to follow it, and return where that begins.

        Raises:
            RunsElsewhere: another process runs the bot.
            BrokerError: no answer, or no such key any more.
        """
        if not await self._take(takeover):
            raise BrokerError(f"position {self._key} has gone: expected it to be there")
        return await self._after()

    async def _take(self, takeover: Takeover) -> bool:
        """Claim the key when nobody reads for the bot; return False if there is none."""
        while True:
            kept = await self._wait_until_free(takeover)
            if kept.position is None:
                self._revision = kept.revision
                return False
            position = await self._furthest(kept.position)
            self._position = replace(self._position, reading=None)
            self._stand_at(position.sequence, position.stored_ns)
            try:
                await self._claim_key(kept.revision)
            except RevisionConflict:
                await takeover.pause()
            else:
                after = await self._after()
                if isinstance(after, StartAtTime):  # of a log that was made anew, or has lost its end
                    self._stand_at(await self._resolve(after), self._position.stored_ns)
                return True

    async def _begin(self, sequence: int, stored_ns: int) -> None:
        self._stand_at(sequence, stored_ns)
        await self._claim_key(self._revision)

    def _stand_at(self, sequence: int, stored_ns: int) -> None:
        self.handled_sequence = sequence
        self._position = replace(self._position, sequence=sequence, stored_ns=stored_ns)

    async def _claim_key(self, revision: int) -> None:
        self._revision = await self._positions.write(self._key, self._position, expected_revision=revision)
        self.is_movable = True

    async def _leave_durable(self, takeover: Takeover, now_ns: int) -> None:
        claim = Claim(self._bus, self._stream, self._bot.durable)
        sequence = await claim.take(takeover)
        self.left_reading = claim.left_reading
        self._revision = (await self._positions.look(self._key)).revision
        await self._begin(sequence, now_ns)
        await delete_consumer(self._bus, self._stream, self._bot.durable)

    async def _wait_until_free(self, takeover: Takeover) -> KeptPosition:
        """Wait until nobody reads for the bot, and return what the key held then.

        Raises:
            RunsElsewhere: somebody else still reads.
            BrokerError: no answer.
        """
        kept = KeptPosition(None, 0)

        async def look() -> Seen:
            nonlocal kept
            kept = await self._positions.look(self._key)
            position = kept.position
            return (
                Seen(Holder.NOBODY)
                if position is None
                else Seen(await self._holder(position), position.claim)
            )

        await takeover.wait(look, bot=self._bot.name, key=self._key)
        return kept

    async def _holder(self, position: Position) -> Holder:
        """Find out whether a consumer that may bring the bot its events is read by anybody."""
        found = Holder.SILENT
        for name in (_alone(self._bot, position.claim), position.reading):
            if name is None:
                continue
            try:
                info = await self._info(name)
            except RequestTimedOut:
                found = Holder.UNKNOWN
                continue
            if info is not None and info["num_waiting"]:
                return Holder.READS
        return found

    async def _furthest(self, position: Position) -> Position:
        """Return where the bot is: the reading at which it sat may know more than its own key."""
        if position.reading is None:
            return position
        kept = await self._positions.look(reading_position_key(self._bot.account.user, position.reading))
        told = kept.position
        if told is None or (told.sequence <= position.sequence and told.stored_ns <= position.stored_ns):
            return position
        return told

    # ---- what is asked while it runs

    async def has_done(self, sequence: int) -> bool:
        """Return whether the bot has handled everything that is for it up to this sequence of the stream.

        Raises:
            BrokerError: no answer.
        """
        if not self._has_consumer:
            return self.handled_sequence >= sequence
        # Not the sequence alone: the log may have been made anew, and have given it a second time.
        info = await self._info(self._alone)
        return info is not None and acknowledged_sequence(info) >= sequence

    async def count_waiting(self) -> int:
        """Return how many events the bot has not handled, as the consumer says by which it reads alone.

        Raises:
            BrokerError: no answer.
        """
        info = await self._info(self._alone) if self._has_consumer else None
        if info is None:
            return self.waiting_count or 0
        waiting = int(info["num_pending"])
        # What is delivered and handled may not be acknowledged yet, for it is not written.
        if self.handled_sequence < info["delivered"]["stream_seq"]:
            waiting += int(info["num_ack_pending"])
        self.waiting_count = waiting
        return waiting

    async def is_ours(self) -> bool:
        """Return whether nobody has claimed the key since.

        Raises:
            BrokerError: no answer.
        """
        await self._judge()
        if not self.is_lost and self._has_consumer:
            await self.count_waiting()
        return not self.is_lost

    async def _judge(self) -> KeptPosition | None:
        """Look whether another process has claimed the key; return what it holds, None if that cannot be read."""
        try:
            kept = await self._positions.look(self._key)
        except DecodeError:  # of a later version, which has taken the bot over
            self.is_lost = True
            return None
        if kept.position is None:  # removed; or another process has made a durable of it
            self.is_lost |= await consumer_exists(self._bus, self._stream, self._bot.durable)
        elif kept.position.claim != self._position.claim and kept.revision > self._revision:
            self.is_lost = True
        return kept

    async def _info(self, name: str) -> dict[str, Any] | None:
        try:
            return await api.call(
                self._bus, f"CONSUMER.INFO.{self._stream}.{name}", timeout_s=_INFO_TIMEOUT_S
            )
        except ApiRefused as error:
            if error.error_code == api.CONSUMER_NOT_FOUND:
                return None
            raise

    # ---- where it stands

    async def sit(self, reading: str) -> None:
        """Note that the bot has handled whatever this reading says.

        Raises:
            BrokerError: no answer.
        """
        self._position = replace(self._position, reading=reading)
        await self._write()
        await self._drop_consumer()

    async def stand(self, position: int) -> bool:
        """Note where the bot is, and that no reading tells it any more; return False if another has claimed it.

        Raises:
            BrokerError: no answer.
        """
        last = self._last()
        stored_ns = max(self._position.stored_ns, 0 if last is None else last.stored_time_ns)
        self._stand_at(position, stored_ns)
        self._position = replace(self._position, reading=None)
        is_ours = await self._write()
        await self._drop_consumer()  # it is there where a seat was left before it could be told of
        return is_ours

    def forget_reading(self) -> None:
        """Have the next note name no reading."""
        self._position = replace(self._position, reading=None)

    def acknowledge(self, message: Message) -> None:
        """Note that the bot has handled an event that it has read alone, and all before it."""
        self._stand_at(message.sequence, message.stored_time_ns)
        self._mark.acknowledge(message)

    async def _write_noted(self, _: Message) -> bool:
        return await self._write()

    async def _write(self, *, ttl_s: float | None = None) -> bool:
        """Write where the bot is; return False if another process has claimed the key.

        Raises:
            BrokerError: no answer, or the bucket refused.
        """
        async with self._lock:
            for _ in range(_CONFLICTS):
                if self.is_lost:
                    return False
                try:
                    self._revision = await self._positions.write(
                        self._key, self._position, ttl_s=ttl_s, expected_revision=self._revision
                    )
                except RevisionConflict:
                    await self._learn_revision()
                else:
                    return True
        raise BrokerError(
            f"position {self._key} cannot be written: the bucket does not say which revision it has"
        )

    async def _learn_revision(self) -> None:
        """Find out who wrote: we, when no answer came; another process; or somebody who deleted the key."""
        kept = await self._judge()
        if kept is not None and (kept.position is None or kept.position.claim == self._position.claim):
            self._revision = kept.revision
        await asyncio.sleep(_LOOK_AGAIN_S)  # a replica that is behind may have answered

    # ---- reading alone

    def make_pull(self, handle: Handle) -> PullLoop:
        """Return a loop, not started yet, that brings what comes after the place."""
        return PullLoop(
            self._bus,
            self._stream,
            self._alone,
            handle,
            batch=AHEAD // 2,
            ack_policy=ACK_POLICY,
            ack_wait_s=ACK_WAIT_S,
            on_missing=self._make_again,
            is_replaceable=True,
        )

    async def make_anew(self, position: int) -> None:
        """Begin after this sequence: what is read alone is made by its loop."""
        await self.stand(position)

    async def _make_again(self) -> None:
        state = await self._ensure_alone(await self._after())
        self.waiting_count = state.pending_count

    async def _after(self) -> Deliver:
        return await place_behind(self._bus, self._stream, self._position.sequence, self._position.stored_ns)

    async def _ensure_alone(self, deliver: Deliver) -> ConsumerState:
        self._has_consumer = True
        return await ensure_consumer(
            self._bus,
            self._stream,
            self._alone,
            filters_of(self._bot),
            deliver=deliver,
            ack_policy=ACK_POLICY,
            ack_wait_s=ACK_WAIT_S,
            max_ack_pending=AHEAD,
            is_in_memory=True,
            replicas=1,
            inactive_threshold_s=INACTIVE_S,
        )

    async def _drop_consumer(self) -> None:
        """Delete the consumer by which the bot has read alone: one that is left would bring everything since again.

        Raises:
            BrokerError: no answer.
        """
        if self._has_consumer:
            await delete_consumer(self._bus, self._stream, self._alone)
            self._has_consumer = False

    # ---- the end

    async def close(self) -> None:
        """Write where the bot is, for as long as the log keeps events; whoever comes next goes on there."""
        await self._mark.stop()
        if not self.is_movable:  # never claimed: it does not know where the bot is
            return
        try:
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await self._write(ttl_s=KEPT_FOR_S)
                with contextlib.suppress(BrokerError):  # what nobody reads goes by itself
                    await self._drop_consumer()
        except (BrokerError, TimeoutError) as error:
            _log.warning("bot_position_late", bot=self._bot.name, error=error)

    async def forget(self) -> None:
        """Delete the key."""
        await forget_position(self._bus, self._bot.account.user, self._bot.name)


def _alone(bot: Bot, claim: str) -> str:
    """Return the name of the consumer by which a process reads for the bot alone."""
    # No bot has such a durable: after an equals sign an escaped token has two digits.
    return f"{bot.durable}==={claim[:12]}"
