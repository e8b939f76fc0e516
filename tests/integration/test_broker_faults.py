"""What a broker may do to us under load, and how long it takes: `pytest -s tests/integration/test_broker_faults.py` prints it."""

import asyncio
from pathlib import Path

import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.alert_names import BROKER_AWAY, BROKER_BACK
from fillwire.gateway.backlog import Backlog
from fillwire.gateway.outlet import Outlet
from fillwire.runtime.supervision import Supervisor
from support.broker_proxy import broker_proxy
from support.divided_cluster import divided_cluster
from support.eventually import eventually
from support.fault_drill import Drill, drill
from support.rolling import leave, whole
from support.small_disk import fill_disk, small_disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def _end(it: Drill, bus: Bus, what: str) -> None:
    await it.flows()
    it.say(what)
    await it.stop()
    await it.check(bus)


@pytest.mark.usefixtures("bus")
@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
async def test_a_restart_costs_nothing(broker: EmbeddedServer, tmp_path: Path, is_killed: bool) -> None:
    """The only broker is restarted, in order or by a kill: every event is stored once, in order, and delivered."""
    async with drill(broker.url, tmp_path) as (it, other):
        await (broker.kill() if is_killed else broker.stop())
        await broker.start()
        await _end(it, other, f"broker {'killed' if is_killed else 'stopped'} and started again")


async def test_the_death_of_the_leader_of_three_costs_nothing(
    broker_cluster: list[EmbeddedServer], tmp_path: Path
) -> None:
    """The leader of the stream is killed under load; the others elect a new one; nothing is lost, doubled or reordered."""
    url = ",".join(server.url for server in broker_cluster)
    async with await Bus.connect(url, name="control") as bus:
        await ensure_streams(bus, replicas=3)
        async with drill(url, tmp_path) as (it, other):
            name = (await api.call(bus, "STREAM.INFO.ORDERS"))["cluster"]["leader"]
            leader = broker_cluster[int(name.removeprefix("n"))]
            await leader.kill()
            await _end(it, other, "leader of three killed")
            await leader.start(deadline_s=40)


async def test_a_rolling_restart_of_three_costs_nothing(
    broker_cluster: list[EmbeddedServer], tmp_path: Path
) -> None:
    """One server after the other leaves in order under load and comes back: nothing is lost, doubled or reordered."""
    url = ",".join(server.url for server in broker_cluster)
    async with await Bus.connect(url, name="control") as bus:
        await ensure_streams(bus, replicas=3)
        async with drill(url, tmp_path) as (it, other):
            for server in broker_cluster:
                await leave(server)
                await it.flows()  # by the two others
                await server.start(deadline_s=40)
                await whole(bus, "ORDERS", broker_cluster)
            await _end(it, other, "each of three restarted in turn")


@pytest.mark.usefixtures("bus")
async def test_a_cut_network_costs_nothing(broker: EmbeddedServer, tmp_path: Path) -> None:
    """The gateway's connection breaks and is refused for a while; more comes than its memory holds."""
    async with (
        broker_proxy(broker.url) as proxy,
        drill(proxy.url, tmp_path, bot_url=broker.url, capacity=200) as (it, other),
    ):
        await proxy.cut()
        await eventually(lambda: it.spillway.spilled_count > 500, 30.0, "spilled")
        await proxy.listen()
        await _end(it, other, "network cut until 700 events waited")


@pytest.mark.usefixtures("bus")
async def test_a_network_that_swallows_everything_costs_nothing(
    broker: EmbeddedServer, tmp_path: Path
) -> None:
    """Nothing passes either way, and no connection breaks: events wait in memory and journal until it flows again."""
    async with (
        broker_proxy(broker.url) as proxy,
        drill(proxy.url, tmp_path, bot_url=broker.url, capacity=200) as (it, other),
    ):
        proxy.stall()
        await eventually(lambda: it.spillway.spilled_count > 1500, 30.0, "spilled")
        proxy.flow()
        await _end(it, other, "network stalled until 1700 events waited")


