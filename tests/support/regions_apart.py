"""Regions that share nothing but the network: each in a namespace of its own, the exchange in one as well.

In a region that falls silent no connection is broken and nobody is told anything: what is sent there is lost. `here` are
bots, a broker and the reserve; near the exchange are a broker and the gateway; further there is a third broker.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson

from fillwire.bus.connection import Bus
from fillwire.bus.server import MAX_FILE_BYTES, MAX_MEMORY_BYTES, find_server
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from support.binance_keys import API_KEY, HMAC_SECRET
from support.broker_proxy import TcpProxy
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, ENVIRONMENT
from support.networks import HERE, Network, network
from support.processes import Process, program
from support.regions import LEASE, NEAR, RESERVE, Listener, Regions, is_made
from support.replicas import Replicas

NEARBY, THIRD, EXCHANGE = "near", "third", "venue"
BROKERS = (HERE, NEARBY, THIRD)  # the second is the one that `Regions` has the log led by

# How long a packet is on its way, in seconds, and what share of them is lost.
_FAR_S, _NEAR_S, _BETWEEN_S, _LOSS = 0.04, 0.002, 0.01, 0.001
_CLIENTS, _ROUTES, _VENUE = 4222, 6222, 8765


@dataclass(frozen=True, slots=True)
class _Broker:
    url: str


@dataclass(frozen=True, slots=True)
class _Venue:
    rest_url: str
    websocket_url: str


class RegionsApart(Regions):
    """Regions with a network between them.

    Attributes:
        network: what is between them.
    """

    def __init__(self, between: Network, gateways: Replicas, bots: list[Listener]) -> None:
        super().__init__(gateways, bots)
        self.network = between


@asynccontextmanager
async def regions_apart(path: Path) -> AsyncIterator[RegionsApart]:
    """Run them inside the block: a gateway near the exchange, a reserve beside the bots, which are here."""
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(network(HERE, NEARBY, THIRD, EXCHANGE, seed=1))
        for other in (NEARBY, THIRD, EXCHANGE):
            between.wire(HERE, other, _FAR_S, _LOSS)
        for other in (NEARBY, EXCHANGE):
            between.wire(THIRD, other, _BETWEEN_S, _LOSS)
        between.wire(NEARBY, EXCHANGE, _NEAR_S, _LOSS)
        await asyncio.gather(*(_broker(stack, between, path, number) for number in range(len(BROKERS))))
        venue = await _venue(stack, between)
        here = f"nats://{between.address(HERE)}:{_CLIENTS}"
        async with await Bus.connect(here, name="control", deadline_s=60) as bus:
            await eventually(lambda: _is_made(bus), 90.0, "streams and buckets on all brokers")
        bus = await stack.enter_async_context(await Bus.connect(here, name="test", deadline_s=60))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        account = Account(ACCOUNT.user, ACCOUNT.exchange, ENVIRONMENT)
        environ = {"FILLWIRE_ACCOUNTS": _key(account), "FILLWIRE_GATEWAY": orjson.dumps(LEASE).decode()}
        gateways = Replicas(_Broker(here), venue, bus, http, stack, environ, [account])
        await gateways.follow()
        listener = Listener("far-away")
        host = await stack.enter_async_context(Host(bus, replicas=3))
        await host.add(bot_of(listener, account))
        found = RegionsApart(between, gateways, [listener])
        await found.lead_near_the_venue()
        await gateways.start(
            NEAR,
            nats=f"nats://{between.address(NEARBY)}:{_CLIENTS}",
            at=between.command(NEARBY),
            FILLWIRE_EXCHANGES=_exchanges(await _relay(stack, between)),
        )
        relay = TcpProxy(f"nats://{between.address(EXCHANGE)}:{_VENUE}")
        await relay.listen()
        stack.push_async_callback(relay.cut)
        reserve = orjson.dumps(LEASE | {"reserve": True}).decode()
        exchanges = _exchanges(relay.url.removeprefix("nats://"))
        await gateways.start(RESERVE, FILLWIRE_EXCHANGES=exchanges, FILLWIRE_GATEWAY=reserve)
        await gateways.owned_by(NEAR)
        await gateways.receiving()
        yield found


async def _is_made(bus: Bus) -> bool:
    try:
        return await is_made(bus)
    except ConfigError:  # as long as the brokers have not met, there are none for three copies
        return False


async def _broker(stack: AsyncExitStack, between: Network, path: Path, number: int) -> Process:
    name = BROKERS[number]
    address = between.address(name)
    routes = ", ".join(f'"nats://{between.address(other)}:{_ROUTES}"' for other in BROKERS if other != name)
    config = path / f"{name}.conf"
    config.write_text(
        f'server_name: "n{number}"\nlisten: "{address}:{_CLIENTS}"\nping_interval: "5s"\n'
        f'jetstream {{ store_dir: "{path / name}", max_file: {MAX_FILE_BYTES}, max_mem: {MAX_MEMORY_BYTES} }}\n'
        f'cluster {{ name: regions, listen: "{address}:{_ROUTES}", no_advertise: true, routes: [{routes}] }}\n'
        "feature_flags { js_ack_fc_v2: false }\n"
    )
    return await stack.enter_async_context(program(*between.command(name, find_server(), "-c", config)))


async def _venue(stack: AsyncExitStack, between: Network) -> _Venue:
    address = between.address(EXCHANGE)
    arguments = ("simulate", "--host", address, "--port", str(_VENUE), "--market-interval", "0")
    command = between.command(EXCHANGE, sys.executable, "-m", "fillwire", *arguments)
    process = await stack.enter_async_context(program(*command))
    await process.said(f"{address}:{_VENUE}")
    return _Venue(f"http://{address}:{_VENUE}", f"ws://{address}:{_VENUE}")


async def _relay(stack: AsyncExitStack, between: Network) -> str:
    """Have the exchange reached on the near region's own machine, and return where: beyond that a plain one is refused."""
    target = f"nats://{between.address(EXCHANGE)}:{_VENUE}"
    command = between.command(NEARBY, sys.executable, "-m", "support.relay", target)
    process = await stack.enter_async_context(program(*command, cwd=Path(__file__).parents[1]))
    await process.said("nats://127.0.0.1:")
    return process.lines[0].removeprefix("nats://")


def _key(account: Account) -> str:
    whose = {"user": account.user, "exchange": account.exchange, "environment": account.environment}
    return orjson.dumps([whose | {"apiKey": API_KEY, "secret": HMAC_SECRET}]).decode()


def _exchanges(netloc: str) -> str:
    urls = {"websocketUrl": f"ws://{netloc}/ws-api/v3", "restUrl": f"http://{netloc}"}
    return orjson.dumps({ACCOUNT.exchange: {"environments": {ENVIRONMENT: urls}}}).decode()
