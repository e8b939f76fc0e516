"""Recorded trades: what one is, which are asked for, and how they are read, oldest or newest first."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, func, or_, select, tuple_

from fillwire.domain.client_order_ids import bot_label
from fillwire.domain.enums import Liquidity, Side, Source
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account, order_scope
from fillwire.recorder.amounts import product
from fillwire.recorder.tables import IS_EXECUTION, in_scope, order_events, streams

_READ_AT_ONCE = 2_000
_C = order_events.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution, as it is recorded.

    Attributes:
        event_id: its identity.
        bot: label of the bot whose order it was (`fillwire.domain.client_order_ids.bot_label`); None for orders placed
            otherwise.
        price: in quote currency per base unit.
        quantity: in base currency.
        quote: as the venue says it, or None.
        fee: None where the venue has not said it; negative for a rebate.
        cumulative_quantity: of the order, after it.
        transaction_time_ns: when the matching engine acted, by the venue's clock.
    """

    event_id: str
    user: str
    exchange: str
    environment: str
    pair: str
    symbol: str
    order_id: str
    client_order_id: str | None
    bot: str | None
    trade_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    quote: Decimal | None
    fee: Decimal | None
    fee_currency: str | None
    liquidity: Liquidity | None
    cumulative_quantity: Decimal
    transaction_time_ns: int
    source: Source

    @property
    def account(self) -> Account:
        """Whose trade it is."""
        return Account(self.user, self.exchange, self.environment)

    @property
    def value(self) -> Decimal:
        """What was paid or received in quote currency, fees aside: `quote`, or price times quantity, unrounded."""
        return product(self.price, self.quantity) if self.quote is None else self.quote


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFilter:
    """Which trades: those to which all of this applies; None for any.

    Attributes:
        bot: the bot's name, or its label.
        since_ns: made at or after this time, by the venue's clock.
        until_ns: made before this time.
    """

    user: str | None = None
    exchange: str | None = None
    environment: str | None = None
    pair: str | None = None
    bot: str | None = None
    side: Side | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return it as conditions of a query."""
        found = [
            order_events.c[name] == value
            for name, value in (
                ("user", self.user),
                ("exchange", self.exchange),
                ("environment", self.environment),
                ("pair", self.pair),
                ("side", self.side and self.side.value),
            )
            if value is not None
        ]
        if self.bot is not None:
            found.append(_C.bot.in_([self.bot, bot_label(self.bot)]))
        if self.since_ns is not None:
            found.append(_C.transaction_time_ns >= self.since_ns)
        if self.until_ns is not None:
            found.append(_C.transaction_time_ns < self.until_ns)
        return found

    def includes(self, trade: Trade) -> bool:
        """Return whether a trade, of the account and pair that were asked for, is by the bot and within the bounds."""
        time_ns = trade.transaction_time_ns
        return (
            (self.since_ns is None or time_ns >= self.since_ns)
            and (self.until_ns is None or time_ns < self.until_ns)
            and (self.bot is None or trade.bot in {self.bot, bot_label(self.bot)})
        )


@dataclass(frozen=True, slots=True)
class PageMark:
    """Where a page ends and the next one begins."""

    time_ns: int
    event_id: str

    def __str__(self) -> str:
        """Return it as `parse` reads it."""
        return f"{self.time_ns}/{self.event_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the mark that `str` wrote.

        Raises:
            ConfigError: it is none.
        """
        time_text, _, event_id = text.partition("/")
        if not time_text.isdecimal() or not event_id:
            raise ConfigError(f"page mark {text!r}: expected one as an earlier page showed it")
        return cls(int(time_text), event_id)


@dataclass(frozen=True, slots=True)
class Page:
    """Trades, newest first.

    Attributes:
        trades: at most as many as were asked for.
        next: where the next page begins; None if this is the last.
    """

    trades: list[Trade] = field(default_factory=list)
    next: PageMark | None = None


_ANYBODY = TradeFilter()
_NAMED_OTHERWISE = {"price": "fill_price", "quantity": "fill_quantity", "quote": "fill_quote"}
_FIELDS = tuple(entry.name for entry in fields(Trade))
_COLUMNS = tuple(order_events.c[_NAMED_OTHERWISE.get(name, name)] for name in _FIELDS)


def _executions(chosen: TradeFilter) -> Select[Any]:
    return select(*_COLUMNS).where(IS_EXECUTION, *chosen.conditions())


def count_executions(connection: Connection, chosen: TradeFilter) -> int:
    """Return how many executions there are."""
    counted = select(func.count()).select_from(order_events).where(IS_EXECUTION, *chosen.conditions())
    return int(connection.execute(counted).scalar_one())


