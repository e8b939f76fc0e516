"""Whoever reads a log in partitions: recorder, bots, console, trace, dead letters, backups; each has all that is its own, once."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from fillwire.bus import api
from fillwire.bus.backups import make_backup, read_backup, restore_backup
from fillwire.bus.connection import Bus
from fillwire.bus.durables import consumer_exists
from fillwire.bus.guard import DuplicateGuard
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.stored import StoredIds
from fillwire.bus.streams import ensure_streams
from fillwire.cli.trace.finding import Wanted, find
from fillwire.domain.errors import ConfigError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.recorder.database import Database
from fillwire.recorder.reports import By
from fillwire.recorder.running import RunningProfit
from fillwire.recorder.service import Recorder
from fillwire.runtime.lifecycle import Stop
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.orders import Orders
from fillwire.sdk.positions import Positions
from fillwire.sdk.replaying import LetterBox, Outcome, Selection, read_dead_letters
from fillwire.wire.codec import encode_order
from fillwire.wire.subjects import order_scope_filter, order_subject
from support.asides import keep_letter
from support.console import ADMIN_TOKEN, ALICE_TOKEN, console, visitor
from support.databases import query
from support.eventually import eventually
from support.listeners import QUICK, Listener
from support.partitioned import ACCOUNTS, COUNT, PARTITIONS, USERS, divided_broker, divided_bus, events, held
from support.publishing import publish
from support.recording import recorded_ids, recorder_process, recording

FEW = 24  # two of each account


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A broker that maps order events to three partitions."""
    async with divided_broker(tmp_path) as server:
        yield server


@pytest.fixture
async def bus(broker: EmbeddedServer) -> AsyncIterator[Bus]:
    """A connection to it, with all streams."""
    async with divided_bus(broker) as connected:
        yield connected


def ids(sent: list[OrderEvent]) -> list[str]:
    """Return the identities of events, sorted."""
    return sorted(event.event_id for event in sent)


# ---- recorder


async def positions(bus: Bus) -> list[tuple[str, int]]:
    """Return the streams of the log, and where each ends."""
    infos = [await api.call(bus, f"STREAM.INFO.{stream}") for stream in bus.partitions.streams]
    return [(info["config"]["name"], info["state"]["last_seq"]) for info in infos]


async def test_all_partitions_are_recorded_once_and_each_is_gone_on_with(
    bus: Bus, database: Database
) -> None:
    """The database has a position for each stream; a later recorder goes on at every one of them."""
    sent = events(1, 60)
    await publish(bus, *sent[:40])
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == 40)
        assert recorder.is_recording
        await publish(bus, *sent[40:50])
        await eventually(lambda: recorder.recorded_count == 50)
    await publish(bus, *sent[50:])
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == 10)
    assert sorted(recorded_ids(database)) == ids(sent)
    assert query(database, "SELECT name, sequence FROM streams ORDER BY name") == await positions(bus)
    assert query(database, "SELECT sum(recorded_count), sum(repeated_count) FROM streams") == [(60, 0)]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_killed_recorder_goes_on_with_every_partition(
    broker: EmbeddedServer, bus: Bus, database: Database, tmp_path: Path
) -> None:
    """Killed in the middle, again and again, while events come: nothing is left out, and nothing is recorded twice."""
    sent = events(1, 3_000)
    environ = {"FILLWIRE_NATS__PARTITIONS": str(COUNT)}
    publishing = asyncio.create_task(publish_in_steps(bus, sent))
    for killed_at in (300, 1_200):
        async with recorder_process(database, broker.url, tmp_path, environ) as process:
            await eventually(lambda at=killed_at: len(recorded_ids(database)) >= at, 60)
            await process.end(signal.SIGKILL)
    await publishing
    async with recording(bus, database):
        await eventually(lambda: len(recorded_ids(database)) == len(sent), 60)
    assert sorted(recorded_ids(database)) == ids(sent)
    assert query(database, "SELECT name, sequence FROM streams ORDER BY name") == await positions(bus)
    assert query(database, "SELECT sum(recorded_count), sum(repeated_count) FROM streams") == [(3_000, 0)]
    assert query(database, "SELECT count(*) FROM gaps") == [(0,)]


