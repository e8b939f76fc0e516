"""Which message ids a stream holds, however long ago they were stored: read from the stream itself."""

import asyncio
from collections.abc import Collection

from fillwire.bus.connection import Bus
from fillwire.bus.durables import StartAtSequence, StartAtTime
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.wire.headers import MESSAGE_ID

_S = 1_000_000_000
# The broker's clock may differ from ours, and a message may wait between its time and ours.
MARGIN_NS = 60 * _S
REMEMBERED_MAX = 50_000
FORGET_S = 60.0


class _Read:
    """What was read of one pattern: all ids from `since_ns` up to a sequence, unless there were too many."""

    __slots__ = ("ids", "is_whole", "read_s", "sequence", "since_ns")

    def __init__(self, since_ns: int, read_s: float) -> None:
        self.since_ns = since_ns
        self.read_s = read_s
        self.sequence = 0
        self.ids: set[str] = set()
        self.is_whole = True


class StoredIds:
    """Looks ids up in a stream by reading the headers of what it stored since a time.

    A question costs by what was stored since then on the subjects in question; who asks again within a minute pays
    for what is new only, as long as there are no more than `REMEMBERED_MAX` ids.

    Args:
        bus: the connection.
        stream: the stream's name.
        deadline_s: how long one reading may take.
    """

    def __init__(self, bus: Bus, stream: str, *, deadline_s: float = 30.0) -> None:
        self._bus = bus
        self._stream = stream
        self._deadline_s = deadline_s
        self._reads: dict[str, _Read] = {}

    async def find(self, pattern: str, message_ids: Collection[str], since_ns: int) -> set[str]:
        """Return those of `message_ids` that are stored on subjects of `pattern`.

        Args:
            pattern: subjects on which they would be.
            message_ids: what to look for.
            since_ns: none of them was stored before, nanoseconds since the epoch by our clock.

        Raises:
            BrokerError: the stream cannot be read.
        """
        now_s = asyncio.get_running_loop().time()
        self._reads = {name: read for name, read in self._reads.items() if now_s - read.read_s < FORGET_S}
        read = self._reads.pop(pattern, None)
        if read is None or read.since_ns > since_ns:
            read = _Read(since_ns, now_s)
        wanted = frozenset(message_ids)
        found = set(wanted & read.ids)

        def take(message: Message) -> None:
            message_id = message.header(MESSAGE_ID)
            if message_id is None:
                return
            read.sequence = message.sequence
            if message_id in wanted:
                found.add(message_id)
            if len(read.ids) < REMEMBERED_MAX:
                read.ids.add(message_id)
            else:
                read.is_whole = False

        begin = (
            StartAtSequence(read.sequence + 1) if read.sequence else StartAtTime(max(0, since_ns - MARGIN_NS))
        )
        await read_stream(
            self._bus,
            self._stream,
            pattern,
            begin,
            take,
            deadline_s=self._deadline_s,
            headers_only=True,
        )
        if read.is_whole:
            read.read_s = now_s
            self._reads[pattern] = read
        return found
