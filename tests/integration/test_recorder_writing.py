"""What the recorder writes, and how often: against SQLite and a real PostgreSQL."""

from dataclasses import replace
from decimal import Decimal

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from fillwire.domain.client_order_ids import bot_label, derive_client_order_id
from fillwire.domain.enums import Kind, Source
from fillwire.domain.events import OrderEvent
from fillwire.recorder.claims import Claim
from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseUnusable, Displaced
from fillwire.recorder.progress import Gap
from fillwire.recorder.tables import REVISION, metadata, order_events
from fillwire.recorder.writer import Writer
from fillwire.wire.dead_letters import REPLAY_FOR
from support.databases import Delivered, delivered, opened_writer, query, record
from support.order_events import order_event, order_life
from support.postgresql import PostgreSQLServer


def test_an_event_is_recorded_whole(database: Database) -> None:
    """Each field of an event and of its fill is a column, exact, and the bot is known by the client order id."""
    name = derive_client_order_id("grid of alice", "1")
    event = replace(
        order_event(client_order_id=name, quantity="0.30000001", price="64000.1"),
        stop_price=Decimal("123456789012345678901234.123456789012345678"),
    )
    record(database, [event])
    engine = database.engine()
    with engine.connect() as connection:
        (row,) = connection.execute(order_events.select()).mappings()
    fill = event.last_fill
    assert fill is not None
    for field in event.__slots__:
        if field != "last_fill":
            assert row[field] == getattr(event, field), field
    assert (row["trade_id"], row["fill_price"], row["fill_quantity"]) == (
        fill.trade_id,
        fill.price,
        fill.quantity,
    )
    assert (row["fee"], row["fee_currency"], row["liquidity"]) == (
        fill.fee,
        fill.fee_currency,
        fill.liquidity,
    )
    assert row["bot"] == bot_label("grid of alice")


def test_what_is_there_is_not_recorded_again(database: Database) -> None:
    """A repeated event is counted and changes nothing; the position goes on."""
    events = order_life("7", "0.1", "0.3", "0.5")
    writer, position = opened_writer(database)
    written = writer.write(position, [delivered(event, n) for n, event in enumerate(events, 1)])
    assert (written.recorded_count, written.repeated_count) == (4, 0)
    written = writer.write(written.position, [delivered(event, n) for n, event in enumerate(events, 5)])
    writer.close()
    assert (written.recorded_count, written.repeated_count, written.unreadable) == (0, 4, ())
    assert query(database, "SELECT sequence FROM order_events ORDER BY sequence") == [(1,), (2,), (3,), (4,)]
    assert query(database, "SELECT sequence, recorded_count, repeated_count FROM streams") == [(8, 4, 4)]


def test_what_is_given_back_to_one_bot_is_no_event_of_its_own(database: Database) -> None:
    """A dead letter that is replayed tells of no execution that the log has not told of; the position goes on."""
    writer, position = opened_writer(database)
    of_bot = {REPLAY_FOR: "alice==grid"}
    messages = [delivered(order_event(), 1), delivered(order_event(order_id="2"), 2, of_bot)]
    written = writer.write(position, messages)
    written = writer.write(written.position, [delivered(order_event(order_id="3"), 3, of_bot)])
    writer.close()
    assert (written.recorded_count, written.unreadable, written.gaps) == (0, (), ())
    assert query(database, "SELECT order_id, sequence FROM order_events") == [("1", 1)]
    assert query(database, "SELECT sequence, recorded_count, repeated_count FROM streams") == [(3, 1, 0)]


def test_a_contradiction_is_kept_and_the_first_stays(database: Database) -> None:
    """The same identity with another price is kept apart, within one batch and across two."""
    event = order_event()
    assert event.last_fill is not None
    other = replace(event, last_fill=replace(event.last_fill, price=Decimal(1)))
    writer, position = opened_writer(database)
    written = writer.write(position, [delivered(event, 1), delivered(other, 2)])
    written = writer.write(written.position, [delivered(other, 3)])
    writer.close()
    assert (written.recorded_count, written.repeated_count) == (0, 0)
    assert [aside.sequence for aside in written.unreadable] == [3]
    assert query(database, "SELECT sequence FROM unreadable ORDER BY sequence") == [(2,), (3,)]
    assert [Decimal(price) for (price,) in query(database, "SELECT price FROM executions")] == [
        Decimal(64000)
    ]


