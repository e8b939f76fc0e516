"""`fillwire recorder` and `fillwire trades` as processes, against a real broker."""

import asyncio
import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from pyarrow import parquet

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.cli import main
from fillwire.domain.client_order_ids import bot_label, derive_client_order_id
from fillwire.domain.enums import Side, Source
from fillwire.domain.events import OrderEvent
from fillwire.recorder.book import TradeBook
from fillwire.recorder.database import Database
from fillwire.recorder.progress import Gap
from fillwire.recorder.trades import TradeFilter
from support.databases import Delivered, address_of, delivered, opened_writer, record
from support.eventually import eventually
from support.order_events import order_event, order_life
from support.processes import python
from support.publishing import publish
from support.recording import recorded_ids, recorder_process


def trades(database: Database, *arguments: str, status: int = 0) -> tuple[list[str], list[str]]:
    """Run `fillwire trades` to its end and return what it said on both streams."""
    done = CliRunner().invoke(main, ["trades", *arguments, "--database", address_of(database)])
    assert done.exit_code == status, done.output
    return done.stdout.splitlines(), done.stderr.splitlines()


def as_json(database: Database, *arguments: str) -> Any:
    """Return what the command answers as JSON."""
    lines, _ = trades(database, *arguments, "--json")
    return json.loads("\n".join(lines))


def trade_ids(answer: dict[str, Any]) -> Sequence[str]:
    """Return which trades an answer holds."""
    return [f"{trade['order_id']}:{trade['trade_id']}" for trade in answer["trades"]]


async def test_the_service_records_until_it_is_told_to_stop(
    tmp_path: Path, broker: EmbeddedServer, bus: Bus, database: Database
) -> None:
    """It says when it is ready, records, and ends in order; its database is shown meanwhile."""
    async with recorder_process(database, broker.url, tmp_path) as process:
        await process.said('"ready"')
        await publish(bus, *order_life("1", "0.1", "0.5"))
        await eventually(lambda: len(recorded_ids(database)) == 3)
        lines, _ = await asyncio.to_thread(trades, database, "list")
        assert len(lines) == 3
        assert await process.end() == 0


def test_trades_are_listed_by_pages(database: Database) -> None:
    """Newest first, as many as asked for; the mark of a page leads to the next."""
    record(database, [event for order in "123" for event in order_life(order, "0.1", "0.5")])
    whole = trade_ids(as_json(database, "list"))
    first = as_json(database, "list", "--limit", "4")
    second = as_json(database, "list", "--limit", "4", "--after", first["next"])
    assert [*trade_ids(first), *trade_ids(second)] == whole
    assert (len(whole), second["next"]) == (6, None)
    _, said = trades(database, "list", "--limit", "4")
    assert said == [f"4 trades; more with --after '{first['next']}'"]


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    """One sentence, and nothing is made by asking."""
    absent = Database.at(f"sqlite:///{tmp_path}/none.sqlite")
    lines, errors = trades(absent, "list", status=1)
    assert (lines, len(errors)) == ([], 1)
    assert "expected a file, found none" in errors[0]
    assert not (tmp_path / "none.sqlite").exists()


async def test_a_password_on_the_command_line_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """The password of a database has a setting of its own, a reference to a secret."""
    arguments = ("trades", "list", "--database", "postgresql://fillwire:hunter2@db/trades")
    async with python("-m", "fillwire", *arguments, cwd=tmp_path) as process:
        assert await process.ended() == 2
    assert "found one with a password" in process.errors[0]
    assert "hunter2" not in "".join(process.errors)


def round_trip(pair: str = "BTC-USDT", **facts: Any) -> list[OrderEvent]:
    """Return a purchase at 64,000 and a sale at 65,000 of half a unit, each with a fee of 1.28."""
    return [
        order_event(pair=pair, order_id=f"{pair}-1", side=Side.BUY, price="64000", **facts),
        order_event(pair=pair, order_id=f"{pair}-2", side=Side.SELL, price="65000", **facts),
    ]


