"""What a former release left at the broker and in the database is taken over, and the former release can go on beside this one."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from fillwire.bus import api
from fillwire.bus.buckets import BOOKS, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.streams import ensure_manifest, ensure_streams
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.recorder import migrating
from fillwire.recorder.book import TradeBook
from fillwire.recorder.database import Database
from fillwire.recorder.tables import REVISION
from fillwire.recorder.writer import Writer
from fillwire.sdk.bot import make_bot
from fillwire.sdk.host_clerk import HostClerk
from fillwire.sdk.strategy import Strategy
from support.broker import ConnectBus
from support.bucket_documents import documents
from support.consuming import publish_numbers
from support.databases import record
from support.order_events import order_life
from support.schemas import SCHEMAS

RELEASES = sorted((SCHEMAS / "released").iterdir())
ROWS = Path(__file__).parents[1] / "data" / "databases"
REVISIONS = [each.revision for each in ScriptDirectory.from_config(migrating._config()).walk_revisions()]


class Quiet(Strategy):
    """Listens, and does nothing."""

    def on_fill(self, order: OrderEvent) -> None:
        """Do nothing."""


def manifests(release: Path) -> list[dict[str, Any]]:
    """Return the streams and buckets of a release, for one broker."""
    found = [
        *json.loads((release / "streams.json").read_bytes()),
        *json.loads((release / "buckets.json").read_bytes()),
    ]
    return [manifest | {"num_replicas": 1} for manifest in found]


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
async def test_a_release_and_this_version_start_in_turn(connect_bus: ConnectBus, release: Path) -> None:
    """Each start brings the streams to its own definitions: the broker takes both, and what is stored stays."""
    bus = await connect_bus()
    for manifest in manifests(release):
        await ensure_manifest(bus, manifest)
    await publish_numbers(bus, 0, 20)
    await ensure_streams(bus, duplicate_window_s=600)
    await ensure_buckets(bus)
    for manifest in manifests(release):  # a service of the former release starts again
        await ensure_manifest(bus, manifest)
    await ensure_streams(bus, duplicate_window_s=600)
    await ensure_buckets(bus)
    assert (await api.call(bus, "STREAM.INFO.ORDERS"))["state"]["messages"] == 20


async def test_a_checkpoint_on_record_is_read(bus: Bus) -> None:
    """A book in each form that was ever written is found again, with the sequence that it stands for."""
    bot = make_bot(Quiet(), name="grid-1", account=Account("alice", "binance", "live"), pairs=["SOL-USDT"])
    clerk = HostClerk(bus, "ORDERS", bot, has_run=True, wake=lambda: None)
    for document in documents("BOOKS"):
        await Bucket(bus, BOOKS).put(clerk._key, document)
        found = await clerk.load_checkpoint()
        assert found is not None
        assert (found.sequence, found.state) == (4711, b'{"plan":"x"}')


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_a_former_revision_keeps_what_it_has(database: Database, revision: str) -> None:
    """Brought to the tables of this version with rows in it, it answers as before and takes what comes next."""
    engine = database.engine()
    with engine.connect() as connection, connection.begin():
        command.upgrade(migrating._config(connection), revision)
        for table, rows in json.loads((ROWS / f"{revision}.json").read_bytes()).items():
            names = ", ".join(rows[0])
            values = ", ".join(f":{name}" for name in rows[0])
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), rows)  # noqa: S608 - our own file
    writer = Writer(database)
    assert writer.open()
    try:
        writer.migrate()
        position = writer.position("ORDERS")
        assert position is not None
        assert position.sequence == 3
    finally:
        writer.close()
    record(database, order_life("9", "0.5"))
    with engine.connect() as connection:
        assert migrating.revision_of(connection) == REVISION
    with TradeBook(database) as book:
        trades = list(book.trades())
        assert len(trades) == 3
        first, second = [trade for trade in trades if trade.order_id == "7"]
        assert (first.trade_id, first.quantity, first.fee) == ("71", Decimal("0.1"), None)
        assert (second.trade_id, second.price) == ("72", Decimal(64000))
        assert (second.fee, second.fee_currency) == (Decimal("0.000000000000000001"), "BNB")
        assert [gap.reason for _, gap in book.status().gaps] == ["dropped by age"]