def test_what_the_venue_says_supersedes_what_was_inferred(database: Database) -> None:
    """An inferred event gives way to the real one of the same identity, and never takes its place."""
    real = order_event(trade=None, kind=Kind.CANCELLED)
    inferred = replace(real, source=Source.INFERRED, venue_status="?")
    record(database, [inferred])
    record(database, [real])
    record(database, [inferred])
    assert query(database, "SELECT source, venue_status FROM order_events") == [("stream", "CANCELLED")]


def test_a_fee_that_comes_later_is_taken(database: Database) -> None:
    """A second report of an execution that tells the fee completes the first."""
    told = order_event()
    assert told.last_fill is not None
    untold = replace(told, last_fill=replace(told.last_fill, fee=None, fee_currency=None))
    record(database, [untold])
    record(database, [told, untold])
    ((fee, currency),) = query(database, "SELECT fee, fee_currency FROM executions")
    assert (Decimal(fee), currency) == (Decimal("1.28"), "USDT")


@pytest.mark.parametrize(
    ("event", "subject", "body", "reason"),
    [
        (None, "orders.alice.binance.live.BTC-USDT.filled", b"{not json", "cannot decode order event"),
        (order_event(), "orders.bob.binance.live.BTC-USDT.filled", None, "expected one of its subject"),
        (
            replace(order_event(), event_id="binance:live:bob:BTCUSDT:1:1"),
            None,
            None,
            "expected one of order 1",
        ),
        (replace(order_event(), venue_status="FILL\0ED"), None, None, ""),
        (replace(order_event(), transaction_time_ns=2**63), None, None, ""),
    ],
    ids=["no JSON", "of another user", "identity of another user", "a null character", "a time beyond all"],
)
def test_what_cannot_be_recorded_is_kept_and_stops_nothing(
    database: Database, event: OrderEvent | None, subject: str | None, body: bytes | None, reason: str
) -> None:
    """A message that is no event of its subject, or that a database does not take, is kept whole; its neighbours are recorded."""
    bad = Delivered(2, "", b"", "id") if event is None else delivered(event, 2)
    bad.subject, bad.data = subject or bad.subject, body or bad.data
    around = [delivered(event, n) for n, event in zip((1, 3), order_life("9", "0.1"), strict=True)]
    writer, position = opened_writer(database)
    written = writer.write(position, [around[0], bad, around[1]])
    writer.close()
    kept = query(database, "SELECT sequence, subject, body, reason FROM unreadable")
    if database.dialect == "sqlite" and event is not None and "\0" in event.venue_status:
        assert kept == []  # SQLite takes it
        return
    assert [(sequence, kept_subject, bytes(data)) for sequence, kept_subject, data, _ in kept] == [
        (2, bad.subject, bad.data)
    ]
    assert reason in kept[0][3]
    assert written.position.sequence == 3
    assert query(database, "SELECT sequence FROM order_events ORDER BY sequence") == [(1,), (3,)]
    assert query(database, "SELECT sequence, recorded_count, unreadable_count FROM streams") == [(3, 2, 1)]


def test_a_hole_in_the_stream_is_noted_once(database: Database) -> None:
    """Sequences that the stream left out are a gap, also when it is read again."""
    events = order_life("7", "0.1", "0.5")
    messages = [delivered(event, n) for n, event in zip((3, 4, 9), events, strict=True)]
    writer, position = opened_writer(database)
    position = writer.skip(position, Gap(1, 2, "gone"))
    written = writer.write(position, messages)
    assert [(gap.first_sequence, gap.last_sequence) for gap in written.gaps] == [(5, 8)]
    position = writer.rewind(written.position, 3)
    writer.write(position, messages)
    writer.close()
    assert query(database, "SELECT first_sequence, last_sequence FROM gaps ORDER BY 1") == [(1, 2), (5, 8)]
    assert query(database, "SELECT count(*) FROM order_events") == [(3,)]