async def publish_in_steps(bus: Bus, sent: list[OrderEvent]) -> None:
    """Publish a hundred at a time."""
    for first in range(0, len(sent), 100):
        await publish(bus, *sent[first : first + 100])


async def test_a_second_recorder_waits_for_all_partitions(bus: Bus, database: Database) -> None:
    """There is one claim over all of them."""
    async with recording(bus, database) as first:
        await publish(bus, *events(1, FEW))
        await eventually(lambda: first.recorded_count == FEW)
        async with recording(bus, database) as waiting:
            await publish(bus, *events(FEW + 1, 2 * FEW))
            await eventually(lambda: first.recorded_count == 2 * FEW)
            assert waiting.recorded_count == 0


async def test_rebuilding_reads_all_partitions_again(bus: Bus, database: Database) -> None:
    """What was lost in the database comes back from every stream, and the rebuild ends by itself."""
    await publish(bus, *events(1, FEW))
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == FEW)
    before = query(database, "SELECT * FROM order_events ORDER BY event_id")
    with database.engine().begin() as connection:
        connection.exec_driver_sql("DELETE FROM order_events")
    await asyncio.wait_for(Recorder(bus, database).rebuild(Stop()), 30)
    assert query(database, "SELECT * FROM order_events ORDER BY event_id") == before


async def test_one_partition_that_is_made_anew_holds_up_no_other(bus: Bus, database: Database) -> None:
    """It is read again from its beginning, while the others go on where they are."""
    sent = events(1, FEW)
    await publish(bus, *sent)
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == FEW)
        await api.call(bus, "STREAM.DELETE.ORDERS_1")
        more = [event for event in events(FEW + 1, 2 * FEW) if PARTITIONS.stream_of(event.user) != "ORDERS_1"]
        await publish(bus, *more)
        await eventually(lambda: recorder.recorded_count == FEW + len(more))
        again = [event for event in events(1, 2 * FEW) if PARTITIONS.stream_of(event.user) == "ORDERS_1"]
        await publish(bus, *again)  # as soon as the recorder has made the stream
        await eventually(lambda: sorted(recorded_ids(database)) == ids(events(1, 2 * FEW)), 20)
    names = [name for (name,) in query(database, "SELECT name FROM streams ORDER BY name")]
    assert names == ["ORDERS_0", "ORDERS_1", "ORDERS_1", "ORDERS_2"]


async def test_a_partition_of_which_nothing_is_said_holds_up_no_other(
    tmp_path: Path, database: Database
) -> None:
    """As while it has no leader: here the recorder may not ask for it. The others are recorded from the start."""
    silent = "$JS.API.STREAM.INFO.ORDERS_1"
    users = (
        "authorization { users: [ { user: all, password: all }, { user: some, password: some, "
        f'permissions: {{ publish: {{ deny: ["{silent}"] }} }} }} ] }}\n'
    )
    async with EmbeddedServer(tmp_path / "silent", extra_config=PARTITIONS.configuration() + users) as server:
        host = server.url.removeprefix("nats://")
        async with (
            await Bus.connect(f"nats://all:all@{host}", name="test", partitions=COUNT) as bus,
            await Bus.connect(f"nats://some:some@{host}", name="recorder", partitions=COUNT) as own,
        ):
            await ensure_streams(bus)
            sent = events(1, FEW)
            await publish(bus, *sent)
            heard = [event for event in sent if PARTITIONS.stream_of(event.user) != "ORDERS_1"]
            async with recording(own, database) as recorder:
                await eventually(lambda: sorted(recorded_ids(database)) == ids(heard))
                assert not recorder.is_recording


async def test_profit_that_is_kept_reads_what_is_new_of_every_partition(bus: Bus, database: Database) -> None:
    """An older stream that goes on is not passed over for a newer one, and nothing is read a second time."""
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.is_recording)
        profit = RunningProfit(None, [(By.USER,)])
        for step in range(6):
            await publish(bus, *events(step * FEW + 1, (step + 1) * FEW))
            await eventually(lambda step=step: recorder.recorded_count == (step + 1) * FEW)
            with database.engine(reads_only=True).connect() as connection:
                profit.catch_up(connection, now_ns=0)
            assert profit.read_count == (step + 1) * FEW
        assert len(profit.now()[0]) == len(USERS)


