"""The tables of the database; docs/recorder.md describes them for people who write SQL."""

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    TypeDecorator,
    and_,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from fillwire.wire.decimals import decimal_text

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
}
REVISION = "0001"  # that the migrations end with
SQLITE = "sqlite"
POSTGRESQL = "postgresql"

metadata = MetaData(naming_convention=NAMING)


class Amount(TypeDecorator[Decimal]):
    """An exact decimal: NUMERIC without bounds in PostgreSQL, a canonical decimal string in SQLite, which has no such type."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column in this database."""
        if dialect.name == SQLITE:
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Numeric(asdecimal=True))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Return what is sent to the database."""
        if value is None:
            return None
        return decimal_text(value) if dialect.name == SQLITE else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what the database answered."""
        return None if value is None else Decimal(value)


# Ids are compared byte by byte: half as dear as by a language's rules, and a prefix is a range.
_Id = Text().with_variant(Text(collation="C"), POSTGRESQL)

streams = Table(
    "streams",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("begun_ns", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("message_id", Text),
    Column("stored_ns", BigInteger),
    Column("recorded_count", BigInteger, nullable=False),
    Column("repeated_count", BigInteger, nullable=False),
    Column("unreadable_count", BigInteger, nullable=False),
)
"""One row per stream that was ever read, the newest last: where reading got to, committed with what was read."""

gaps = Table(
    "gaps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("stream_id", Integer, ForeignKey("streams.id"), nullable=False),
    Column("first_sequence", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("noticed_ns", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)
"""What a stream did not hold any more when it was to be read."""

unreadable = Table(
    "unreadable",
    metadata,
    Column("stream_id", Integer, ForeignKey("streams.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("message_id", Text),
    Column("stored_ns", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Messages that are no order event, or contradict one, whole."""

order_events = Table(
    "order_events",
    metadata,
    Column("event_id", _Id, primary_key=True),
    Column("stream_id", Integer, nullable=False),  # of `streams`; to check that costs more than the row
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("user_name", Text, key="user", nullable=False),  # `user` alone is a function of PostgreSQL
    Column("exchange", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("pair", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("client_order_id", Text),
    Column("new_client_order_id", Text),
    Column("order_list_id", Text),
    Column("bot", Text),
    Column("side", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("time_in_force", Text),
    Column("price", Amount),
    Column("stop_price", Amount),
    Column("quantity", Amount),
    Column("quote_quantity", Amount),
    Column("cumulative_quantity", Amount, nullable=False),
    Column("cumulative_quote", Amount),
    Column("average_price", Amount),
    Column("prevented_quantity", Amount),
    Column("is_working", Boolean),
    Column("venue_status", Text, nullable=False),
    Column("reject_reason", Text),
    Column("execution_id", Text),
    Column("trade_id", Text),
    Column("fill_price", Amount),
    Column("fill_quantity", Amount),
    Column("fill_quote", Amount),
    Column("fee", Amount),
    Column("fee_currency", Text),
    Column("liquidity", Text),
    Column("exchange_time_ns", BigInteger),
    Column("transaction_time_ns", BigInteger, nullable=False),
    Column("received_time_ns", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
)
"""One row per order event; those with a `trade_id` are executions."""

IS_EXECUTION = order_events.c.trade_id.is_not(None)

PLACE = Index(
    "ix_order_events_place",
    order_events.c.stream_id,
    order_events.c.sequence,
    sqlite_where=IS_EXECUTION,
    postgresql_where=IS_EXECUTION,
)
"""Executions in the order in which they were recorded: what is new since somebody looked."""

# Executions by time, and of one account and pair by time. An order's events are a range of event ids.
Index(
    "ix_order_events_time",
    order_events.c.transaction_time_ns,
    order_events.c.event_id,
    sqlite_where=IS_EXECUTION,
    postgresql_where=IS_EXECUTION,
)
Index(
    "ix_order_events_pair",
    order_events.c.user,
    order_events.c.exchange,
    order_events.c.environment,
    order_events.c.pair,
    order_events.c.transaction_time_ns,
    sqlite_where=IS_EXECUTION,
    postgresql_where=IS_EXECUTION,
)


def in_scope(scope: str) -> ColumnElement[bool]:
    """Return the condition for the events of one order, whose ids all begin with `scope`, which ends with a colon."""
    behind = f"{scope[:-1]};"  # `;` follows `:`
    return and_(order_events.c.event_id > scope, order_events.c.event_id < behind)
