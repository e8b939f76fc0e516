"""Reading a stream from a sequence on, in order and without end; the reader's position is all the state there is."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Self

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop
from fillwire.bus.durables import StartAtSequence, create_consumer, delete_consumer, deliver_fields
from fillwire.bus.lookup import parse_time_ns
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError

_NS = 1_000_000_000
_INACTIVE_THRESHOLD_S = 60  # then the broker forgets a reader that has died
_BATCH = 500
CAPACITY_BYTES = 16 << 20  # of bodies, in all readings of a process together


@dataclass(frozen=True, slots=True)
class StreamState:
    """What a stream is and holds.

    Attributes:
        created_ns: when it was made.
        first_sequence: of the oldest message that it holds; one more than the last if it holds none.
        last_sequence: of the newest message that it ever held.
    """

    created_ns: int
    first_sequence: int
    last_sequence: int


async def stream_state(bus: Bus, stream: str) -> StreamState:
    """Return what a stream is and holds now.

    Raises:
        BrokerError: no answer, no such stream, or not allowed.
    """
    info = await api.call(bus, f"STREAM.INFO.{stream}")
    state = info["state"]
    return StreamState(parse_time_ns(info["created"]), int(state["first_seq"]), int(state["last_seq"]))


class TailLost(BrokerError):
    """The reading was cut off: it is to begin anew behind what was taken."""


class Tail:
    """Messages behind a sequence. Nothing is acknowledged: who takes them remembers how far it got.

    Args:
        bus: the connection.
        stream: the stream's name.
        subject: pattern that takes all of the stream.
        capacity: messages that may wait to be taken; beyond it no more are asked for.
        capacity_bytes: the same of their bodies.
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        subject: str,
        *,
        capacity: int = 4_000,
        capacity_bytes: int = CAPACITY_BYTES,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._subject = subject
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._waiting_bytes = 0
        self._name = "record-" + bus.new_inbox().rpartition(".")[2]
        self._waiting: list[Message] = []
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._is_lost = False
        self._pull: PullLoop | None = None

    async def start(self, after: int) -> Self:
        """Begin behind a sequence.

        Raises:
            BrokerError: no answer, or not allowed.
        """
        config = {
            "name": self._name,
            "ack_policy": "none",
            "filter_subject": self._subject,
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _INACTIVE_THRESHOLD_S * _NS,
        } | deliver_fields(StartAtSequence(after + 1))
        await create_consumer(self._bus, self._stream, self._name, config)
        self._pull = PullLoop(
            self._bus,
            self._stream,
            self._name,
            self._put,
            batch=_BATCH,
            ack_policy="none",
            on_missing=self._lose,
        )
        await self._pull.start()
        return self

    async def stop(self) -> None:
        """End the reading. Idempotent."""
        pull, self._pull = self._pull, None
        if pull is None:
            return
        self._room.set()
        self._is_lost = True
        await pull.stop(1.0)
        with contextlib.suppress(BrokerError):  # it goes by itself
            await delete_consumer(self._bus, self._stream, self._name)

    async def take(self, limit: int) -> list[Message]:
        """Wait until there are messages, and return the oldest of those that wait.

        Raises:
            TailLost: no more will come.
        """
        while not self._waiting:
            if self._is_lost:
                raise TailLost(f"the reading of stream {self._stream} was cut off")
            self._arrived.clear()
            await self._arrived.wait()
        taken, self._waiting = self._waiting[:limit], self._waiting[limit:]
        self._waiting_bytes -= sum(len(message.data) for message in taken)
        self._room.set()
        return taken

    async def _put(self, message: Message) -> None:
        while self._is_full and not self._is_lost:
            self._room.clear()
            await self._room.wait()
        if not self._is_lost:
            self._waiting.append(message)
            self._waiting_bytes += len(message.data)
            self._arrived.set()

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= self._capacity or self._waiting_bytes >= self._capacity_bytes

    async def _lose(self) -> None:
        self._is_lost = True
        self._room.set()
        self._arrived.set()
