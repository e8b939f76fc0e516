"""A tenant's mirror in a cluster of three brokers: it goes on soon after the death of the server that led the log."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.door import Door
from fillwire.bus.errors import ApiRefused
from fillwire.bus.mirrors import MirrorWatch
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.standstill import leader_of, successor
from fillwire.cli.users.placing import make_streams
from fillwire.cli.users.registry import Kind
from fillwire.domain.errors import BrokerError
from fillwire.runtime import metric_names as names
from fillwire.runtime.metrics import Metrics
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.wire.codec import encode_order
from fillwire.wire.subjects import order_subject
from support.eventually import eventually
from support.listeners import QUICK, Listener, fills
from support.order_events import ALICE
from support.shared_broker import has_binary
from support.tenancy import Tenancy
from support.tenant_cluster import tenancy_in_cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not has_binary(), reason="needs three brokers of its own, and there is no nats-server on this machine"
    ),
]

_KILLS = 3
_MIRROR = "ORDERS-alice"
_BACKLOG = 20_000
_STREAMS = 7  # two mirrors of each tenant, and three streams of the system that take what tenants write
# From the moment when the log takes events again; without the watch it is 10 s at best, and minutes at worst.
_BOUND_S = 20.0


class Cluster:
    """Three brokers, the streams of alice and bob, a door, and watches.

    Attributes:
        tenancy: who may log in.
        servers: `n0` to `n2`.
        control: a connection with all rights.
        watches: two, each with a connection of its own, as doors have.
    """

    def __init__(
        self, made: Tenancy, servers: list[EmbeddedServer], control: Bus, watches: list[MirrorWatch]
    ) -> None:
        self.tenancy = made
        self.servers = servers
        self.control = control
        self.watches = watches

    @property
    def revived_count(self) -> int:
        """Streams that were given another leader, by either watch."""
        return sum(watch.revived_count for watch in self.watches)

    async def info(self, stream: str) -> dict[str, Any]:
        """Return what the broker says of a stream."""
        return await api.call(self.control, f"STREAM.INFO.{stream}")

    async def leader(self, stream: str) -> EmbeddedServer:
        """Return the server that leads a stream."""
        leader: str | None = None

        async def is_led() -> bool:
            nonlocal leader
            try:
                leader = leader_of(await self.info(stream))
            except BrokerError:  # the election goes on
                return False
            return leader is not None

        await eventually(is_led, 40.0, f"{stream} has a leader")
        assert leader is not None
        return self.servers[int(leader.removeprefix("n"))]

    async def is_settled(self) -> bool:
        """Whether both watches see that everything follows."""
        told = [
            family.points[()]
            for watch in self.watches
            for family in Metrics(watch.measure).collect()
            if family.metric in {names.MIRRORS, names.MIRRORS_STANDING}
        ]
        return told == [_STREAMS, 0] * len(self.watches)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Three brokers, and two doors' watches with nothing but a door's rights."""
    async with (
        tenancy_in_cluster(tmp_path, {"alice": Kind.TENANT, "bob": Kind.TENANT}) as (made, servers),
        AsyncExitStack() as stack,
    ):
        buses = [await made.connect("door") for _ in range(2)]
        await stack.enter_async_context(Door(buses[0]))
        watches = [await stack.enter_async_context(MirrorWatch(bus)) for bus in buses]
        yield Cluster(made, servers, await made.connect("control"), watches)


@asynccontextmanager
async def _pouring(control: Bus) -> AsyncIterator[Callable[[], int]]:
    """Publish fills of alice, one after another; yields what says how many are stored. At the end all are."""
    count = 0

    async def pour() -> None:
        nonlocal count
        while True:
            count += 1
            (fill,) = fills(count, count)
            subject = order_subject(fill.account, fill.pair, fill.kind)
            publisher.submit("alice", subject, encode_order(fill), fill.event_id)
            await asyncio.sleep(0.02)  # the pace of the load

    async with OrderedPublisher(control) as publisher:
        pouring = asyncio.create_task(pour())
        yield lambda: publisher.acknowledged_count
        pouring.cancel()
        assert await publisher.flush(60.0) == 0


async def _killed(server: EmbeddedServer) -> None:
    await server.kill()


