"""Answering requests: each in a task of its own, a bounded number of them, and only to inboxes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.runtime.alerting import AlertLimiter
from fillwire.runtime.logs import get_log

if TYPE_CHECKING:
    from fillwire.bus.subscriptions import Subscription

_log = get_log(__name__)

RequestHandler = Callable[[Message], Awaitable[bytes]]
"""Returns the answer; what it raises is logged, and the requester learns nothing but that its request timed out."""


def is_inbox(_subject: str, reply: str) -> bool:
    """Whether a reply subject is an inbox: ours (`_INBOX…`), or one the broker mapped between accounts (`_R_.…`)."""
    return reply.startswith(("_INBOX", "_R_."))


class Responder:
    """Answers requests on a subject; make it with `await Responder.start(...)`."""

    def __init__(  # noqa: PLR0913 - see `start`
        self,
        bus: Bus,
        handler: RequestHandler,
        *,
        concurrency: int,
        backlog: int,
        may_answer: Callable[[str, str], bool],
        overloaded: Callable[[Message], bytes] | None,
    ) -> None:
        self._bus = bus
        self._handler = handler
        self._concurrency = concurrency
        self._backlog = backlog
        self._may_answer = may_answer
        self._overloaded = overloaded
        self._waiting: deque[Message] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None
        # Whoever may ask could fill a disk otherwise.
        self._refusals = AlertLimiter(lambda reason: _log.warning("request_refused", reason=reason))
        self._failures = AlertLimiter(self._tell_of_failure)
        self._failure: Exception | None = None  # the latest
        self.answered_count = 0
        self.failed_count = 0
        self.refused_count = 0

    @classmethod
    async def start(  # noqa: PLR0913 - each bound of a responder is a choice of its owner
        cls,
        bus: Bus,
        subject: str,
        handler: RequestHandler,
        *,
        queue: str = "",
        concurrency: int = 32,
        backlog: int = 1024,
        may_answer: Callable[[str, str], bool] = is_inbox,
        overloaded: Callable[[Message], bytes] | None = None,
    ) -> "Responder":
        """Return a responder that listens.

        Args:
            bus: the connection.
            subject: pattern of the requests, such as `commands.*.binance.live.*`.
            handler: returns the answer to a request.
            queue: name of the group of which one member receives each request.
            concurrency: requests handled at once.
            backlog: requests that may wait for their turn; more are answered by `overloaded`, or dropped, so that
                they time out. Both are counted in `refused_count`.
            may_answer: called with subject and reply; False drops the request. A reply subject is chosen by the
                requester and not covered by its permissions: an answer must not become an event in a stream.
            overloaded: makes the answer for a request beyond the backlog.
        """
        responder = cls(
            bus,
            handler,
            concurrency=concurrency,
            backlog=backlog,
            may_answer=may_answer,
            overloaded=overloaded,
        )
        responder._subscription = await bus.subscribe(subject, responder._receive, queue)
        return responder

    async def stop(self, deadline_s: float = 5.0) -> None:
        """Take no more requests, let the accepted ones finish until the deadline, cancel the rest."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        loop = asyncio.get_running_loop()
        end = loop.time() + deadline_s
        while self._tasks and loop.time() < end:
            await asyncio.wait(self._tasks, timeout=end - loop.time(), return_when=asyncio.FIRST_COMPLETED)
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._refusals.stop()
        self._failures.stop()

    def _receive(self, message: Message) -> None:
        if not message.reply or not self._may_answer(message.subject, message.reply):
            self.refused_count += 1
            self._refusals.raise_("", f"{message.subject}, to be answered at {message.reply!r}")
        elif len(self._tasks) < self._concurrency:
            self._begin(message)
        elif len(self._waiting) < self._backlog:
            self._waiting.append(message)
        else:
            self.refused_count += 1
            if self._overloaded is not None:
                self._answer(message, self._overloaded(message))

    def _begin(self, message: Message) -> None:
        task = asyncio.get_running_loop().create_task(
            self._handle(message), name=f"request {message.subject}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._waiting and not task.cancelled():
            self._begin(self._waiting.popleft())

    async def _handle(self, message: Message) -> None:
        try:
            answer = await self._handler(message)
        except Exception as error:  # noqa: BLE001 - the task's edge: the requester will time out and must ask what became of it
            self.failed_count += 1
            self._failure = error
            self._failures.raise_("", message.subject)
        else:
            self._answer(message, answer)

    def _tell_of_failure(self, reason: str) -> None:
        _log.error("request_failed", error=self._failure, reason=reason)

    def _answer(self, message: Message, answer: bytes) -> None:
        self.answered_count += 1
        self._bus.write(b"PUB %b %d\r\n%b\r\n" % (message.reply.encode(), len(answer), answer))
