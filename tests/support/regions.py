"""Regions on one machine: three with a broker, a venue beside one of them, bots beside another, and distance between.

Further bots are where there is no broker of the cluster, but a leaf of it: a server without a store, which passes on.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from fillwire.bus import api
from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.errors import RequestTimedOut
from fillwire.bus.server import MAX_FILE_BYTES, MAX_MEMORY_BYTES, EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.cli.accounting import Balance, Execution, balance
from fillwire.domain.errors import BrokerError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import execution_event_id
from fillwire.runtime.ports import free_ports
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.positions import PositionBucket, bot_position_key
from fillwire.sdk.strategy import Strategy
from support.broker_proxy import TcpProxy
from support.distance import DelayedProxy
from support.divided_cluster import SIZE, DividedCluster, divided_cluster
from support.eventually import eventually
from support.gateway_rig import ENVIRONMENT
from support.replicas import Replicas, replicas

BOTS, VENUE, THIRD = range(3)
"""The regions by what is there; the third has a broker only, so that two brokers remain whichever region is lost."""

ONE_WAY_S = {frozenset({BOTS, VENUE}): 0.04, frozenset({BOTS, THIRD}): 0.035, frozenset({VENUE, THIRD}): 0.01}
LEAF_ONE_WAY_S = 0.04  # from the leaf to any broker
# Clients of a leaf without a store use the cluster's by its domain, as if it were their own.
_DOMAIN = "hub"
_ACCOUNTS = """
{more}
accounts {{
  SYS {{ users: [ {{ user: sys, password: sys }} ] }}
  APP {{ {store} users: [ {{ user: app, password: app }} ] }}
}}
system_account: SYS
no_auth_user: app
"""
# By the order of names the one far away would come first.
NEAR, RESERVE = "gateway-near", "gateway-far"
LEASE = {"leaseMs": 15_000}


class Listener(Strategy):
    """Notes each execution and when it was told."""

    pairs = ("BTC-USDT", "ETH-USDT")

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[tuple[int, OrderEvent]] = []

    async def on_fill(self, order: OrderEvent) -> None:
        """Note it."""
        self.told.append((time.time_ns(), order))


class Regions:
    """The running system.

    Attributes:
        gateways: both gateways, and the venue.
        bots: what is told.
    """

    def __init__(self, gateways: Replicas, bots: list[Listener]) -> None:
        self.gateways = gateways
        self.bots = bots

    async def lead_near_the_venue(self) -> None:
        """Have the log led by the broker beside the venue."""

        async def is_led() -> bool:
            bus = self.gateways.bus
            try:
                if await self._leader(bus) == VENUE:
                    return True
                await api.call(
                    bus, "STREAM.LEADER.STEPDOWN.ORDERS", {"placement": {"preferred": f"n{VENUE}"}}
                )
            except BrokerError:  # it changes
                pass
            return False

        await eventually(is_led, 60.0, "the log led near the venue")

    @staticmethod
    async def _leader(bus: Bus) -> int:
        name: str = (await api.call(bus, "STREAM.INFO.ORDERS"))["cluster"].get("leader", "")
        return int(name.removeprefix("n") or -1)

    async def executions(self) -> dict[str, tuple[int, Execution]]:
        """Return every execution of the venue by its id, and when it was emitted."""
        (each,) = self.gateways.accounts
        path = f"executions?user={each.user}&limit=100000"
        rows = (await self.gateways.control(path, method="GET"))["rows"]
        found: dict[str, tuple[int, Execution]] = {}
        for symbol, order, trade, emitted_ns, *_ in rows:
            event_id = execution_event_id(each, symbol, str(order), str(trade))
            found[event_id] = emitted_ns, Execution(event_id, f"{symbol} {order}")
        return found

    async def balance(self, bot: Listener) -> Balance:
        """Return how what a bot was told differs from the venue's own records."""
        executed = (execution for _, execution in (await self.executions()).values())
        told = (Execution(order.event_id, f"{order.symbol} {order.order_id}") for _, order in bot.told)
        return balance(executed, told)

    async def latencies_ns(self, bot: Listener, first: int) -> list[int]:
        """Return the time from emit to callback of all fills of a bot but the `first` so many."""
        emitted = await self.executions()
        return [told_ns - emitted[order.event_id][0] for told_ns, order in bot.told[first:]]

    @staticmethod
    def longest_silence_s(bot: Listener, since_ns: int) -> float:
        """Return for how long a bot was told of nothing, at the longest, after a moment of the wall clock."""
        times = [since_ns, *(told_ns for told_ns, _ in bot.told if told_ns > since_ns)]
        return max(later - earlier for earlier, later in pairwise(times)) / 1e9

    async def told(self, count: int, deadline_s: float = 90.0) -> None:
        """Wait until every bot was told so many fills."""
        await eventually(
            lambda: all(len(bot.told) >= count for bot in self.bots), deadline_s, f"{count} fills told"
        )


class ProxiedRegions(Regions):
    """Regions with proxies between them.

    Attributes:
        cluster: the brokers, by region.
        bots: one beside a broker, one at the leaf and on the fast lane.
    """

    def __init__(self, cluster: DividedCluster, gateways: Replicas, bots: list[Listener]) -> None:
        super().__init__(gateways, bots)
        self.cluster = cluster


