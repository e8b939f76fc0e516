"""Reading a stream back: what it holds now, from a point on, without leaving anything behind."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop
from fillwire.bus.durables import (
    Deliver,
    StartAtSequence,
    StartAtTime,
    create_consumer,
    delete_consumer,
    deliver_fields,
)
from fillwire.bus.errors import RequestTimedOut
from fillwire.bus.lookup import StoredMessage, newest_message
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError

_NS = 1_000_000_000
_INACTIVE_THRESHOLD_S = 30
_LOOK_AGAIN_S = 1.0
# A server that leaves the cluster is still given consumers for some seconds, and says nothing: the next one is given another.
_CREATED_WITHIN_S = (1.0, 2.0, api.TIMEOUT_S)


async def read_stream(  # noqa: PLR0913 - what, from where, into what
    bus: Bus,
    stream: str,
    subject: str,
    deliver: Deliver,
    receive: Callable[[Message], None],
    *,
    deadline_s: float = 30.0,
    headers_only: bool = False,
) -> int:
    """Hand every message that the stream holds now to `receive`, in order, and return how many there were.

    What is stored while it reads may be left out. What was stored before is not: a replica that lags is waited for.

    Args:
        bus: the connection.
        stream: the stream's name.
        subject: pattern of the subjects to read.
        deliver: where to begin; `last_per_subject` reads the newest message of each subject, and of one that changes
            meanwhile those before it, too.
        receive: a quick function, told of one message after another; what it raises ends the reading.
        deadline_s: how long it may take.
        headers_only: bodies are left out.

    Raises:
        BrokerError: no answer, not allowed, or not read before the deadline.
    """
    name = "read-" + bus.new_inbox().rpartition(".")[2]
    config = {
        "name": name,
        "ack_policy": "none",
        "filter_subject": subject,
        "replay_policy": "instant",
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": _INACTIVE_THRESHOLD_S * _NS,
        "headers_only": headers_only,
    } | deliver_fields(deliver)
    info = await _created(bus, stream, name, config)
    pull: PullLoop | None = None
    try:
        async with asyncio.timeout(deadline_s):
            newest = await newest_message(bus, stream, subject)
            goal = newest.sequence if newest is not None and _is_within(deliver, newest) else 0
            reading = _Reading(f"{subject} of stream {stream}", int(info["num_pending"]), goal, receive)
            pull = PullLoop(bus, stream, name, reading.take, ack_policy="none", on_missing=reading.lose)
            await pull.start()
            while not await reading.is_finished(_LOOK_AGAIN_S):
                await _look_again(bus, stream, subject, name, reading)
    except TimeoutError as error:
        raise BrokerError(f"cannot read {subject} of stream {stream} within {deadline_s:g} s") from error
    finally:
        if pull is not None:
            await pull.stop()
        with contextlib.suppress(BrokerError):  # it goes by itself
            await delete_consumer(bus, stream, name)
    return reading.count


async def _created(bus: Bus, stream: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Make a consumer, and again if nothing is heard of that: one that is there already is the same."""
    for timeout_s in _CREATED_WITHIN_S[:-1]:
        with contextlib.suppress(RequestTimedOut):
            return await create_consumer(bus, stream, name, config, timeout_s=timeout_s)
    return await create_consumer(bus, stream, name, config, timeout_s=_CREATED_WITHIN_S[-1])


async def _look_again(bus: Bus, stream: str, subject: str, consumer: str, reading: "_Reading") -> None:
    """Find out what there is still to read: some of it may have been removed."""
    info = await api.call(bus, f"CONSUMER.INFO.{stream}.{consumer}")
    newest = await newest_message(bus, stream, subject)
    reading.revise(
        goal=0 if newest is None else newest.sequence,
        pending=info["num_pending"] + info["delivered"]["consumer_seq"] - reading.count,
    )


def _is_within(deliver: Deliver, message: StoredMessage) -> bool:
    """Return whether a consumer that begins there comes to the message."""
    match deliver:
        case StartAtSequence(sequence):
            return message.sequence >= sequence
        case StartAtTime(time_ns):
            return message.stored_time_ns >= time_ns
        case "all" | "last_per_subject":
            return True
        case "new":
            return False


class _Reading:
    """Takes messages until the last of those that were there when it began.

    Which that is, two know: the consumer by the replica that it is on, which may lag, and the stream's leader.
    """

    def __init__(self, what: str, expected: int, goal: int, receive: Callable[[Message], None]) -> None:
        self._what = what
        self._expected = expected
        self._goal = goal
        self._receive = receive
        self._sequence = 0
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = 0
        self._look(expected)

    async def is_finished(self, timeout_s: float) -> bool:
        """Return whether everything was taken, at the latest after the timeout.

        Raises:
            BrokerError: a message got lost on the way.
            Exception: what the receiver raised.
        """
        await asyncio.wait((self._finished,), timeout=timeout_s)
        if self._finished.done():
            self._finished.result()
            return True
        return False

    def revise(self, *, goal: int, pending: int) -> None:
        """Expect no message that is there no more; what came since is none of ours."""
        if not self._finished.done():
            self._goal = min(self._goal, goal)
            self._look(pending)

    def take(self, message: Message) -> None:
        if self._finished.done():
            return
        if message.delivery_number != self.count + 1:  # those before it went with a connection
            self._finished.set_exception(self._cut_off())
            return
        try:
            self._receive(message)
        except Exception as error:  # noqa: BLE001 - handed to the caller, who made the function
            self._finished.set_exception(error)
            return
        self.count += 1
        self._sequence = message.sequence
        self._look(message.pending_count)

    async def lose(self) -> None:
        if not self._finished.done():
            self._finished.set_exception(self._cut_off())

    def _look(self, pending: int) -> None:
        if self._sequence >= self._goal and (self.count >= self._expected or pending <= 0):
            self._finished.set_result(None)

    def _cut_off(self) -> BrokerError:
        return BrokerError(f"the reading of {self._what} was cut off")