async def _in_lame_duck_mode(server: EmbeddedServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGUSR2)
    await eventually(lambda: "Entering lame duck mode" in server.log_path.read_text(), 20.0)


async def _loses_its_leaders(
    cluster: Cluster, times: int, end: Callable[[EmbeddedServer], Awaitable[None]]
) -> None:
    """Have a bot of alice listen while servers that lead the log end; it is told of each fill once, in order, and soon."""
    listener = Listener()
    bus = await cluster.tenancy.connect("alice")
    async with Host(bus, retry=QUICK) as host:
        await host.add(bot_of(listener, ALICE))
        async with _pouring(cluster.control) as stored:
            for _ in range(times):
                await eventually(cluster.is_settled, 60.0, "everything follows")
                before = len(listener.told)
                await eventually(
                    lambda before=before: len(listener.told) > before + 50, 30.0, "fills are told"
                )
                server = await cluster.leader("ORDERS")
                await end(server)
                missing = stored()
                await eventually(lambda missing=missing: stored() > missing, 60.0, "the log takes fills")
                await eventually(
                    lambda missing=missing: len(listener.told) > missing, _BOUND_S, "a fill is told"
                )
                await server.stop()
                await server.start(deadline_s=60.0)
        whole = stored()
        await eventually(lambda: len(listener.told) >= whole, 60.0, "all fills are told")
    assert listener.told == [str(number) for number in range(1, whole + 1)]


async def test_a_bot_hears_on_when_servers_that_lead_the_log_are_killed(cluster: Cluster) -> None:
    """Each fill once and in order; and mirrors did not come back by themselves."""
    await _loses_its_leaders(cluster, _KILLS, _killed)
    assert cluster.revived_count > 0


async def test_a_bot_hears_on_when_a_server_that_leads_the_log_is_stopped_as_planned(
    cluster: Cluster,
) -> None:
    """Lame duck mode: the server hands over what it leads, and then leaves."""
    await _loses_its_leaders(cluster, 1, _in_lame_duck_mode)


async def test_what_follows_is_left_alone(cluster: Cluster) -> None:
    """Idle, or new and catching up on all that was there before."""
    await eventually(cluster.is_settled, 60.0, "everything follows")
    leader = await cluster.leader(_MIRROR)
    await api.call(cluster.control, "STREAM.DELETE.ORDERS-bob")
    (event,) = fills(1, 1)
    async with OrderedPublisher(cluster.control) as publisher:
        for number in range(_BACKLOG):
            subject = "orders.bob.binance.live.X.filled"
            publisher.submit(f"{number % 100}", subject, encode_order(event), f"{number}")
        assert await publisher.flush(120.0) == 0
    await make_streams(cluster.control, cluster.tenancy.registry.tenants, len(cluster.servers), 600.0)

    async def is_caught_up() -> bool:
        return int((await cluster.info("ORDERS-bob"))["state"]["last_seq"]) == _BACKLOG

    await eventually(is_caught_up, 120.0, "all is mirrored")
    rounds = [watch.round_count for watch in cluster.watches]
    for watch, count in zip(cluster.watches, rounds, strict=True):
        await eventually(lambda watch=watch, count=count: watch.round_count > count + 12, 60.0, "looks")
    assert await cluster.is_settled()
    assert cluster.revived_count == 0
    assert await cluster.leader(_MIRROR) is leader


async def test_of_two_who_ask_for_the_same_leader_the_second_changes_nothing(cluster: Cluster) -> None:
    """Doors that see the same at the same time do not drive a mirror from server to server."""
    await eventually(cluster.is_settled, 60.0, "everything follows")
    other = successor(await cluster.info(_MIRROR))
    request = {"placement": {"preferred": other}}
    doors = [await cluster.tenancy.connect("door") for _ in range(2)]
    await api.call(doors[0], f"STREAM.LEADER.STEPDOWN.{_MIRROR}", request)

    async def is_led_by_the_other() -> bool:
        return leader_of(await cluster.info(_MIRROR)) == other

    await eventually(is_led_by_the_other, 20.0)
    with pytest.raises(ApiRefused, match="already leader"):
        await api.call(doors[1], f"STREAM.LEADER.STEPDOWN.{_MIRROR}", request)
    assert await is_led_by_the_other()