def test_who_has_been_displaced_writes_nothing(database: Database) -> None:
    """A recorder whose position another has moved writes neither events nor position, whatever became of its claim."""
    events = order_life("7", "0.1", "0.5")
    writer, position = opened_writer(database)
    after = writer.write(position, [delivered(events[0], 1)]).position
    with pytest.raises(Displaced, match="expected stream ORDERS to be recorded up to 0"):
        writer.write(position, [delivered(events[1], 1)])
    assert writer.write(after, [delivered(events[2], 2)]).recorded_count == 1
    writer.close()
    assert query(database, "SELECT count(*) FROM order_events") == [(2,)]


def test_one_writer_at_a_time(database: Database) -> None:
    """A second writer has no claim until the first has gone, and then at once."""
    first, second = Writer(database), Writer(database)
    assert first.open()
    assert first.open()
    assert not second.open()
    first.close()
    assert second.open()
    assert not first.open()
    first.close()
    second.close()


def test_a_claim_that_is_given_up_is_free_before_its_connection_ends(database: Database) -> None:
    """PostgreSQL ends a connection some time after it was closed: nobody has to wait for that."""
    first, second = Claim(database), Claim(database)
    with database.engine().connect() as one, database.engine().connect() as other:
        assert first.take(one)
        assert first.take(one)
        assert not second.take(other)
        first.drop(one)
        assert second.take(other)
        second.drop(other)


def test_the_migrations_make_the_tables_that_the_program_knows(database: Database) -> None:
    """Nothing is left for alembic to generate, and a second migration does nothing."""
    writer, _ = opened_writer(database)
    assert writer.migrate() is None
    writer.close()
    assert query(database, "SELECT version_num FROM alembic_version") == [(REVISION,)]
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    """The message says which revision was found and which was expected."""
    writer, _ = opened_writer(database)
    writer.close()
    with database.engine().begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert writer.open()
    with pytest.raises(DatabaseUnusable, match=r"has revision 9999: expected 0001 or an older one"):
        writer.migrate()
    writer.close()


def test_an_event_without_a_client_order_id_is_its_orders_bots(database: Database) -> None:
    """Where the exchange does not repeat the id, the order's earlier events say whose it is, of this batch or before."""
    name = derive_client_order_id("grid", "1")
    named = [
        replace(event, client_order_id=name)
        for order in ("1", "2")
        for event in order_life(order, "0.1", "0.5")
    ]
    bare = [replace(event, client_order_id=None) for event in named]
    foreign = replace(order_event(order_id="11"), client_order_id=None)
    record(database, [named[0], bare[1]])
    record(database, [bare[2], named[3], bare[4], named[5], foreign])
    rows = query(database, "SELECT order_id, bot, count(*) FROM order_events GROUP BY 1, 2 ORDER BY 1")
    assert rows == [("1", bot_label("grid"), 3), ("11", None, 1), ("2", bot_label("grid"), 3)]


def test_no_right_to_the_tables_is_nothing_that_an_event_has_done(postgresql: PostgreSQLServer) -> None:
    """A database that refuses to be written to at all is named, and no event is put aside for it."""
    address = postgresql.make_database("rights")
    owner = Database.at(address)
    writer, position = opened_writer(owner)
    writer.close()
    with owner.engine().begin() as connection:
        connection.exec_driver_sql("CREATE ROLE guest LOGIN")
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
        connection.exec_driver_sql("GRANT INSERT ON unreadable TO guest")
        connection.exec_driver_sql("GRANT UPDATE ON streams TO guest")
    guest = Writer(Database(owner.url.set(username="guest")))
    assert guest.open()
    guest.migrate()
    with pytest.raises(DatabaseUnusable, match="permission denied for table order_events"):
        guest.write(position, [delivered(order_event(), 1)])
    guest.close()
    assert query(owner, "SELECT count(*) FROM unreadable") == [(0,)]
