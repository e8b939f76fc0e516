"""Profit that is kept says what a reading of everything says, and reads what is new: in SQLite and a real PostgreSQL."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection

from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.enums import Side, Source
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.recorder.book import TradeBook
from fillwire.recorder.database import Database
from fillwire.recorder.reports import BY_BOT_AND_PAIR, By
from fillwire.recorder.running import SETTLED_AFTER_NS, RunningProfit
from fillwire.recorder.trades import Recorded, StreamPlace, Trade, TradeFilter, read_between, read_recorded
from support.databases import opened_writer, query, record
from support.order_events import ALICE, EPOCH_NS, order_event

VIEWS = ((By.DAY,), BY_BOT_AND_PAIR)
BOB = Account("bob", "binance", "live")
S = 10**9


def traded(  # noqa: PLR0913 - each a fact that some test varies
    number: int,
    time_ns: int,
    *,
    account: Account = ALICE,
    pair: str = "BTC-USDT",
    bot: str = "grid",
    side: Side = Side.BUY,
    price: str = "100",
) -> OrderEvent:
    """Return an execution of an order of its own."""
    event = order_event(
        account=account,
        pair=pair,
        order_id=str(number),
        trade=number,
        side=side,
        price=price,
        client_order_id=derive_client_order_id(bot, str(number)),
    )
    return replace(event, transaction_time_ns=time_ns)


def caught_up(database: Database, profit: RunningProfit, now_ns: int) -> RunningProfit:
    """Have it catch up at this time."""
    with database.engine(reads_only=True).connect() as connection:
        profit.catch_up(connection, now_ns)
    return profit


def read_anew(database: Database, user: str | None = None) -> list[object]:
    """Return what a reading of everything says."""
    with TradeBook(database) as book:
        return [book.profit(TradeFilter(user=user), by=by) for by in VIEWS]


def test_whatever_comes_in_whatever_order_it_says_the_same(database: Database) -> None:
    """Trades of two users, bots and pairs, told in batches, in disorder, some of them very late."""
    random = Random(7)
    events = [
        traded(
            number,
            EPOCH_NS + random.randrange(3_000) * S,
            account=random.choice((ALICE, BOB)),
            pair=random.choice(("BTC-USDT", "ETH-USDT")),
            bot=random.choice(("grid", "dca")),
            side=random.choice((Side.BUY, Side.SELL)),
            price=str(random.randrange(90, 110)),
        )
        for number in range(240)
    ]
    # As they were made, but for a minute or so; every thirtieth an hour late.
    events.sort(
        key=lambda event: (
            event.transaction_time_ns + random.randrange(90) * S + 3_600 * S * (random.random() < 1 / 30)
        )
    )
    profits = {user: RunningProfit(user, VIEWS) for user in (None, "alice")}
    while events:
        batch, events = events[: random.randrange(1, 24)], events[24:]
        record(database, batch)
        now_ns = max(event.transaction_time_ns for event in batch)
        for user, profit in profits.items():
            assert caught_up(database, profit, now_ns).now() == read_anew(database, user)


def test_only_what_is_new_is_read(database: Database) -> None:
    """Trades that are settled are not read again, nor those that still may have others before them."""
    profit = RunningProfit(None, VIEWS)
    record(database, [traded(number, EPOCH_NS + number * S) for number in range(50)])
    now_ns = EPOCH_NS + 20 * S + SETTLED_AFTER_NS  # so that some are settled and some are not
    assert caught_up(database, profit, now_ns).read_count == 50
    record(database, [traded(number, EPOCH_NS + number * S, side=Side.SELL) for number in (97, 98, 99)])
    assert caught_up(database, profit, now_ns).read_count == 53
    assert caught_up(database, profit, now_ns + 10**12).read_count == 53
    assert profit.now() == read_anew(database)


def test_a_fill_that_is_found_late_takes_its_place(database: Database) -> None:
    """What it would have changed is counted anew; one of another bot changes nothing that was settled."""
    profit = RunningProfit(None, VIEWS)
    late_ns = EPOCH_NS + 10**13
    record(
        database,
        [
            traded(1, EPOCH_NS + 2 * S, price="110"),
            traded(2, EPOCH_NS + 3 * S, side=Side.SELL, price="120"),
        ],
    )
    caught_up(database, profit, late_ns)
    record(database, [traded(3, EPOCH_NS + 1 * S, bot="dca")])
    assert caught_up(database, profit, late_ns).read_count == 3
    record(database, [traded(4, EPOCH_NS + 1 * S, price="100")])
    assert caught_up(database, profit, late_ns).read_count == 3 + 1 + 4  # it, and then all
    assert profit.now() == read_anew(database)


def test_what_was_recorded_and_is_told_better_is_counted_anew(database: Database) -> None:
    """A fee that comes later, and a real execution in the place of an inferred one."""
    profit = RunningProfit(None, VIEWS)
    told = traded(1, EPOCH_NS)
    assert told.last_fill is not None
    untold = replace(told, last_fill=replace(told.last_fill, fee=None, fee_currency=None))
    other = traded(2, EPOCH_NS + 5 * S)
    assert other.last_fill is not None
    inferred = replace(
        other,
        event_id=f"{other.event_id}-inferred",
        last_fill=replace(other.last_fill, trade_id="inferred", price=Decimal(90)),
        source=Source.INFERRED,
    )
    record(database, [untold, inferred])
    late_ns = EPOCH_NS + 10**13
    caught_up(database, profit, late_ns)
    for event in (told, other):
        record(database, [event])
        assert caught_up(database, profit, late_ns).now() == read_anew(database)
    assert profit.now()[0][0][1].unknown_fee_count == 0


def test_a_stream_that_is_read_again_is_counted_anew(database: Database) -> None:
    """What was missing in the middle and is found by `fillwire recorder rebuild` is counted."""
    profit = RunningProfit(None, VIEWS)
    events = [traded(number, EPOCH_NS + number * S) for number in range(6)]
    record(database, events)
    with database.engine().begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM order_events WHERE event_id = '{events[2].event_id}'")  # noqa: S608 - of this test
    caught_up(database, profit, EPOCH_NS + 10**13)
    writer, position = opened_writer(database)
    writer.rewind(position, 1)
    writer.close()
    record(database, events)
    assert caught_up(database, profit, EPOCH_NS + 10**13).now() == read_anew(database)
    assert profit.now()[0][0][1].trade_count == 6


def test_a_reading_that_fails_leaves_nothing_half_done(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one begins anew and is right."""
    profit = RunningProfit(None, VIEWS)
    record(database, [traded(number, EPOCH_NS + number * S) for number in range(9)])
    settle = RunningProfit._settle

    def fail(self: RunningProfit, trade: object) -> None:
        settle(self, trade)  # type: ignore[arg-type]  # as it was given
        raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(RunningProfit, "_settle", fail)
        with pytest.raises(OSError, match="gone"):
            caught_up(database, profit, EPOCH_NS + 10**13)
    assert caught_up(database, profit, EPOCH_NS + 10**13).now() == read_anew(database)