async def test_lost_acknowledgements_cost_nothing_however_long(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """Events arrive and are stored, answers do not come, for several duplicate windows: each is stored once."""
    window_s = 2.0
    await ensure_streams(bus, duplicate_window_s=window_s)
    async with (
        broker_proxy(broker.url) as proxy,
        drill(proxy.url, tmp_path, bot_url=broker.url, window_s=window_s) as (it, other),
    ):
        proxy.swallows_acknowledgements = True
        swallowed = proxy.swallowed_count
        end_s = asyncio.get_running_loop().time() + 4 * window_s
        await eventually(lambda: asyncio.get_running_loop().time() > end_s, 20.0)
        assert proxy.swallowed_count > swallowed + 50
        proxy.swallows_acknowledgements = False
        await _end(it, other, f"acknowledgements swallowed for {4 * window_s:g} s, window {window_s:g} s")


async def test_a_stream_at_its_limit_holds_up_and_resumes(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """A stream that refuses what does not fit: events wait, first in memory, then on disk, until it is given room."""
    config = (await api.call(bus, "STREAM.INFO.ORDERS"))["config"]
    limited = config | {"discard": "new", "max_bytes": 400_000, "compression": "none"}
    await api.call(bus, "STREAM.DELETE.ORDERS")
    await api.call(bus, "STREAM.CREATE.ORDERS", limited)
    async with drill(broker.url, tmp_path, capacity=200) as (it, other):
        await eventually(lambda: it.spillway.spilled_count > 300, 30.0, "spilled")
        assert it.publisher.refused_count == 0
        await api.call(bus, "STREAM.UPDATE.ORDERS", limited | {"max_bytes": 100_000_000})
        await _end(it, other, "stream at its limit until 500 events waited")


async def test_a_full_disk_of_the_broker_holds_up_and_resumes(tmp_path: Path) -> None:
    """The broker's disk is full: it stores no more; when there is room and it was restarted, everything is stored."""
    async with small_disk(tmp_path / "disk", mib=24) as disk, EmbeddedServer(disk / "broker") as broker:
        async with await Bus.connect(broker.url, name="control") as bus:
            await ensure_streams(bus)
        async with drill(broker.url, tmp_path, capacity=200) as (it, other):
            filler = disk / "filler"
            fill_disk(filler)
            await eventually(lambda: it.spillway.spilled_count > 300, 60.0, "spilled")
            assert it.publisher.refused_count == 0
            filler.unlink()
            await broker.stop()
            await broker.start()
            await _end(it, other, "broker's disk full until 500 events waited, then restarted")


async def test_a_gateway_on_the_wrong_side_of_a_divided_cluster_moves_on(tmp_path: Path) -> None:
    """One of three brokers loses the others and keeps its clients: the gateway finds another, and the cluster heals."""
    async with divided_cluster(tmp_path) as cluster:
        async with await Bus.connect(cluster.url, name="control", deadline_s=30) as bus:
            await ensure_streams(bus, replicas=3)
        first, *others = (server.url for server in cluster.servers)
        async with drill(first, tmp_path, bot_url=",".join(others)) as (it, other):
            it.bus.nc.set_server_pool([*others, first])
            outlet = Outlet(it.publisher, it.spillway)
            told: list[str] = []

            def tell(alert: str, _: str) -> bool:
                told.append(alert)
                return True

            backlog = Backlog(it.bus, outlet, tell)
            supervisor = Supervisor()
            backlog.start(supervisor)
            await cluster.cut_off(0)
            await it.flows(deadline_s=60)
            await cluster.join(0)
            await _end(it, other, "gateway on the smaller side of a divided cluster")
            await backlog.stop()
            assert told[:2] == [BROKER_AWAY, BROKER_BACK]


async def test_a_bot_on_the_wrong_side_of_a_divided_cluster_moves_on(tmp_path: Path) -> None:
    """The bot's broker loses the two others, which go on: the bot finds one of them, and misses nothing."""
    async with divided_cluster(tmp_path) as cluster:
        async with await Bus.connect(cluster.url, name="control", deadline_s=30) as bus:
            await ensure_streams(bus, replicas=3)
        first, *others = (server.url for server in cluster.servers)
        async with drill(",".join(others), tmp_path, bot_url=first) as (it, other):
            other.nc.set_server_pool([*others, first])
            await cluster.cut_off(0)
            await it.flows(deadline_s=60)
            await cluster.join(0)
            await _end(it, other, "bot on the smaller side of a divided cluster")
