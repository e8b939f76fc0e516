"""Consuming a stream: one pull kept open, messages handed over in order, none skipped and none repeated."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self

import orjson

from fillwire.bus.connection import Bus
from fillwire.bus.durables import (
    ACK_WAIT_S,
    AckPolicy,
    ConsumerState,
    Deliver,
    StartAtSequence,
    StartAtTime,
    delete_consumer,
    ensure_consumer,
    require_consumer_name,
)
from fillwire.bus.in_hand import InHand
from fillwire.bus.messages import Message, parse_headers, parse_status
from fillwire.bus.resetting import ResettableConsumer
from fillwire.bus.subscriptions import Inbox, is_coroutine_handler
from fillwire.bus.unserved import Unserved
from fillwire.runtime.logs import get_log

if TYPE_CHECKING:
    from fillwire.bus.subscriptions import Subscription

__all__ = [
    "ACK_WAIT_S",
    "AckPolicy",
    "ConsumerState",
    "Deliver",
    "Handle",
    "PullLoop",
    "StartAtSequence",
    "StartAtTime",
    "delete_consumer",
    "ensure_consumer",
    "require_consumer_name",
]

_log = get_log(__name__)

_NS = 1_000_000_000
_RETRY_FIRST_S = 0.1
_RETRY_MAX_S = 2.0
_HEARTBEAT = 100
_PULL_OVER = (404, 408)  # nothing there, or the pull's time is up: the ordinary ends

# What stands in the place of the number of the next delivery: whichever comes, for the consumer has not been reset; or
# none, until it has been. A reset begins to count anew, and a number of the new count may be the one that is due of the
# old: taken for it, everything before it in the stream would pass for handed out.
_ANY = 0
_NONE = -1

Handle = Callable[[Message], Awaitable[None]] | Callable[[Message], None]
"""A coroutine function is awaited for one message after another. A plain function is called in the read loop, which
saves a task's turn per message; it must be quick, and what it keeps is bounded by the consumer's `max_ack_pending`
alone. Either acknowledges, now or later."""


class PullLoop:
    """Keeps one pull open on a consumer and hands its messages to `handle`, in order, one at a time.

    A broker redelivers what was on the way to a lost connection only after the acknowledgement wait, behind newer
    messages. Therefore the loop has the consumer reset to its first unacknowledged message when it starts, when it
    reconnects, and when a delivery number is missing, and passes over what it has handed out before. So `handle` sees
    every message once and in order while the process lives; a new process begins with the first message that was not
    acknowledged.

    Args:
        bus: the connection.
        stream: name of the stream.
        durable: name of the consumer, which must exist.
        handle: when it raises, the error is logged, and the message comes again after the consumer's wait, behind
            others: to keep the order, retry inside.
        batch: messages asked for at once; about one and a half times as many may wait here.
        ack_policy: the consumer's.
        ack_wait_s: the consumer's. Messages that wait here or were handed out and are not acknowledged yet are
            reported as in progress every third of it, so that a slow handler causes no redelivery.
        is_exclusive: whether this loop alone reads the consumer. False for several processes that share one: then
            the consumer is not reset, and the order across a lost connection is not kept.
        expires_s: how long one pull stays open.
        heartbeat_s: the broker gives a sign of life as often; after two and a half silent ones the pull is renewed.
        on_missing: awaited when the consumer does not exist any more, to make it again. Without it the loss is
            logged, and the loop goes on once somebody else has made it.
        is_replaceable: see `ResettableConsumer`.
    """

    def __init__(  # noqa: PLR0913 - see the docstring
        self,
        bus: Bus,
        stream: str,
        durable: str,
        handle: Handle,
        *,
        batch: int = 256,
        ack_policy: AckPolicy = "explicit",
        ack_wait_s: float = ACK_WAIT_S,
        is_exclusive: bool = True,
        expires_s: float = 30.0,
        heartbeat_s: float = 2.0,
        on_missing: Callable[[], Awaitable[None]] | None = None,
        is_replaceable: bool = False,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._durable = require_consumer_name(durable)
        self._handle = handle
        self._batch = batch
        self._low = batch // 2  # messages asked for or waiting here at which more are asked for
        self._is_acknowledged = ack_policy != "none"
        self._ack_wait_s = ack_wait_s
        self._is_exclusive = is_exclusive
        self._heartbeat_s = heartbeat_s
        self._on_missing = on_missing
        self._log = _log.bind(stream=stream, durable=durable)
        self._pull_body = orjson.dumps(
            {"batch": batch, "expires": int(expires_s * _NS), "idle_heartbeat": int(heartbeat_s * _NS)}
        )
        self._loop = asyncio.get_running_loop()
        self._inbox_subject = bus.new_inbox()
        self._is_plain = not is_coroutine_handler(handle)
        self._inbox: Inbox[Message] | None = None
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._nudge = asyncio.Event()
        self._is_stale = False  # the consumer's state is in doubt: to be reset before the next pull
        self._expected = _ANY  # number of the next delivery; at 1 what is left of the count before is dropped
        self._is_resetting = False
        self._round = 0
        self._asked = 0  # messages asked for by pulls that are open, and not yet received
        self._seen_at = 0.0
        self._unserved = Unserved(bus)
        self._retry_s = _RETRY_FIRST_S
        self._in_hand = InHand(ack_policy, ack_wait_s)
        self._consumer = ResettableConsumer(bus, stream, durable, on_missing, is_replaceable=is_replaceable)
        self.delivered_count = 0
        self.repeated_count = 0
        self.reset_count = 0

    # -- life

    async def start(self) -> Self:
        """Begin at the first message that is not acknowledged; return when the pull is open.

        Raises:
            ConfigError: the consumer does not exist and there is no `on_missing`.
            BrokerError: no answer.
        """
        if self._task is not None:
            return self
        if self._is_acknowledged:
            await self._consumer.require()
        if not self._is_plain:
            self._inbox = Inbox(
                self._take, capacity=4 * self._batch, name=f"pull {self._stream} {self._durable}"
            )
        self._subscription = await self._bus.subscribe_raw(f"{self._inbox_subject}.*", self._receive)
        self._bus.on_disconnected(self._handle_disconnected)
        self._bus.on_reconnected(self._handle_reconnected)
        self._seen_at = self._loop.time()
        try:
            if not self._is_acknowledged:  # there is nothing to go back to
                self._pull_if_due()
            else:
                await self._resume_or_retry()
        except BaseException:
            await self.stop()
            raise
        self._task = self._loop.create_task(self._run(), name=f"pull watch {self._stream} {self._durable}")
        return self

    async def stop(self, deadline_s: float = 5.0) -> bool:
        """End the loop; return whether the message in hand was finished before the deadline, else it is cancelled.

        Messages that wait here are not handed out; a later loop begins with them. Idempotent.
        """
        self._bus.off_disconnected(self._handle_disconnected)
        self._bus.off_reconnected(self._handle_reconnected)
        subscription, self._subscription = self._subscription, None
        if self._inbox is not None:
            self._inbox.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if subscription is not None:
            await subscription.unsubscribe()
        finished = True
        if self._inbox is not None:
            try:
                finished = await self._inbox.join(deadline_s)
            finally:
                await self._inbox.close()
        self._in_hand.unsettled.clear()
        return finished

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def waiting_count(self) -> int:
        """Messages received and not yet handed out."""
        return 0 if self._inbox is None else len(self._inbox)

    # -- receiving

    def _receive(self, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        if self._subscription is None:  # stopping
            return
        self._seen_at = self._loop.time()
        status = parse_status(headers) if headers else None
        if status is not None:
            self._receive_status(subject, status, headers)
            return
        self._asked -= 1
        in_hand = self._in_hand
        message = Message(subject, reply, data, headers, self._bus.write, in_hand.settle)
        if self._is_exclusive and not self._is_next(message.delivery_number):
            return
        sequence = message.sequence
        if sequence <= in_hand.taken and self._is_exclusive and in_hand.is_repeated(message):
            self.repeated_count += 1
            in_hand.note_repeated(message)
        elif self._is_plain or (self._inbox is not None and self._inbox.put(message)):
            if self._is_acknowledged:
                in_hand.unsettled[sequence] = (message, self._seen_at)
            if self._is_plain:
                self._call(message)
        else:
            self._mark_stale()
        if self._asked <= self._low:
            self._pull_if_due()

    def _is_next(self, number: int) -> bool:
        if self._expected in (number, _ANY):
            self._expected = number + 1
            return True
        if self._expected > 1:  # a delivery got lost on its way, with a connection or a leader
            self._log.info("pull_gap", expected=self._expected, found=number)
            self._mark_stale()
        return False

    def _receive_status(self, subject: bytes, status: int, headers: bytes) -> None:
        if status == _HEARTBEAT:
            last = parse_headers(headers).get("Nats-Last-Consumer")
            if (
                last is not None
                and self._is_exclusive
                and not self._is_resetting
                and 0 < self._expected <= int(last)
            ):
                self._mark_stale()  # the last deliveries never arrived
        elif subject.endswith(b".%d" % self._round):
            self._asked = 0
            if status in _PULL_OVER:
                self._pull_if_due()
            else:  # 409: the leader moved or the consumer was deleted; 503: there is none at the moment
                self._log.info("pull_ended", status=status)
                self._mark_stale()

    # -- handing out

    def _call(self, message: Message) -> None:
        self.delivered_count += 1
        self._in_hand.note_taken(message)
        try:
            self._handle(message)
        except Exception as error:  # noqa: BLE001 - the edge of a plain call, as the inbox's task is of an awaited one
            self._in_hand.give_back(message)
            self._log.error("handler_failed", error=error)

    async def _take(self, message: Message) -> None:
        self.delivered_count += 1
        self._in_hand.note_taken(message)
        if self._asked <= self._low:
            self._pull_if_due()
        try:
            handled = self._handle(message)
            if handled is not None:
                await handled
        except Exception:
            self._in_hand.give_back(message)
            raise  # the inbox's task logs it

    # -- keeping the pull open

    def _mark_stale(self) -> None:
        self._is_stale = True
        self._expected = _NONE
        self._nudge.set()

    def _handle_disconnected(self) -> None:
        self._expected = _NONE  # what comes on the next connection may lack what was on its way on this one

    async def _handle_reconnected(self) -> None:
        self._asked = 0  # pulls end with the connection they were made on
        self._mark_stale()

    def _pull_if_due(self) -> None:
        if (
            self._subscription is None
            or self._is_stale
            or self._asked + self.waiting_count > self._low
            or not self._bus.is_connected
        ):
            return
        self._round += 1
        self._asked += self._batch
        self._seen_at = self._loop.time()
        self._bus.write(
            f"PUB {self._bus.api_prefix}.CONSUMER.MSG.NEXT.{self._stream}.{self._durable} "
            f"{self._inbox_subject}.{self._round} {len(self._pull_body)}\r\n".encode()
            + self._pull_body
            + b"\r\n"
        )

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._heartbeat_s, self._ack_wait_s / 6)):
                    await self._nudge.wait()
            self._nudge.clear()
            now = self._loop.time()
            self._in_hand.report_progress(now)
            if now - self._seen_at > 2.5 * self._heartbeat_s and self._bus.is_connected:
                self._asked = 0
                self._is_stale = True
            if self._is_stale and self._bus.is_connected:
                await self._resume_or_retry()
                await self._unserved.note(is_served=not self._is_stale)
                if self._is_stale:
                    await asyncio.sleep(self._retry_s)
                    self._retry_s = min(self._retry_s * 2, _RETRY_MAX_S)
                    self._nudge.set()
                else:
                    self._retry_s = _RETRY_FIRST_S

    async def _resume_or_retry(self) -> None:
        try:
            await self._resume()
        except Exception as error:  # noqa: BLE001 - `on_missing` is the owner's: its failure must not end the loop
            self._log.warning("pull_resume_failed", error=error)
            self._mark_stale()

    async def _resume(self) -> None:
        """Bring the consumer back to its first unacknowledged message and pull.

        Raises:
            BrokerError: no answer; the state is still in doubt.
        """
        self._is_stale = False
        if not self._is_acknowledged:
            if self._on_missing is not None:  # only a new consumer brings back what was on the way
                await self._on_missing()
                return
            self._expected = _ANY
        elif self._is_exclusive:
            await self._reset()
        else:
            await self._consumer.ensure()
        self._pull_if_due()

    async def _reset(self) -> None:
        self._expected = _NONE
        if self._inbox is not None:
            self._in_hand.forget(self._inbox.clear())  # they come again, with what is missing before them
        # The reset of a consumer that does not exist goes unanswered. One that was made again may have the count of the
        # one before, and somebody may have been given its first messages: it is reset as well.
        await self._consumer.ensure()
        self._in_hand.note_reset()
        self._expected = 1
        self._is_resetting = True
        try:
            is_reset = await self._consumer.reset()
        finally:
            self._is_resetting = False
        if is_reset:
            self.reset_count += 1
        else:
            self._expected = _ANY
