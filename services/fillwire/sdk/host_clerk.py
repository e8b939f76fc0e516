"""The clerk of a bot that runs in a host: reads the stream, writes the bucket `BOOKS`, keeps the time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import orjson

from fillwire.bus.buckets import BOOKS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.durables import Deliver, StartAtSequence
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import last_sequence
from fillwire.bus.messages import Message
from fillwire.domain.client_order_ids import bot_label, label_of
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.runtime.logs import get_log
from fillwire.sdk.bot import Bot
from fillwire.sdk.clerk import Checkpoint, OwnLog
from fillwire.wire.codec import decode_order
from fillwire.wire.dead_letters import REPLAY_FOR
from fillwire.wire.subjects import account_tokens, order_filter

if TYPE_CHECKING:
    from fillwire.domain.events import OrderEvent

_log = get_log(__name__)

_READ_DEADLINE_S = 120.0  # a month of a busy pair: some 15,000 events a second are read
_VERSION = 1


def _key(account: Account, bot: str) -> str:
    return f"{account_tokens(account)}.{escape_token(bot)}"


async def forget_checkpoint(bus: Bus, account: Account, bot: str) -> None:
    """Delete what a bot of this name has kept; nothing happens if it has kept nothing.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    bucket = Bucket(bus, BOOKS)
    if await bucket.get(_key(account, bot)) is not None:
        await bucket.delete(_key(account, bot))


class HostClerk:
    """Serves one bot; see `clerk.Clerk`.

    Args:
        bus: the connection.
        stream: name of the stream of order events.
        bot: whose clerk it is.
        has_run: whether the bot ever ran before.
        wake: queues a call of `on_wake`.
    """

    def __init__(self, bus: Bus, stream: str, bot: Bot, *, has_run: bool, wake: Callable[[], None]) -> None:
        self.has_run = has_run
        self._bus = bus
        self._stream = stream
        self._bot = bot
        self._label = bot_label(bot.name)
        self._bucket = Bucket(bus, BOOKS)
        self._key = _key(bot.account, bot.name)
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Wake the bot no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def own_log(self, pairs: Sequence[str], after: int) -> OwnLog:
        """Return the bot's own events; a pair alone is read by its subject, several from all of the account.

        Raises:
            BrokerError: the stream cannot be read, or not within two minutes.
        """
        reading = _Reading(self._label, frozenset(pairs), after)
        pattern = order_filter(self._bot.account, pairs[0] if len(pairs) == 1 else None)
        deliver: Deliver = StartAtSequence(after + 1) if after else "all"
        await read_stream(
            self._bus, self._stream, pattern, deliver, reading.take, deadline_s=_READ_DEADLINE_S
        )
        return OwnLog(list(reading.events.values()), reading.sequence)

    async def log_end(self) -> int:
        """Return the stream's last sequence of now.

        Raises:
            BrokerError: no answer.
        """
        return await last_sequence(self._bus, self._stream)

    async def load_checkpoint(self) -> Checkpoint | None:
        """Return the bot's checkpoint; one that cannot be read counts as none, for the log has it all.

        Raises:
            BrokerError: no answer.
        """
        entry = await self._bucket.get(self._key)
        if entry is None or entry.value is None:
            return None
        head, _, state = entry.value.partition(b"\n")
        try:
            document = orjson.loads(head)
            if document["v"] == _VERSION:
                return Checkpoint(int(document["sequence"]), state)
            reason = f"expected version {_VERSION}, was {document['v']}"
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            reason = repr(error)
        _log.warning("checkpoint_unreadable", bot=self._bot.name, reason=reason)
        return None

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write the bot's checkpoint.

        Raises:
            BrokerError: no answer, or it is larger than 512 KiB.
        """
        head = orjson.dumps({"v": _VERSION, "sequence": checkpoint.sequence})
        await self._bucket.put(self._key, head + b"\n" + checkpoint.state)

    def wake_after(self, delay_s: float) -> None:
        """Have `on_wake` queued after so long, unless it is to be sooner."""
        due_s = self._loop.time() + max(0.0, delay_s)
        if self._timer is not None:
            if self._timer.when() <= due_s:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._wake()

    def now_ns(self) -> int:
        """Return nanoseconds since the epoch."""
        return time.time_ns()


class _Reading:
    """Picks the bot's own events out of what is read; only those are decoded."""

    def __init__(self, label: str, pairs: frozenset[str], sequence: int) -> None:
        self.events: dict[str, OrderEvent] = {}
        self.sequence = sequence
        self._label = label
        self._bytes = f"{label}-".encode()
        self._pairs = pairs

    def take(self, message: Message) -> None:
        self.sequence = message.sequence
        # A replay is a second coming of what the log holds already.
        if self._bytes not in message.data or message.header(REPLAY_FOR) is not None:
            return
        try:
            event = decode_order(message.data)
        except DecodeError as error:
            _log.error("message_undecodable", subject=message.subject, error=error)
            return
        is_own = event.client_order_id is not None and label_of(event.client_order_id) == self._label
        if is_own and (not self._pairs or event.pair in self._pairs):
            self.events.setdefault(event.event_id, event)
