"""Order events, the position in the stream, gaps, and what could not be read."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_AMOUNTS = (
    "price",
    "stop_price",
    "quantity",
    "quote_quantity",
    "cumulative_quantity",
    "cumulative_quote",
    "average_price",
    "prevented_quantity",
)
_EXECUTIONS = """
CREATE VIEW executions AS
SELECT event_id, user_name, exchange, environment, pair, symbol, order_id, client_order_id, bot, trade_id, side,
       fill_price AS price, fill_quantity AS quantity, fill_quote AS quote, fee, fee_currency, liquidity,
       cumulative_quantity, transaction_time_ns, source, stream_id, sequence
FROM order_events WHERE trade_id IS NOT NULL
"""


def _amount(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric().with_variant(sa.Text(), "sqlite"), nullable=nullable)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "streams",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("begun_ns", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Text()),
        sa.Column("stored_ns", sa.BigInteger()),
        sa.Column("recorded_count", sa.BigInteger(), nullable=False),
        sa.Column("repeated_count", sa.BigInteger(), nullable=False),
        sa.Column("unreadable_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_streams"),
    )
    op.create_table(
        "gaps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("noticed_ns", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"], name="fk_gaps_stream_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gaps"),
    )
    op.create_table(
        "unreadable",
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text()),
        sa.Column("stored_ns", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"], name="fk_unreadable_stream_id"),
        sa.PrimaryKeyConstraint("stream_id", "sequence", name="pk_unreadable"),
    )
    _create_order_events()
    op.execute(_EXECUTIONS)


def _create_order_events() -> None:
    op.create_table(
        "order_events",
        sa.Column("event_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in (
                "kind",
                "user_name",
                "exchange",
                "environment",
                "pair",
                "symbol",
                "order_id",
            )
        ),
        *(
            sa.Column(name, sa.Text())
            for name in ("client_order_id", "new_client_order_id", "order_list_id", "bot")
        ),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("time_in_force", sa.Text()),
        *(_amount(name, nullable=name != "cumulative_quantity") for name in _AMOUNTS),
        sa.Column("is_working", sa.Boolean()),
        sa.Column("venue_status", sa.Text(), nullable=False),
        sa.Column("reject_reason", sa.Text()),
        sa.Column("execution_id", sa.Text()),
        sa.Column("trade_id", sa.Text()),
        *(_amount(name) for name in ("fill_price", "fill_quantity", "fill_quote", "fee")),
        sa.Column("fee_currency", sa.Text()),
        sa.Column("liquidity", sa.Text()),
        sa.Column("exchange_time_ns", sa.BigInteger()),
        sa.Column("transaction_time_ns", sa.BigInteger(), nullable=False),
        sa.Column("received_time_ns", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_order_events"),
    )
    executions = sa.text("trade_id IS NOT NULL")
    op.create_index(
        "ix_order_events_time",
        "order_events",
        ["transaction_time_ns", "event_id"],
        sqlite_where=executions,
        postgresql_where=executions,
    )
    op.create_index(
        "ix_order_events_pair",
        "order_events",
        ["user_name", "exchange", "environment", "pair", "transaction_time_ns"],
        sqlite_where=executions,
        postgresql_where=executions,
    )


def downgrade() -> None:
    """Drop the tables; the stream has what was in them, as far back as it reaches."""
    op.execute("DROP VIEW executions")
    for name in ("order_events", "unreadable", "gaps", "streams"):
        op.drop_table(name)