def _before(recorded: Recorded, sequence: int) -> Recorded:
    """Return the moment when the one stream was recorded up to a sequence."""
    ((stream_id, place),) = recorded.streams.items()
    return replace(recorded, streams={stream_id: place._replace(sequence=sequence)})


def test_a_database_of_before_is_given_the_index(database: Database) -> None:
    """The recorder makes it at its start; what reads finds the new trades by it, whosever they are."""
    record(database, [traded(1, EPOCH_NS)])
    with database.engine().begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_order_events_place")
    record(database, [traded(2, EPOCH_NS + S)])
    if database.dialect != "sqlite":
        found = query(database, "SELECT indexname FROM pg_indexes WHERE tablename = 'order_events'")
        assert ("ix_order_events_place",) in found
        return
    with database.engine(reads_only=True).connect() as connection:
        until = read_recorded(connection)
        plan, trades = _plan(connection, "alice", _before(until, 1), until)
    assert len(trades) == 1
    assert "ix_order_events_place" in plan


@pytest.mark.parametrize("count", [1, 3])
def test_sqlite_finds_all_that_is_read_by_an_index(tmp_path: Path, count: int) -> None:
    """New trades by their places, in however many streams; all trades of a user by the user's name."""
    database = Database.at(f"sqlite:///{tmp_path}/trades.sqlite")
    record(database, [traded(1, EPOCH_NS)])
    until = Recorded({number: StreamPlace(1, 9) for number in range(1, count + 1)}, 0)
    before = Recorded({number: StreamPlace(1, 1) for number in until.streams}, 0)
    with database.engine(reads_only=True).connect() as connection:
        for user in (None, "alice"):
            plan, _ = _plan(connection, user, before, until)
            assert plan.count("ix_order_events_place (stream_id=? AND sequence>? AND sequence<?)") == count
            assert "SCAN" not in plan
        plan, _ = _plan(connection, "alice", None, until)
    assert "(user_name=?)" in plan


def _plan(
    connection: Connection, user: str | None, after: Recorded | None, until: Recorded
) -> tuple[str, list[Trade]]:
    """Return how SQLite reads what was recorded between two moments, and what it finds."""
    statements: list[str] = []
    driver: Any = connection.connection.driver_connection
    driver.set_trace_callback(statements.append)
    trades = list(read_between(connection, user, after, until))
    driver.set_trace_callback(None)
    (asked,) = [statement for statement in statements if "FROM order_events" in statement]
    return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}").all()), trades
