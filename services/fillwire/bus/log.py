"""Reading a stream back: what it holds now, from a point on, without leaving anything behind."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import orjson

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop
from fillwire.bus.durables import Deliver, create_consumer, delete_consumer, deliver_fields
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError

_NS = 1_000_000_000
_INACTIVE_THRESHOLD_S = 30
_NOT_FOUND = 404


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

    What is stored while it reads may be left out. What was stored before is not: a replica that lags is not read.

    Args:
        bus: the connection.
        stream: the stream's name.
        subject: pattern of the subjects to read.
        deliver: where to begin; `last_per_subject` reads one message of each subject.
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
    info = await create_consumer(bus, stream, name, config)
    try:
        await _require_current(bus, stream, info)
    except BrokerError:
        with contextlib.suppress(BrokerError):
            await delete_consumer(bus, stream, name)
        raise
    reading = _Reading(f"{subject} of stream {stream}", int(info["num_pending"]), receive)
    pull = PullLoop(bus, stream, name, reading.take, ack_policy="none", on_missing=reading.lose)
    try:
        await pull.start()
        async with asyncio.timeout(deadline_s):
            await reading.finished
    except TimeoutError as error:
        raise BrokerError(f"cannot read {subject} of stream {stream} within {deadline_s:g} s") from error
    finally:
        await pull.stop()
        with contextlib.suppress(BrokerError):  # it goes by itself
            await delete_consumer(bus, stream, name)
    return reading.count


class _Reading:
    """Takes messages until the last of those that were there when it began; `finished` raises if one got lost."""

    def __init__(self, what: str, expected: int, receive: Callable[[Message], None]) -> None:
        self._what = what
        self._expected = expected
        self._receive = receive
        self.count = 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not expected:
            self.finished.set_result(None)

    def take(self, message: Message) -> None:
        if self.finished.done():
            return
        if message.delivery_number != self.count + 1:  # those before it went with a connection
            self.finished.set_exception(self._cut_off())
            return
        try:
            self._receive(message)
        except Exception as error:  # noqa: BLE001 - handed to the caller, who made the function
            self.finished.set_exception(error)
            return
        self.count += 1
        if self.count >= self._expected or message.pending_count == 0:
            self.finished.set_result(None)

    async def lose(self) -> None:
        if not self.finished.done():
            self.finished.set_exception(self._cut_off())

    def _cut_off(self) -> BrokerError:
        return BrokerError(f"the reading of {self._what} was cut off")


async def _require_current(bus: Bus, stream: str, consumer: dict[str, Any]) -> None:
    """Raise if the consumer was placed on a replica that has not caught up: what it lacks would seem never stored."""
    reader = (consumer.get("cluster") or {}).get("leader")
    if not reader:  # one broker alone
        return
    cluster = (await api.call(bus, f"STREAM.INFO.{stream}")).get("cluster") or {}
    current = {replica["name"] for replica in cluster.get("replicas") or () if replica.get("current")}
    if reader not in current | {cluster.get("leader")}:
        raise BrokerError(f"cannot read stream {stream} at {reader}: expected a replica that has caught up")


async def last_message(bus: Bus, stream: str, subject: str, timeout_s: float = 5.0) -> bytes | None:
    """Return the body of the newest message of one subject, None if there is none.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    answer = await bus.request_message(
        f"{api.PREFIX}.DIRECT.GET.{stream}", orjson.dumps({"last_by_subj": subject}), timeout_s
    )
    if answer.status == _NOT_FOUND:
        return None
    if answer.status is not None:
        raise BrokerError(f"cannot read the last message of {subject}: status {answer.status}")
    return answer.data