# ---- bots


class Teller(Listener):
    """A listener of one account, named after it."""

    def __init__(self, account: Account, name: str) -> None:
        super().__init__(f"{name}-{account.exchange}")
        self.account = account


@pytest.mark.parametrize("fast_lane", [False, True])
async def test_bots_are_told_of_their_accounts_events_once_and_in_order(
    bus: Bus, positions: Positions, fast_lane: bool
) -> None:
    """Alone and at shared readings, by the log and by the fast lane, in whatever partition; and go on where they were."""
    accounts = [Account(user, "binance", "live") for user in USERS]
    tellers = [Teller(account, name) for account in accounts for name in ("one", "two")]

    def expected(last: int) -> dict[str, list[str]]:
        return {
            f"{teller.account} {teller.name}": [
                event.order_id for event in events(1, last) if event.account == teller.account
            ]
            for teller in tellers
        }

    def told() -> dict[str, list[str]]:
        return {f"{teller.account} {teller.name}": teller.told for teller in tellers}

    for step in (1, 2):
        async with Host(bus, retry=QUICK, fast_lane=fast_lane) as host:
            for teller in tellers:
                await host.add(bot_of(teller, teller.account))
            await publish(bus, *events((step - 1) * 120 + 1, step * 120))
            await eventually(lambda step=step: told() == expected(step * 120), 30)
    for teller in tellers:
        durable = f"{teller.account.user}=={teller.name}"
        there = [stream for stream in PARTITIONS.streams if await consumer_exists(bus, stream, durable)]
        assert there == ([PARTITIONS.stream_of(teller.account.user)] if positions == "durable" else [])


async def test_the_fast_lane_is_told_by_live_copies_under_their_own_subject(bus: Bus) -> None:
    """A bot at the fast lane handles events from copies that the broker has mapped, and knows them by what was published."""
    account = Account("alice", "binance", "live")
    async with Host(bus, retry=QUICK, fast_lane=True) as host:
        running = await host.add(bot_of(Teller(account, "quick"), account))
        await eventually(lambda: running.worker.lane.is_open)
        heard: list[str] = []
        assert host._live is not None
        await host._live.add(["orders.alice.>"], lambda message: heard.append(message.subject))
        (event,) = [event for event in events(1, 12) if event.account == account]
        await publish(bus, event)
        await eventually(lambda: heard == [order_subject(account, event.pair, event.kind)])


async def test_a_program_of_ones_own_is_told_where_it_says_how_the_log_is_divided(
    bus: Bus, broker: EmbeddedServer
) -> None:
    """And who says another number is told so, instead of hearing nothing."""
    teller = Teller(ACCOUNTS[0], "own")
    async with Orders(broker.url, user="alice", exchange="binance", partitions=COUNT) as orders:
        await orders.subscribe_to_order_fills("BTC-USDT", teller)
        await publish(bus, *events(1, 12))
        await eventually(lambda: teller.told == ["12"])
    async with Orders(broker.url, user="alice", exchange="binance") as orders:
        with pytest.raises(ConfigError, match=r"nats\.partitions is 1, .* expected 3,"):
            await orders.subscribe_to_order_fills("BTC-USDT", teller)


class Closer(Listener):
    """Notes which orders it was told are filled."""

    async def on_fill(self, order: OrderEvent) -> None:
        """Pass over it."""

    def on_order_filled(self, order: OrderEvent) -> None:
        """Note the order."""
        self.told.append(order.order_id)


@pytest.mark.usefixtures("positions")
async def test_a_dead_letter_is_given_back_to_its_bot(bus: Bus) -> None:
    """Bot and letter are looked for in the partition of their user, and the replay is told from there, once."""
    for user in USERS:
        account = Account(user, "binance", "live")
        event = next(event for event in events(1, 12) if event.account == account)
        closer = Closer("closer")
        async with Host(bus, retry=QUICK) as host:
            await host.add(bot_of(closer, account))
            await keep_letter(bus, closer.name, event)
            letters = await read_dead_letters(bus, Selection(user=user))
            (result,) = await LetterBox(bus, "ann@desk").replay(letters)
            assert result.outcome is Outcome.DONE, result
            await eventually(lambda closer=closer, event=event: closer.told == [event.order_id])
        (again,) = await LetterBox(bus, "ann@desk").replay(letters)
        assert again.outcome is Outcome.DECIDED_BEFORE
    stored = [name for names in (await held(bus)).values() for name in names]
    assert len(stored) == len(USERS)
    assert all(name.endswith(":replay") for name in stored)


