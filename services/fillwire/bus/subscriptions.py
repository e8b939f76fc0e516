"""A subscription that outlives its connection, and the bounded queue between the read loop and a slow handler."""

import asyncio
import contextlib
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeGuard, TypeVar

from fillwire.bus.client import DirectHandler
from fillwire.bus.messages import Message, Write
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

Item = TypeVar("Item")

MessageHandler = Callable[[Message], Awaitable[None]] | Callable[[Message], None]
"""A coroutine function is awaited message by message; a plain function is called in the read loop."""


class Inbox(Generic[Item]):
    """Items in order of arrival, handed to a coroutine one at a time by a task of its own.

    Args:
        handle: awaited for each item; what it raises is logged and the next item follows.
        capacity: items that may wait; `put` refuses more.
        name: names the task in logs.
    """

    def __init__(self, handle: Callable[[Item], Awaitable[None]], *, capacity: int, name: str) -> None:
        self._handle = handle
        self._capacity = capacity
        self._name = name
        self._items: deque[Item] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        self.is_busy = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is being handled."""
        return not self._items and not self.is_busy

    def put(self, item: Item) -> bool:
        """Queue an item; return False if the queue is full and the item was not taken."""
        if len(self._items) >= self._capacity:
            return False
        self._items.append(item)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        return True

    def clear(self) -> list[Item]:
        """Forget what waits and return it; what is being handled is finished."""
        waiting = list(self._items)
        self._items.clear()
        return waiting

    async def join(self, deadline_s: float) -> bool:
        """Wait until nothing waits and nothing is being handled; return False if the deadline passed first."""
        if self.is_idle or self._task.done():
            return self.is_idle
        if self._idle is None:
            self._idle = asyncio.get_running_loop().create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await asyncio.shield(self._idle)
        return self.is_idle

    async def close(self) -> None:
        """End the task, cancelling what is being handled."""
        self._task.cancel()
        if self._task is not asyncio.current_task():
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        items = self._items
        while True:
            if not items:
                if self._idle is not None:
                    self._idle.set_result(None)
                    self._idle = None
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
                self._wake = None
                continue
            item = items.popleft()
            self.is_busy = True
            try:
                await self._handle(item)
            except Exception as error:  # noqa: BLE001 - the task's edge: one failing item must not hold up the next
                _log.error("handler_failed", error=error, task=self._name)
            finally:
                self.is_busy = False


def is_coroutine_handler(handler: MessageHandler) -> TypeGuard[Callable[[Message], Awaitable[None]]]:
    """Whether the handler is to be awaited: a coroutine function, or an object that is called like one."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


class Subscription:
    """A core subscription, repeated on every new connection until `unsubscribe`; made by `Bus.subscribe`.

    With a coroutine handler a bounded number of messages wait; more are dropped and counted in `dropped_count`, for a
    core subscription has no way to slow its publishers. With a plain handler nothing waits.
    """

    def __init__(self, subject: str, queue: str, receive: DirectHandler) -> None:
        self.subject = subject
        self.queue = queue
        self.receive = receive
        self.dropped_count = 0
        self.sid: int | None = None
        self.remove: Callable[[Subscription], Awaitable[None]] | None = None
        self.inbox: Inbox[Message] | None = None

    @classmethod
    def of_messages(
        cls, subject: str, queue: str, handler: MessageHandler, write: Write, capacity: int
    ) -> "Subscription":
        """Return a subscription whose handler is given messages, not their parts."""
        if not is_coroutine_handler(handler):

            def receive(subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
                handler(Message(subject, reply, data, headers, write))

            return cls(subject, queue, receive)

        inbox = Inbox(handler, capacity=capacity, name=f"subscription {subject}")

        def receive_queued(subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
            if not inbox.put(Message(subject, reply, data, headers, write)):
                subscription.count_dropped()

        subscription = cls(subject, queue, receive_queued)
        subscription.inbox = inbox
        return subscription

    def count_dropped(self) -> None:
        """Count a message for which there was no room; the first is logged."""
        if self.dropped_count == 0:
            _log.warning("subscription_overflow", subject=self.subject)
        self.dropped_count += 1

    async def unsubscribe(self) -> None:
        """End the subscription; messages that wait are dropped. Idempotent."""
        remove, self.remove = self.remove, None
        if remove is not None:
            await remove(self)
        if self.inbox is not None:
            await self.inbox.close()
