"""What a host remembers of the newest calls of its bots, and tells whoever asks for the way of an event.

Nothing is sent while events pass: a call is noted in memory, and told when a person looks at that very fill.
"""

import asyncio
from collections import deque
from typing import Final

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.domain.calls import BotCall, CallsAnswer
from fillwire.domain.errors import DecodeError
from fillwire.runtime.logs import get_log
from fillwire.wire.calls import calls_subject, decode_calls_query, encode_calls

_log = get_log(__name__)

REMEMBERED_CALLS: Final = 32_768  # some 360 bytes each
TOLD_CALLS: Final = 200  # of one event, in one answer
_CONCURRENCY: Final = 1
_BACKLOG: Final = 64

# user, bot, callback, delivery, attempt, delivered_ns, started_ns, returned_ns, error: a tuple of these is nothing that the
# garbage collector has to look at, so that remembering thousands does not make it slower.
_Noted = tuple[str, str, str, int, int, int, int, int, str | None]


class Calls:
    """The newest calls, by event. Those of the oldest events are forgotten first.

    Args:
        capacity: calls that are remembered, of all bots together.
    """

    def __init__(self, capacity: int = REMEMBERED_CALLS) -> None:
        self._capacity = capacity
        self._first: dict[str, _Noted] = {}  # by event
        self._more: dict[str, list[_Noted]] = {}  # of events with several
        self._order: deque[str] = deque()
        self._count = 0

    def note(  # noqa: PLR0913, PLR0917 - positional, for it is called for every call
        self,
        user: str,
        event_id: str,
        bot: str,
        callback: str,
        delivery: int,
        attempt: int,
        delivered_ns: int,
        started_ns: int,
        returned_ns: int,
        error: BaseException | None,
        /,
    ) -> None:
        """Remember a call; see `BotCall`."""
        failure = None if error is None else type(error).__name__
        noted = user, bot, callback, delivery, attempt, delivered_ns, started_ns, returned_ns, failure
        if event_id in self._first:
            self._more.setdefault(event_id, []).append(noted)
        else:
            self._first[event_id] = noted
            self._order.append(event_id)
        if self._count < self._capacity:
            self._count += 1
        else:
            self._forget()

    def _forget(self) -> None:
        """Forget the calls of the oldest event; the one that has just come is counted in the place of one of them."""
        oldest = self._order.popleft()
        del self._first[oldest]
        if oldest in self._more:
            self._count -= len(self._more.pop(oldest))

    def of(self, user: str, event_id: str) -> list[_Noted]:
        """Return what is remembered of an event of the user, in the order of the calls."""
        first = self._first.get(event_id)
        found = [] if first is None else [first, *self._more.get(event_id, ())]
        return [noted for noted in found if noted[0] == user]


class Recall:
    """Answers for the host: of each user's events those who ask on that user's subject, and nobody else.

    Args:
        bus: the connection.
        host: name of this one.
        calls: what is remembered.
    """

    def __init__(self, bus: Bus, host: str, calls: Calls) -> None:
        self._bus = bus
        self._host = host
        self._calls = calls
        self._bots: dict[str, set[str]] = {}
        self._responders: dict[str, Responder] = {}
        self._lock = asyncio.Lock()

    async def enter(self, user: str, durable: str) -> None:
        """Answer for this user while a bot of theirs runs here.

        Raises:
            BrokerError: the bus is closed.
        """
        self._bots.setdefault(user, set()).add(durable)
        await self._settle(user)

    async def leave(self, user: str, durable: str) -> None:
        """Undo `enter`. Idempotent."""
        if durable in self._bots.get(user, ()):
            self._bots[user].discard(durable)
            if not self._bots[user]:
                del self._bots[user]
            await self._settle(user)

    async def _settle(self, user: str) -> None:
        async with self._lock:
            if user in self._bots and user not in self._responders:
                self._responders[user] = await Responder.start(
                    self._bus,
                    calls_subject(user),
                    lambda message: self._answer(user, message),
                    concurrency=_CONCURRENCY,
                    backlog=_BACKLOG,
                )
            elif user not in self._bots and user in self._responders:
                await self._responders.pop(user).stop()

    async def _answer(self, user: str, message: Message) -> bytes:
        try:
            query = decode_calls_query(message.data)
        except DecodeError as error:
            _log.warning("question_not_readable", subject=message.subject, error=error)
            return encode_calls(CallsAnswer(host=self._host))
        noted = self._calls.of(user, query.event_id)
        return encode_calls(
            CallsAnswer(
                host=self._host,
                calls=tuple(map(_call, noted[:TOLD_CALLS])),
                left_out_count=max(0, len(noted) - TOLD_CALLS),
            )
        )


def _call(noted: _Noted) -> BotCall:
    _, bot, callback, delivery, attempt, delivered_ns, started_ns, returned_ns, error = noted
    return BotCall(
        bot=bot,
        callback=callback,
        delivery=delivery,
        attempt=attempt,
        delivered_ns=delivered_ns,
        started_ns=started_ns,
        returned_ns=returned_ns,
        error=error,
    )