def read_page(connection: Connection, chosen: TradeFilter, limit: int, after: PageMark | None) -> Page:
    """Return trades newest first, at most `limit` of them, from behind a mark on."""
    place = (_C.transaction_time_ns, _C.event_id)
    statement = _executions(chosen).order_by(*(column.desc() for column in place)).limit(limit + 1)
    if after is not None:
        statement = statement.where(tuple_(*place) < tuple_(after.time_ns, after.event_id))
    rows = connection.execute(statement).all()
    trades = [_trade(row) for row in rows[:limit]]
    mark = None
    if len(rows) > limit:
        mark = PageMark(trades[-1].transaction_time_ns, trades[-1].event_id)
    return Page(list(_without_superseded(connection, trades)), mark)


def read_all(connection: Connection, chosen: TradeFilter) -> Iterator[Trade]:
    """Yield trades oldest first; those of one moment as the stream has them."""
    yield from _read(connection, _executions(chosen))


def _read(connection: Connection, statement: Select[Any]) -> Iterator[Trade]:
    statement = statement.order_by(_C.transaction_time_ns, _C.stream_id, _C.sequence, _C.event_id)
    with contextlib.closing(
        connection.execute(statement, execution_options={"yield_per": _READ_AT_ONCE})
    ) as result:
        for rows in result.partitions():
            yield from _without_superseded(connection, [_trade(row) for row in rows])


class StreamPlace(NamedTuple):
    """How far a stream was recorded: everything up to `sequence`."""

    created_ns: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """How far a database was recorded at some moment.

    Attributes:
        streams: how far each stream was, by its id in the database.
        repeated_count: events that came again: only by one of these may what is recorded have changed.
    """

    streams: Mapping[int, StreamPlace]
    repeated_count: int

    def adds_to(self, before: "Recorded") -> bool:
        """Return whether all that is recorded now and was not before lies behind what was, and the rest is as it was."""
        return self.repeated_count == before.repeated_count and all(
            (now := self.streams.get(stream_id)) is not None
            and now.created_ns == then.created_ns
            and now.sequence >= then.sequence
            for stream_id, then in before.streams.items()
        )

    def behind(self, before: "Recorded | None") -> ColumnElement[bool]:
        """Return the condition for events that were recorded after one moment, None for the beginning, and until this."""
        first = {} if before is None else {key: place.sequence for key, place in before.streams.items()}
        # From the beginning on, what is asked of a user is better found by an index of users than by one of places.
        stream_id = _C.stream_id + 0 if before is None else _C.stream_id
        return or_(
            false(),
            *(
                # Each says for itself that it is an execution: else the index of these is not taken for several streams.
                and_(
                    IS_EXECUTION,
                    stream_id == key,
                    _C.sequence > first.get(key, 0),
                    _C.sequence <= place.sequence,
                )
                for key, place in self.streams.items()
                if place.sequence > first.get(key, 0)
            ),
        )


def read_recorded(connection: Connection) -> Recorded:
    """Return how far the database is recorded."""
    rows = connection.execute(
        select(streams.c.id, streams.c.created_ns, streams.c.sequence, streams.c.repeated_count)
    ).all()
    return Recorded(
        {row.id: StreamPlace(row.created_ns, row.sequence) for row in rows},
        sum(row.repeated_count for row in rows),
    )


def read_between(
    connection: Connection, user: str | None, after: Recorded | None, until: Recorded
) -> Iterator[Trade]:
    """Yield trades as `read_all` does, of those that were recorded after one moment and until another.

    Args:
        connection: to the database.
        user: whose; None for everybody's.
        after: None for the beginning.
        until: see `read_recorded`.
    """
    if after is None:
        statement = _executions(TradeFilter(user=user))
    else:
        statement = _executions(_ANYBODY)
        if (
            user is not None
        ):  # so that no index of users is taken for it: all that the user ever did would be read
            statement = statement.where(func.coalesce(_C.user, "") == user)
    yield from _read(connection, statement.where(until.behind(after)))


def _trade(row: Row[Any]) -> Trade:
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    values["side"] = Side(values["side"])
    values["liquidity"] = values["liquidity"] and Liquidity(values["liquidity"])
    values["source"] = Source(values["source"])
    return Trade(**values)


def _without_superseded(connection: Connection, trades: Sequence[Trade]) -> Iterator[Trade]:
    """Yield the trades without inferred ones of which the real executions are recorded."""
    for trade in trades:
        if trade.source is not Source.INFERRED or not _is_superseded(connection, trade):
            yield trade


def _is_superseded(connection: Connection, inferred: Trade) -> bool:
    """Return whether a real execution of the order covers any of the quantity that was inferred."""
    scope = f"{order_scope(inferred.account, inferred.symbol, inferred.order_id)}:"
    real = select(_C.fill_quantity, _C.cumulative_quantity).where(
        IS_EXECUTION,
        in_scope(scope),
        _C.source != Source.INFERRED.value,
    )
    begin = inferred.cumulative_quantity - inferred.quantity
    return any(
        begin < cumulative and cumulative - quantity < inferred.cumulative_quantity
        for quantity, cumulative in connection.execute(real)
    )