def test_profit_fees_and_positions(database: Database) -> None:
    """Realised profit by bot and pair, fees by currency, and what is left, as JSON and as tables."""
    name = derive_client_order_id("grid", "1")
    lone = order_event(pair="ETH-USDT", order_id="9", price="2000", client_order_id=name)
    record(database, [*round_trip(client_order_id=name), lone])
    rows = {row["pair"]: row for row in as_json(database, "profit", "--bot", "grid")}
    assert rows["BTC-USDT"] == {
        "environment": "live",
        "bot": bot_label("grid"),
        "pair": "BTC-USDT",
        "currency": "USDT",
        "trade_count": 2,
        "quantity": "0.5",
        "proceeds": "32500",
        "cost": "32000",
        "quote_fees": "2.56",
        "other_fees": {},
        "unknown_fee_count": 0,
        "unmatched_quantity": "0",
        "unmatched_value": "0",
        "profit": "500",
        "net_profit": "497.44",
    }
    assert as_json(database, "profit", "--bot", "another") == []
    (fees,) = as_json(database, "fees")
    assert (fees["currency"], fees["amount"], fees["trade_count"]) == ("USDT", "3.84", 3)
    (position,) = as_json(database, "positions")
    assert (position["pair"], position["quantity"], position["value"]) == ("ETH-USDT", "0.5", "1000")
    lines, _ = trades(database, "profit", "--by", "day,pair", "--zone", "Europe/Berlin")
    assert any("497.44" in line and "2023-11-14" in line for line in lines), lines
    for command, text in (("fees", "3.84"), ("positions", "ETH-USDT")):
        lines, _ = trades(database, command)
        assert any(text in line for line in lines), lines


def test_sales_without_a_purchase_are_pointed_out(database: Database) -> None:
    """A sale whose purchase is not recorded is no profit, and the command says so."""
    record(database, [order_event(side=Side.SELL)])
    (row,) = as_json(database, "profit")
    assert (row["profit"], row["unmatched_quantity"], row["unmatched_value"]) == ("0", "0.5", "32000")
    _, errors = trades(database, "profit")
    assert errors[0].startswith("1 rows have sales without a recorded purchase")


def test_what_was_inferred_counts_until_the_real_execution_is_there(database: Database) -> None:
    """An inferred execution gives way to real ones that cover any of its quantity."""
    real = order_event(trade=1, quantity="0.5")
    inferred = replace(order_event(trade=77, quantity="0.5"), source=Source.INFERRED)
    record(database, [inferred])
    assert trade_ids(as_json(database, "list")) == ["1:77"]
    record(database, [real])
    assert trade_ids(as_json(database, "list")) == ["1:1"]
    (position,) = as_json(database, "positions")
    assert position["quantity"] == "0.5"


def test_trades_are_exported(tmp_path: Path, database: Database) -> None:
    """CSV holds amounts as text, Parquet as exact decimals; both hold every trade, oldest first."""
    record(
        database, [*round_trip(), replace(order_event(order_id="9"), cumulative_quantity=Decimal("1e-18"))]
    )
    _, said = trades(database, "export", f"{tmp_path}/t.csv")
    assert said == ["3 trades"]
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert [(row["order_id"], row["price"], row["fee"]) for row in rows] == [
        ("BTC-USDT-1", "64000", "1.28"),
        ("BTC-USDT-2", "65000", "1.28"),
        ("9", "64000", "1.28"),
    ]
    assert rows[0]["time"] == "2023-11-14T22:13:20.000000000Z"
    lines, _ = trades(database, "export", "-")
    assert lines == (tmp_path / "t.csv").read_text().splitlines()
    trades(database, "export", f"{tmp_path}/t.parquet")
    table = parquet.read_table(tmp_path / "t.parquet")
    assert str(table.schema.field("price").type) == "decimal128(38, 18)"
    assert table.column("order_id").to_pylist() == ["BTC-USDT-1", "BTC-USDT-2", "9"]
    assert table.column("cumulative_quantity").to_pylist()[2] == Decimal("1e-18")
    assert [path.name for path in sorted(tmp_path.glob("*t.*"))] == ["t.csv", "t.parquet"]


