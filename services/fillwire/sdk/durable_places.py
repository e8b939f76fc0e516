"""A bot's place as a durable consumer of its own."""

import time

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import Handle, PullLoop
from fillwire.bus.durables import (
    ConsumerState,
    Deliver,
    StartAtSequence,
    consumer_exists,
    delete_consumer,
    ensure_consumer,
)
from fillwire.bus.errors import ApiRefused
from fillwire.bus.lookup import last_sequence
from fillwire.bus.resuming import place_behind
from fillwire.domain.errors import ConfigError
from fillwire.runtime.logs import get_log
from fillwire.sdk.bot import Bot
from fillwire.sdk.bucket_places import BucketPlace
from fillwire.sdk.claims import FORGOTTEN_AFTER_S, Claim
from fillwire.sdk.places import (
    ACK_POLICY,
    ACK_WAIT_S,
    SENT_AHEAD,
    Beginning,
    LastHandled,
    deliver_from,
    filters_of,
)
from fillwire.sdk.positions import has_position
from fillwire.sdk.takeovers import Takeover

_log = get_log(__name__)


class DurablePlace:
    """A place that is a durable; see `places.Place`.

    Args:
        bus: the connection.
        bot: whose place it is.
        last: see `LastHandled`.
    """

    def __init__(self, bus: Bus, bot: Bot, last: LastHandled) -> None:
        self.claim = DurableClaim(bus, bot)
        self._bus = bus
        self._bot = bot
        self._stream = bus.partitions.stream_of(bot.account.user)
        self._last = last
        self._start_sequence = 0
        self._prepared_ns = 0

    async def prepare(self, takeover: Takeover, after: int | None) -> Beginning:
        """Make the durable or take it over."""
        self._prepared_ns = time.time_ns()
        deliver = deliver_from(self._bot.start_from, self._prepared_ns)
        kept = None
        if not await consumer_exists(self._bus, self._stream, self._bot.durable):
            kept = await self._position_of_bucket(takeover)
            if deliver == "new" and kept is None:
                # One that begins with `new` cannot be moved, as it must be when the bot has sat at a shared reading.
                deliver = StartAtSequence(
                    (await last_sequence(self._bus, self._stream) if after is None else after) + 1
                )
        state = await self._ensure_durable(deliver if kept is None else kept)
        self._start_sequence = max(state.acknowledged_sequence, await self.claim.take(takeover))
        if kept is not None:
            await self._bucket_place().forget()
        return Beginning(
            state.was_created and kept is None,
            state.acknowledged_sequence,
            state.pending_count + state.unacknowledged_count,
        )

    async def _position_of_bucket(self, takeover: Takeover) -> Deliver | None:
        """Claim the place that the bot has in the bucket, and return what comes after it; None if it has none there.

        Not asked where there is a durable: that counts, and whoever leaves it for the bucket deletes it.
        """
        bot = self._bot
        if not await has_position(self._bus, bot.account.user, bot.name):
            return None
        return await self._bucket_place().take_over(takeover)

    def _bucket_place(self) -> BucketPlace:
        return BucketPlace(self._bus, self._bot, self._last)

    async def _ensure_durable(self, deliver: Deliver) -> ConsumerState:
        return await ensure_consumer(
            self._bus,
            self._stream,
            self._bot.durable,
            filters_of(self._bot),
            deliver=deliver,
            ack_policy=ACK_POLICY,
            ack_wait_s=ACK_WAIT_S,
            max_ack_pending=SENT_AHEAD,
            inactive_threshold_s=FORGOTTEN_AFTER_S,
        )

    def make_pull(self, handle: Handle) -> PullLoop:
        """Return a loop, not started yet, that reads the durable."""
        return PullLoop(
            self._bus,
            self._stream,
            self._bot.durable,
            handle,
            batch=SENT_AHEAD // 2,
            ack_policy=ACK_POLICY,
            ack_wait_s=ACK_WAIT_S,
            on_missing=self._make_again,
        )

    async def _make_again(self) -> None:
        """Make the durable again where the bot stands: it was deleted, or lost with the broker's disk."""
        if await self.claim.has_moved_to_bucket():
            raise ConfigError("another process keeps the bot's position in the bucket")
        last = self._last()
        await self._make_after(max(self._start_sequence, 0 if last is None else last.sequence))

    async def make_anew(self, position: int) -> None:
        """Make the durable again after this sequence: it was deleted, or cannot be moved there."""
        await delete_consumer(self._bus, self._stream, self._bot.durable)
        await self._make_after(position)

    async def _make_after(self, position: int) -> None:
        _log.warning("durable_made_again", bot=self._bot.name, after_sequence=position)
        last = self._last()
        stored_ns = self._prepared_ns if last is None else last.stored_time_ns
        await self._ensure_durable(await place_behind(self._bus, self._stream, position, stored_ns))
        await self.claim.renew()

    async def close(self) -> None:
        """Leave the durable where it is."""

    async def forget(self) -> None:
        """Delete the durable."""
        await delete_consumer(self._bus, self._stream, self._bot.durable)


class DurableClaim(Claim):
    """A claim on a durable that is lost, too, when another process has begun to keep the position in the bucket.

    Args:
        bus: the connection.
        bot: whose durable it is.
    """

    def __init__(self, bus: Bus, bot: Bot) -> None:
        super().__init__(bus, bus.partitions.stream_of(bot.account.user), bot.durable)
        self._bot = bot

    async def is_ours(self) -> bool:
        """Return whether nobody has claimed the durable since, or deleted it for a key of the bucket.

        Raises:
            BrokerError: no answer, or no such consumer.
        """
        try:
            return await super().is_ours()
        except ApiRefused as error:
            if error.error_code == api.CONSUMER_NOT_FOUND and await self.has_moved_to_bucket():
                return False
            raise

    async def has_moved_to_bucket(self) -> bool:
        """Return whether the bucket says where the bot is: another process keeps it there, and has deleted the durable.

        Raises:
            BrokerError: no answer.
        """
        if await has_position(self._bus, self._bot.account.user, self._bot.name):
            self.is_lost = True
        return self.is_lost
