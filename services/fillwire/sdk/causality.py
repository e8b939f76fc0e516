"""Client order ids that follow from their cause, so that an event handled twice places its orders once.

A callback that is called again for the same event, after an exception, a redelivery or a restart, asks for the same
orders in the same sequence. Each therefore gets the id it had the first time, and the venue or the gateway sees one
order. What makes the id: the account, the bot's name, the event, the callback and the count of orders the callback has
asked for before. An order without a causing event takes its id from a token of this start of the bot: it is placed anew
by each start, unless the caller passes an id of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from fillwire.bus.messages import Message
from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.events import OrderEvent


class Call(NamedTuple):
    """One call of a callback for an order event."""

    event: OrderEvent
    message: Message
    attempt: int
    started_ns: int


class Cause:
    """The event that a callback is handling, and how many orders the callback has asked for.

    Args:
        event_id: of the event.
        callback: name of the callback.
        call: the call of the callback, if it is a host's.
        sequence: of the event in the log; 0 where that is not known, or where `call` says it.
        stored_ns: when the log stored the event; as `sequence`.
    """

    __slots__ = ("call", "callback", "count", "event_id", "sequence", "stored_ns")

    def __init__(
        self, event_id: str, callback: str, call: Call | None = None, sequence: int = 0, stored_ns: int = 0
    ) -> None:
        self.event_id = event_id
        self.callback = callback
        self.call = call
        self.sequence = sequence
        self.stored_ns = stored_ns
        self.count = 0


# The cause travels with the context into tasks and threads that the callback starts; they share its count.
_cause: ContextVar[Cause | None] = ContextVar("fillwire_cause", default=None)

set_cause = _cause.set
current_cause = _cause.get


def sequence_in_hand() -> int:
    """Return the log's sequence of the event that is being handled; 0 outside of a callback, and for a live copy."""
    cause = _cause.get()
    if cause is None:
        return 0
    return cause.sequence if cause.call is None else cause.call.message.sequence


def stored_ns_in_hand() -> int:
    """Return when the log stored the event that is being handled, by the broker's clock; 0 where there is no sequence."""
    cause = _cause.get()
    if cause is None:
        return 0
    return cause.stored_ns if cause.call is None else cause.call.message.stored_time_ns


@contextmanager
def caused_by(event_id: str, callback: str) -> Iterator[Cause]:
    """Make client order ids inside the block follow from `event_id` and `callback`."""
    cause = Cause(event_id, callback)
    token = _cause.set(cause)
    try:
        yield cause
    finally:
        _cause.reset(token)


class ClientOrderIds:
    """Derives the client order ids of one bot.

    Args:
        bot: name of the bot.
        account: the bot's account as text; bots of one name on two accounts get different ids.
        start_token: unique to this start of the bot.
    """

    def __init__(self, bot: str, account: str, start_token: str) -> None:
        self._bot = bot
        self._account = account
        self._outside = Cause(start_token, "")

    def next(self) -> str:
        """Return the id of the next order that the current callback asks for."""
        cause = _cause.get() or self._outside
        count = cause.count
        cause.count = count + 1
        return derive_client_order_id(self._bot, self._account, cause.event_id, cause.callback, str(count))