def test_an_amount_that_does_not_fit_is_not_rounded(tmp_path: Path, database: Database) -> None:
    """Parquet's decimals end at 18 places: what has more is written as text if asked so, else not at all."""
    event = order_event()
    assert event.last_fill is not None
    record(database, [replace(event, last_fill=replace(event.last_fill, fee=Decimal("1e-19")))])
    _, errors = trades(database, "export", f"{tmp_path}/t.parquet", status=1)
    assert "does not fit decimal128(38, 18): expected amounts as text" in errors[0]
    assert list(tmp_path.glob("*.parquet*")) == []
    trades(database, "export", f"{tmp_path}/t.parquet", "--text-amounts")
    assert parquet.read_table(tmp_path / "t.parquet").column("fee").to_pylist() == ["0.0000000000000000001"]


def test_a_choice_that_is_none_is_named() -> None:
    """Bad words on the command line are said with what was expected."""
    for arguments, sentence in (
        (("profit", "--by", "week"), "expected some of day, user, exchange, bot, pair, found 'week'"),
        (("profit", "--zone", "Mars/Olympus"), "expected a time zone such as Europe/Berlin"),
        (("list", "--since", "yesterday"), "expected a time with its zone"),
        (("list", "--after", "x"), "expected one as an earlier page showed it"),
    ):
        done = CliRunner().invoke(main, ["trades", *arguments])
        assert done.exit_code != 0
        assert sentence in done.stderr


def test_reading_may_be_left_in_the_middle(database: Database) -> None:
    """Who has seen enough leaves nothing open, and a larger history than is read at once comes whole and in order."""
    record(
        database,
        [
            replace(order_event(order_id=f"{number:05}"), transaction_time_ns=number)
            for number in range(4_500)
        ],
    )
    with TradeBook(database) as book:
        for each in book.trades():
            assert each.order_id == "00000"
            break
        assert [each.order_id for each in book.trades()] == [f"{number:05}" for number in range(4_500)]


def test_the_state_of_the_recording_is_shown(database: Database) -> None:
    """How far it got, what was missing, and what could not be read, as text and as JSON."""
    writer, position = opened_writer(database)
    position = writer.skip(position, Gap(1, 6, "gone"))
    bad = Delivered(8, "orders.alice.binance.live.BTC-USDT.filled", b"{", "id")
    writer.write(position, [delivered(order_event(), 7), bad])
    writer.close()
    arguments = ["recorder", "--database", address_of(database), "status"]
    lines = CliRunner().invoke(main, arguments).stdout.splitlines()
    assert "missing: 1 to 6 of stream 1: gone" in lines
    assert any(line.startswith("unreadable: 8 of stream 1 on orders.alice.") for line in lines)
    found = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    (stream,) = found["streams"]
    assert (stream["sequence"], stream["recorded_count"], stream["unreadable_count"]) == (8, 1, 1)
    assert found["gaps"] == [[1, [1, 6, "gone"]]]


async def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path) -> None:
    """The extra is named where it is missing; everything else works without it."""
    database = Database.at(f"sqlite:///{tmp_path}/trades.sqlite")
    record(database, [order_event()])
    program = (
        "import sys; sys.modules['pyarrow'] = None; from fillwire.cli import main; "
        "main(['trades', 'export', sys.argv[1], '--database', sys.argv[2]])"
    )
    address = f"sqlite:///{tmp_path}/trades.sqlite"
    for name, said in (("t.csv", "1 trades"), ("t.parquet", "expected `pip install 'fillwire[parquet]'`")):
        async with python("-c", program, str(tmp_path / name), address) as process:
            await process.ended()
        assert said in process.errors[0]


def test_trades_are_counted(database: Database) -> None:
    """As many as there are, and as many as apply."""
    record(database, [order_event(order_id="1"), order_event(order_id="2", side=Side.SELL)])
    with TradeBook(database) as book:
        assert (book.count(), book.count(TradeFilter(side=Side.SELL))) == (2, 1)
