"""Which message ids the log holds, however long ago they were stored: read from the stream itself."""

import asyncio
from collections.abc import Collection

from fillwire.bus.connection import Bus
from fillwire.bus.durables import StartAtSequence, StartAtTime
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError
from fillwire.wire.headers import MESSAGE_ID

_S = 1_000_000_000
# The broker's clock may differ from ours, and a message may wait between its time and ours.
MARGIN_NS = 60 * _S
REMEMBERED_MAX = 50_000
FORGET_S = 60.0


class _Read:
    """What was read of one pattern, from `since_ns` up to a sequence: all ids, or, of too many, those that were wanted."""

    __slots__ = ("ids", "only", "read_s", "sequence", "since_ns")

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.read_s = 0.0
        self.sequence = 0
        self.ids: set[str] = set()
        self.only: frozenset[str] | None = None  # the ids that would be in `ids`; None: whichever there are

    def answers(self, wanted: frozenset[str], since_ns: int) -> bool:
        """Whether those of `wanted` that were stored since `since_ns`, up to the sequence, are in `ids`."""
        return self.since_ns <= since_ns and (self.only is None or wanted <= self.only)

    def take(self, message: Message, wanted: frozenset[str]) -> None:
        """Go on by one message."""
        self.sequence = message.sequence
        message_id = message.header(MESSAGE_ID)
        if message_id is None:
            return
        if message_id in wanted or (self.only is None and len(self.ids) < REMEMBERED_MAX):
            self.ids.add(message_id)
        elif self.only is None:
            self.only = wanted
            self.ids &= wanted


class StoredIds:
    """Looks ids up in the log of order events by reading the headers of what it stored since a time.

    A question costs by what was stored since then on the subjects in question. What was read is remembered for a
    minute, of a reading that failed or took too long as well: who asks again pays only for what is new, as long as
    there are no more than `REMEMBERED_MAX` ids or the question is for no other ids.

    Args:
        bus: the connection.
        deadline_s: how long one reading may take.
    """

    def __init__(self, bus: Bus, *, deadline_s: float = 30.0) -> None:
        self._bus = bus
        self._deadline_s = deadline_s
        self._reads: dict[str, _Read] = {}

    async def find(self, pattern: str, message_ids: Collection[str], since_ns: int) -> set[str]:
        """Return those of `message_ids` that are stored on subjects of `pattern`.

        Args:
            pattern: subjects on which they would be, of one user; no two questions for the same may be asked at once.
            message_ids: what to look for.
            since_ns: none of them was stored before, nanoseconds since the epoch by our clock.

        Raises:
            BrokerError: the stream cannot be read, or not before the deadline: ask again to go on from there.
        """
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._reads = {name: read for name, read in self._reads.items() if now_s - read.read_s < FORGET_S}
        stream = self._bus.partitions.stream_at(pattern)
        if not self._bus.is_connected:  # a question would wait in the client's memory and be asked too late
            raise BrokerError(f"cannot read {pattern} of stream {stream}: the broker is away")
        wanted = frozenset(message_ids)
        read = self._reads.pop(pattern, None)
        if read is None or not read.answers(wanted, since_ns):
            read = _Read(since_ns)
        begin = (
            StartAtSequence(read.sequence + 1)
            if read.sequence
            else StartAtTime(max(0, read.since_ns - MARGIN_NS))
        )
        try:
            await read_stream(
                self._bus,
                stream,
                pattern,
                begin,
                lambda message: read.take(message, wanted),
                deadline_s=self._deadline_s,
                headers_only=True,
            )
        finally:
            if read.only is not None:
                read.only = wanted
            read.read_s = loop.time()
            self._reads[pattern] = read
        return set(wanted & read.ids)
