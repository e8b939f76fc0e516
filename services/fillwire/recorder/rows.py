"""What a message of the stream becomes in the database: a row of `order_events`, or one of `unreadable`."""

from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from fillwire.domain.client_order_ids import label_of
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account, order_scope
from fillwire.recorder.tables import order_events
from fillwire.recorder.texts import read_event
from fillwire.runtime.redaction import printable
from fillwire.wire.headers import MESSAGE_ID
from fillwire.wire.subjects import order_subject

COLUMNS: Final = tuple(column.name for column in order_events.columns)
KEYS: Final = tuple(column.key for column in order_events.columns)

Row: TypeAlias = tuple[str | int | bool | None, ...]
"""Values in the order of `COLUMNS`, amounts as canonical decimal strings."""

event_id_of = itemgetter(KEYS.index("event_id"))
# What may not differ between two reports of one event; a fee, a time or the way in which it was told may.
essence_of = itemgetter(
    *map(
        KEYS.index,
        ("kind", "pair", "side", "trade_id", "fill_price", "fill_quantity", "cumulative_quantity"),
    )
)
source_of = itemgetter(KEYS.index("source"))
fee_of = itemgetter(KEYS.index("fee"))
bot_of = itemgetter(KEYS.index("bot"))
client_order_id_of = itemgetter(KEYS.index("client_order_id"))
place_of = itemgetter(KEYS.index("stream_id"), KEYS.index("sequence"))

_BOT = KEYS.index("bot")
_order_of = itemgetter(*map(KEYS.index, ("user", "exchange", "environment", "symbol", "order_id")))


class Received(Protocol):
    """What is read of a message; `fillwire.bus.messages.Message` is one."""

    data: bytes

    @property
    def subject(self) -> str:
        """What it was published on."""

    @property
    def sequence(self) -> int:
        """Its place in the stream."""

    @property
    def stored_time_ns(self) -> int:
        """When the stream stored it."""

    def header(self, name: str) -> str | None:
        """Return one header, None if it is absent."""


class Unreadable(NamedTuple):
    """A message that is kept as it is, and why."""

    sequence: int
    subject: str
    message_id: str | None
    stored_ns: int
    reason: str
    body: bytes


def unreadable(message: Received, reason: str) -> Unreadable:
    """Return the message as one that is kept as it is."""
    return Unreadable(
        message.sequence,
        printable(message.subject),
        message_id_of(message),
        message.stored_time_ns,
        printable(reason),
        message.data,
    )


def message_id_of(message: Received) -> str | None:
    """Return a message's id as a database can hold it, None if it has none."""
    return storable(message.header(MESSAGE_ID))


def storable(text: str | None) -> str | None:
    """Return a text as any database can hold it."""
    return None if text is None else printable(text)


def row_of(message: Received, stream_id: int) -> Row:
    """Return the row of an order event.

    Args:
        message: as the stream holds it.
        stream_id: of the stream in the database.

    Raises:
        DecodeError: it is no order event, or not one of the account and order that its subject and id name: whoever may
            write for one account must not be believed about another.
    """
    event = read_event(message.data)
    account = _account(event.user, event.exchange, event.environment)
    if message.subject != _subject(account, event.pair, event.kind):
        raise DecodeError("order event", "/", f"expected one of its subject {message.subject}")
    if not event.event_id.startswith(_scope(account, event.symbol, event.order_id)):
        raise DecodeError(
            "order event", "/event_id", f"expected one of order {event.order_id}, was {event.event_id}"
        )
    return _row(event, stream_id, message.sequence)


_account = lru_cache(1024)(Account)
_subject = lru_cache(4096)(order_subject)


@lru_cache(4096)
def _scope(account: Account, symbol: str, order_id: str) -> str:
    return f"{order_scope(account, symbol, order_id)}:"


def scope_of(row: Row) -> str:
    """Return what the ids of all events of the row's order begin with."""
    user, exchange, environment, symbol, order_id = map(str, _order_of(row))
    return _scope(Account(user, exchange, environment), symbol, order_id)


def with_bot(row: Row, bot: str | None) -> Row:
    """Return the row with another bot."""
    return (*row[:_BOT], bot, *row[_BOT + 1 :])


def _row(event: Any, stream_id: int, sequence: int) -> Row:
    fill = event.last_fill
    return (
        event.event_id,
        stream_id,
        sequence,
        event.kind,
        event.user,
        event.exchange,
        event.environment,
        event.pair,
        event.symbol,
        event.order_id,
        event.client_order_id,
        event.new_client_order_id,
        event.order_list_id,
        _bot(event.client_order_id, event.new_client_order_id),
        event.side,
        event.type,
        event.time_in_force,
        event.price,
        event.stop_price,
        event.quantity,
        event.quote_quantity,
        event.cumulative_quantity,
        event.cumulative_quote,
        event.average_price,
        event.prevented_quantity,
        event.is_working,
        event.venue_status,
        event.reject_reason,
        event.execution_id,
        *(
            (None, None, None, None, None, None, None)
            if fill is None
            else (
                fill.trade_id,
                fill.price,
                fill.quantity,
                fill.quote,
                fill.fee,
                fill.fee_currency,
                fill.liquidity,
            )
        ),
        event.exchange_time_ns,
        event.transaction_time_ns,
        event.received_time_ns,
        event.source,
    )


def _bot(client_order_id: str | None, new_client_order_id: str | None) -> str | None:
    label = None if client_order_id is None else _label(client_order_id)
    if label is None and new_client_order_id is not None:
        return _label(new_client_order_id)
    return label


_label = lru_cache(4096)(label_of)