# ---- people


async def test_the_console_shows_an_administrator_all_partitions_by_time(bus: Bus) -> None:
    """What was before the page was opened and what comes; a user sees their own alone."""
    before, after = events(1, FEW), events(FEW + 1, 2 * FEW)
    await publish(bus, *before)
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(console(bus))
        admin = await stack.enter_async_context(visitor(made, ADMIN_TOKEN))
        alice = await stack.enter_async_context(visitor(made, ALICE_TOKEN))
        all_of_it, own = [await (await who.listen()).begun() for who in (admin, alice)]
        await publish(bus, *after)
        await eventually(lambda: len(all_of_it.events) == 2 * FEW)
        assert {event["order_id"] for event in all_of_it.events} == {
            event.order_id for event in before + after
        }
        mine = {event.order_id for event in before + after if event.user == "alice"}
        await eventually(lambda: {event["order_id"] for event in own.events} == mine)


async def test_a_trade_is_traced_in_whatever_partition(bus: Bus, broker: EmbeddedServer) -> None:
    """With and without its user's name; and who is told another number of partitions is told so."""
    sent = events(1, FEW)
    await publish(bus, *sent)
    for event in sent:
        for user in (None, event.user):
            (found,) = await find(bus, Wanted(name=event.event_id, user=user))
            assert found.event == event
    async with await Bus.connect(broker.url, name="other") as other:
        with pytest.raises(ConfigError, match=r"nats\.partitions is 1, .* expected 3,"):
            await find(other, Wanted(name="1"))


# ---- what gateways ask, and backups


async def test_events_that_the_broker_may_have_forgotten_are_looked_up_in_their_partition(bus: Bus) -> None:
    """Each account's by itself: what is stored is not stored again, whatever the broker remembers."""
    sent = events(1, FEW)
    await publish(bus, *sent[: FEW // 2])
    guard = DuplicateGuard(StoredIds(bus), 600.0, order_scope_filter)
    async with OrderedPublisher(bus, guard=guard) as publisher:
        for event in sent:
            subject = order_subject(event.account, event.pair, event.kind)
            publisher.submit(event.event_id, subject, encode_order(event), event.event_id, since_ns=10**9)
        assert await publisher.flush(20) == 0
    assert (guard.checked_count, guard.found_count) == (FEW, FEW // 2)
    assert sorted(name for names in (await held(bus)).values() for name in names) == ids(sent)


async def test_a_backup_holds_all_partitions_and_is_restored_as_it_was_divided(
    bus: Bus, tmp_path: Path
) -> None:
    """Every stream with its sequences; a broker, or settings, of another division are refused before anything is made."""
    await publish(bus, *events(1, FEW))
    before = await held(bus)
    await make_backup(bus, tmp_path / "backup", "1")
    backup = read_backup(tmp_path / "backup")
    assert set(PARTITIONS.streams) < {archive.name for archive in backup.archives}
    async with divided_broker(tmp_path / "another") as server:
        async with await Bus.connect(server.url, name="other", partitions=2) as other:
            with pytest.raises(ConfigError, match=r"nats\.partitions is 2: expected 3, as many as the log"):
                await restore_backup(other, backup, 1, nothing)
            assert (await api.call(other, "STREAM.NAMES"))["streams"] is None
        async with await Bus.connect(server.url, name="other", partitions=COUNT) as other:
            await restore_backup(other, backup, 1, nothing)
            assert await held(other) == before
            await publish(other, *events(FEW + 1, 2 * FEW))
            assert sum(map(len, (await held(other)).values())) == 2 * FEW


async def nothing() -> None:
    """Add nothing to a restore."""
