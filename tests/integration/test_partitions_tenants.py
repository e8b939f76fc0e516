"""Accounts at a broker whose log is in partitions: services reach all that they need, tenants only their own part."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from click.testing import CliRunner, Result

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.dividing import require_mapping
from fillwire.bus.errors import RequestTimedOut
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import newest_message
from fillwire.cli import main
from fillwire.cli.users.registry import Kind
from fillwire.gateway.account_log import AccountLog
from fillwire.recorder.database import Database
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.wire.subjects import order_subject
from support.console import ADMIN_TOKEN, console, visitor
from support.eventually import eventually
from support.listeners import QUICK, pair_of
from support.order_events import ALICE
from support.partitioned import ACCOUNTS, COUNT, PARTITIONS, events
from support.publishing import publish
from support.recording import recorded_ids, recording
from support.tenancy import Tenancy, tenancy

if TYPE_CHECKING:
    from fillwire.bus.messages import Message

KINDS = {
    "alice": Kind.TENANT,
    "bob": Kind.TENANT,
    "judy": Kind.TENANT,
    "gateway-binance": Kind.GATEWAY,
    "host": Kind.HOST,
    "manager": Kind.MANAGER,
    "recorder": Kind.RECORDER,
    "console": Kind.CONSOLE,
}


@pytest.fixture
async def divided(tmp_path: Path) -> AsyncIterator[Tenancy]:
    """A broker in three partitions, with services and tenants."""
    async with tenancy(tmp_path, KINDS, partitions=COUNT) as made:
        yield made


def refusals(made: Tenancy) -> list[str]:
    """Return what the broker refused, as it logged it."""
    return [line for line in made.broker.log_path.read_text().splitlines() if "Violation" in line]


@pytest.mark.parametrize("user", ["alice", "judy"])
async def test_a_tenant_reads_their_part_under_the_sequences_of_its_partition(
    divided: Tenancy, user: str
) -> None:
    """By the name and the subjects that a tenant knows without partitions; nothing of others."""
    control = await divided.connect("control", partitions=COUNT)
    sent = events(1, 60)
    await publish(control, *sent)
    mine = [event.event_id for event in sent if event.user == user]
    tenant = await divided.connect(user)
    found: list[Message] = []
    await eventually(lambda: _holds(tenant, user, len(mine)))
    await read_stream(tenant, "ORDERS", "orders.>", "all", found.append)
    assert [message.header("Nats-Msg-Id") for message in found] == mine
    newest = await newest_message(control, PARTITIONS.stream_of(user), f"orders.{user}.>")
    assert newest is not None
    assert (found[-1].sequence, found[-1].subject) == (newest.sequence, newest.subject)


async def _holds(tenant: Bus, user: str, count: int) -> bool:
    newest = await newest_message(tenant, "ORDERS", f"orders.{user}.>")
    if newest is None:
        return False
    return bool((await api.call(tenant, "STREAM.INFO.ORDERS"))["state"]["messages"] == count)


async def test_bots_of_tenants_are_told_by_the_log_and_by_the_fast_lane(divided: Tenancy) -> None:
    """With no setting that says how the system divides its log."""
    control, tenant = await divided.connect("control", partitions=COUNT), await divided.connect("alice")
    sent = events(1, 240)
    mine = [event.order_id for event in sent if event.account == ALICE]
    listeners = pair_of("one", "two")
    live: list[str] = []
    await tenant.subscribe("orders.>", lambda message: live.append(message.subject))
    async with Host(tenant, retry=QUICK, fast_lane=True) as host:
        for listener in listeners:
            await host.add(bot_of(listener, ALICE))
        await publish(control, *sent)
        await eventually(lambda: all(listener.told == mine for listener in listeners), 20)
    assert set(live) == {
        order_subject(account, "BTC-USDT", "filled") for account in ACCOUNTS if account.user == "alice"
    }


async def test_services_do_their_work_with_the_rights_of_their_kind(
    divided: Tenancy, database: Database
) -> None:
    """A gateway publishes and reads back, a host runs bots, the recorder and the console read all; nothing is refused."""
    gateway = await divided.connect("gateway-binance", partitions=COUNT)
    recorder = await divided.connect("recorder", partitions=COUNT)
    shown = await divided.connect("console", partitions=COUNT)
    hosting = await divided.connect("host", partitions=COUNT)
    await require_mapping(gateway, "binance")
    sent = [event for event in events(1, 60) if event.exchange == "binance"]
    (listener, other) = pair_of("one", "two")
    async with (
        recording(recorder, database),
        Host(hosting, retry=QUICK, fast_lane=True) as host,
        console(shown) as made,
        visitor(made, ADMIN_TOKEN) as admin,
    ):
        for each in (listener, other):
            await host.add(bot_of(each, ALICE))
        page = await (await admin.listen()).begun()
        await publish(gateway, *sent)
        await eventually(lambda: len(recorded_ids(database)) == len(sent), 20)
        mine = [event.order_id for event in sent if event.account == ALICE]
        await eventually(lambda: listener.told == other.told == mine, 20)
        await eventually(lambda: len(page.events) == len(sent))
    assert [event.event_id for event in await AccountLog(gateway, ALICE).latest()] == [
        [event.event_id for event in sent if event.account == ALICE][-1]
    ]
    assert refusals(divided) == []


async def test_a_gateway_publishes_nothing_of_another_exchange(divided: Tenancy) -> None:
    """The broker judges by the subject that its mapping has made, which holds the exchange as well."""
    gateway = await divided.connect("gateway-binance", partitions=COUNT)
    with pytest.raises(RequestTimedOut):
        await gateway.request("orders.alice.coinbase.live.BTC-USDT.filled", b"{}", 0.5)
    assert len(refusals(divided)) == 1


# ---- fillwire users


class Commands:
    """Types `fillwire users`, with settings that say how many partitions there are."""

    def __init__(self, made: Tenancy) -> None:
        self._made = made

    async def apply(self, partitions: int) -> Result:
        """Run `fillwire users apply`; the broker reads its file again."""
        environ = {
            "FILLWIRE_NATS__NKEY_FILE": str(self._made.seed_path("control")),
            "FILLWIRE_NATS__PARTITIONS": str(partitions),
        }
        broker = self._made.broker
        reached = ("--nats", broker.url, "--reload", str(broker.pid))
        words = ("users", "apply", "--directory", str(self._made.directory), *reached)
        return await asyncio.to_thread(CliRunner().invoke, main, words, env=environ)


async def test_the_accounts_are_written_for_partitions_and_kept_where_events_are(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`users apply` writes mapping and rights and makes the streams; with other settings it changes nothing any more."""
    async with tenancy(tmp_path, {"alice": Kind.TENANT, "gateway-binance": Kind.GATEWAY}, saved=True) as made:
        commands = Commands(made)
        done = await commands.apply(COUNT)
        assert done.exit_code == 0, done.output
        assert orjson.loads((tmp_path / "users.json").read_bytes())["partitions"] == COUNT
        gateway = await made.connect("gateway-binance", partitions=COUNT)
        await publish(gateway, *[event for event in events(1, 24) if event.exchange == "binance"])
        before = (tmp_path / "users.json").read_bytes(), (tmp_path / "accounts.conf").read_bytes()
        for other in (1, 2):
            done = await commands.apply(other)
            assert done.exit_code == 2, done.output
            said = capfd.readouterr().err
            assert f"nats.partitions is {other}, and the broker has streams ORDERS_0 to ORDERS_2" in said
            assert (
                (tmp_path / "users.json").read_bytes(),
                (tmp_path / "accounts.conf").read_bytes(),
            ) == before
        done = await commands.apply(COUNT)
        assert done.exit_code == 0, done.output