def _distant(ends: tuple[int, int], url: str) -> TcpProxy:
    return DelayedProxy(url, ONE_WAY_S[frozenset(ends)])


@asynccontextmanager
async def regions(path: Path) -> AsyncIterator[ProxiedRegions]:
    """Run three regions inside the block: a gateway beside the venue, a reserve beside the bot.

    Args:
        path: where the brokers keep their stores.
    """
    async with AsyncExitStack() as stack:
        leaf_ports = free_ports(SIZE)
        hubs = [
            f'leafnodes {{ listen: "127.0.0.1:{port}", no_advertise: true }}\n'
            f'jetstream {{ domain: {_DOMAIN}, store_dir: "{path / f"broker-{number}" / "jetstream"}",'
            f" max_file: {MAX_FILE_BYTES}, max_mem: {MAX_MEMORY_BYTES} }}\n"
            + _ACCOUNTS.format(more="", store="jetstream: enabled,")
            for number, port in enumerate(leaf_ports)
        ]
        cluster = await stack.enter_async_context(divided_cluster(path, route=_distant, more_config=hubs))
        leaf = await stack.enter_async_context(_leaf(path, [leaf_ports[VENUE], leaf_ports[THIRD]]))
        here, near = cluster.servers[BOTS], cluster.servers[VENUE]
        async with await Bus.connect(here.url, name="control", deadline_s=30) as bus:
            await eventually(lambda: is_made(bus), 60.0, "streams and buckets on all brokers")
        gateways = await stack.enter_async_context(replicas(path, broker=here, FILLWIRE_GATEWAY=LEASE))
        venue = await stack.enter_async_context(_far_venue(gateways))
        bots = [Listener("beside-a-broker"), Listener("at-a-leaf")]
        (account,) = gateways.accounts
        for bot, server, fast_lane in zip(bots, (here, leaf), (False, True), strict=True):
            bus = await stack.enter_async_context(await Bus.connect(server.url, name=bot.name, deadline_s=30))
            await _answers(bus)
            host = await stack.enter_async_context(Host(bus, fast_lane=fast_lane, replicas=3))
            await host.add(bot_of(bot, account))
        found = ProxiedRegions(cluster, gateways, bots)
        await found.lead_near_the_venue()
        await gateways.start(NEAR, nats=near.url)
        await gateways.start(
            RESERVE,
            FILLWIRE_EXCHANGES=orjson.dumps(
                {account.exchange: {"environments": {ENVIRONMENT: venue}}}
            ).decode(),
            FILLWIRE_GATEWAY=orjson.dumps(LEASE | {"reserve": True}).decode(),
        )
        await gateways.owned_by(NEAR)
        await gateways.receiving()
        yield found


def _urls(proxies: list[DelayedProxy], user: str) -> str:
    return ", ".join(f'"nats://{user}:{user}@{urlsplit(proxy.url).netloc}"' for proxy in proxies)


async def is_made(bus: Bus) -> bool:
    """Make streams and buckets, unless a leader that is still to be chosen keeps one of them from being answered for."""
    try:
        await ensure_streams(bus, replicas=3)
        await ensure_buckets(bus, replicas=3)
    except RequestTimedOut:
        return False
    return True


async def _answers(bus: Bus) -> None:
    """Wait until log and positions can be reached: a leaf is up before it is connected, and a bucket made before all know where."""

    async def is_so() -> bool:
        try:
            await api.call(bus, "STREAM.INFO.ORDERS")
            await PositionBucket(bus).look(bot_position_key("nobody", "none"))
        except BrokerError:
            return False
        return True

    await eventually(is_so, 15.0, "log and positions reached")


@asynccontextmanager
async def _leaf(path: Path, ports: list[int]) -> AsyncIterator[EmbeddedServer]:
    """Run a leaf of brokers that are reached at these ports, the first of them first."""
    proxies = [DelayedProxy(f"nats://127.0.0.1:{port}", LEAF_ONE_WAY_S) for port in ports]
    for proxy in proxies:
        await proxy.listen()
    remotes = ", ".join(
        f"{{ urls: [{_urls(proxies, user)}], account: {account}, no_randomize: true }}"
        for account, user in (("APP", "app"), ("SYS", "sys"))
    )
    try:
        async with EmbeddedServer(
            path / "leaf",
            extra_config=f"server_name: leaf\njetstream: disabled\n"
            f"{_ACCOUNTS.format(more=f'default_js_domain {{ APP: {_DOMAIN} }}', store='')}"
            f"leafnodes {{ reconnect: 1, remotes: [ {remotes} ] }}",
        ) as server:
            yield server
    finally:
        for proxy in proxies:
            await proxy.cut()


@asynccontextmanager
async def _far_venue(gateways: Replicas) -> AsyncIterator[dict[str, str]]:
    """Yield the addresses by which the venue is reached from the region of the bots."""
    websocket = urlsplit(gateways.venue.websocket_url)
    proxy = DelayedProxy(f"nats://{websocket.netloc}", ONE_WAY_S[frozenset({BOTS, VENUE})])
    await proxy.listen()
    netloc = urlsplit(proxy.url).netloc
    try:
        yield {
            "websocketUrl": websocket._replace(netloc=netloc).geturl(),
            "restUrl": urlsplit(gateways.venue.rest_url)._replace(netloc=netloc).geturl(),
        }
    finally:
        await proxy.cut()
