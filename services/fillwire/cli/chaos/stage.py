"""The running system that faults happen to: brokers, venue, gateway and bots as real processes, and the handles on them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from fillwire.bus.buckets import STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.partitions import Partitions
from fillwire.bus.server import EmbeddedServer
from fillwire.cli.chaos import bots
from fillwire.cli.chaos.brake import Brake
from fillwire.cli.chaos.cluster import BrokerCluster
from fillwire.cli.chaos.fault import Ground, Part
from fillwire.cli.chaos.ordering import Ordering
from fillwire.cli.chaos.proxy import BrokerProxy
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Child, ChildError, Stack
from fillwire.domain.errors import BrokerError
from fillwire.simulator.registry import SIMULATORS
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import account_tokens

# A run squeezes weeks of mishaps into minutes, so what waits for minutes elsewhere waits for seconds here, and the venue
# lets itself be asked as much more often.
COMPRESSED = {
    "FILLWIRE_LOG": "warning",
    "FILLWIRE_WEBSOCKET__HEARTBEAT_INTERVAL_MS": "1000",
    "FILLWIRE_WEBSOCKET__AUDIT_INTERVAL_MS": "1000",
    "FILLWIRE_WEBSOCKET__CONNECTION_TIMEOUT": "3000",
    "FILLWIRE_WEBSOCKET__RECONNECT__MAX_DELAY_MS": "1000",
}
WINDOW_VARIABLE = "FILLWIRE_NATS__DUPLICATE_WINDOW_MS"
_VENUE = (
    *("--market-interval", "0", "--connection-limit", "1000000", "--weight-limit", "1000000"),
    *("--ping-interval", "5"),
)
FIRST = "gateway"
EMITTED_SYMBOLS = 4  # over so many the executions are spread
_READY_DEADLINE_S = 60.0
_RESTART_DEADLINE_S = 120.0
_RESTART_PAUSE_S = 0.2
_LEADER_DEADLINE_S = 60.0


@dataclass(slots=True)
class Rule:
    """A rule by which the venue strikes.

    Attributes:
        id: by which the venue knows it.
        hits: how often it has struck, once it is removed.
    """

    id: int
    hits: int = 0


@dataclass(slots=True)
class Stage:
    """The running system.

    Attributes:
        directory: where configuration, recordings and logs are.
        stack: the processes.
        venue: the simulated exchange.
        brokers: one, or those of the cluster.
        bus: our own connection to the broker.
        gateways: the gateways' processes by name: one, and a second where a fault wants it.
        host: the bots' process.
        locks: held by a fault while it has its part.
        ordering: asks for counter-orders.
        proxy: between the gateway and the broker, where a fault wants one.
    """

    directory: Path
    stack: Stack
    venue: SimulatedVenue
    brokers: list[EmbeddedServer]
    bus: Bus
    gateways: dict[str, Child]
    host: Child
    cluster: BrokerCluster | None
    locks: dict[Part, asyncio.Lock]
    ordering: Ordering
    _brake: Brake
    proxy: BrokerProxy | None = None
    _key: int = 0
    _seconds: int = 0

    # What faults do

    async def cut(self, how: str = "abort") -> None:
        """End all connections to the venue: `abort`, `close` with a close frame, or in the `mid_frame`."""
        await self.venue.control("POST", "cut", {"user": "all", "how": how})

    @asynccontextmanager
    async def rule(self, kind: str, **options: object) -> AsyncIterator[Rule]:
        """Have the venue strike by a rule of its control API inside the block."""
        made = await self.venue.control("POST", "faults", {"kind": kind, **options})
        rule = Rule(made["id"])
        try:
            yield rule
        finally:
            rule.hits = (await self.venue.control("DELETE", f"faults/{made['id']}"))["hits"]

    async def has_struck(self, rule: Rule) -> bool:
        """Return whether a rule has struck."""
        rules = await self.venue.control("GET", "faults")
        return any(each["id"] == rule.id and each["hits"] > 0 for each in rules)

    def replace_key(self) -> None:
        """Put the account's other key into the gateway's configuration, as a person does with one that is refused."""
        keys = self.venue.keys
        self._key = (self._key + 1) % len(keys)
        self.venue.configure(self.stack, keys[self._key])

    async def start(self, child: Child) -> None:
        """Start a process again as its supervisor would: until it is ready, for it may not find what it needs at first.

        Raises:
            ChildError: it was not ready within two minutes.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + _RESTART_DEADLINE_S
        while True:
            try:
                await child.start(_READY_DEADLINE_S)
            except ChildError:
                if loop.time() >= end:
                    raise
                await asyncio.sleep(_RESTART_PAUSE_S)
            else:
                return

    @asynccontextmanager
    async def killed(self, child: Child) -> AsyncIterator[None]:
        """Kill a process with SIGKILL, and start it again at the end of the block."""
        await child.kill()
        try:
            yield
        finally:
            await self.start(child)

    @asynccontextmanager
    async def second_gateway(self) -> AsyncIterator[None]:
        """Run another gateway of the same exchange inside the block; it leaves in order."""
        self._seconds += 1
        name = f"second-{self._seconds}"
        second = Child(name, _gateway(self.venue, name), self.directory, self.stack.environ)
        try:
            await self.start(second)
            self.gateways[name] = second
            yield
        finally:
            self.gateways.pop(name, None)
            await second.stop()

    @asynccontextmanager
    async def proxied_gateway(self) -> AsyncIterator[None]:
        """Have the gateway connect to the broker through `proxy` inside the block."""
        original = self.gateways[FIRST]
        self.proxy = await BrokerProxy.start(self.stack.broker.url)
        environ = self.stack.environ | {"FILLWIRE_NATS__URL": self.proxy.url}
        through = Child(FIRST, _gateway(self.venue, FIRST), self.directory, environ)
        try:
            await original.stop()
            self.gateways[FIRST] = through
            await self.start(through)
            yield
        finally:
            await through.stop()
            self.gateways[FIRST] = original
            await self.start(original)
            await self.proxy.stop()
            self.proxy = None

    async def owner(self) -> Child:
        """Return the gateway that has the account, as it was last said; the first if nobody living has said so."""
        entry = None
        with suppress(BrokerError):  # another fault has it
            entry = await Bucket(self.bus, STATUS).get(account_tokens(self.venue.account))
        if entry is not None and entry.value is not None:
            found = self.gateways.get(decode_connection(entry.value).gateway)
            if found is not None:
                return found
        return self.gateways[FIRST]

    @contextmanager
    def standing_still(self, child: Child) -> Iterator[None]:
        """Stop a process inside the block, as a long pause of its machine would."""
        os.kill(child.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if child.is_running:  # else it was killed meanwhile
                os.kill(child.pid, signal.SIGCONT)

    @contextmanager
    def brake(self, milliseconds: int) -> Iterator[None]:
        """Have the braked bot take as long over each fill inside the block."""
        self._brake.set(milliseconds)
        try:
            yield
        finally:
            self._brake.set(0)

    async def leader(self) -> EmbeddedServer:
        """Return the broker that leads the stream of the account's order events, once there is one.

        Raises:
            TimeoutError: there is none for a minute.
        """
        if self.cluster is None:
            return self.brokers[0]
        async with asyncio.timeout(_LEADER_DEADLINE_S):
            while True:
                try:
                    return await self.cluster.leader(
                        self.bus, self.bus.partitions.stream_of(self.venue.account.user)
                    )
                except (BrokerError, KeyError, ValueError):  # an election
                    await asyncio.sleep(_RESTART_PAUSE_S)

    @asynccontextmanager
    async def part(self, part: Part) -> AsyncIterator[None]:
        """Have a part for oneself inside the block: nobody kills what somebody else has just killed."""
        if part is Part.VENUE:
            yield
            return
        async with self.locks[part]:
            yield

    @staticmethod
    async def sleep(duration_s: float) -> None:
        """Let time pass."""
        await asyncio.sleep(duration_s)

    # What is asked of it

    def ended(self) -> list[Child]:
        """Return the processes that have ended though nobody stopped them."""
        return [child for child in (*self.gateways.values(), self.host) if not child.is_running]


def braked_pair(exchange: str) -> str:
    """Return the pair to which the bot listens that can be braked: the venue's first."""
    symbol = SIMULATORS[exchange].demo.symbols[0]
    return f"{symbol.base}-{symbol.quote}"


def countered_pair(exchange: str) -> str:
    """Return the pair of which fills are answered by counter-orders: the venue's second."""
    symbol = SIMULATORS[exchange].demo.symbols[1]
    return f"{symbol.base}-{symbol.quote}"


def _named_pairs(exchange: str) -> list[str]:
    """Return the pairs that a bot has to name, so that nothing in them can be lost from sight (docs/delivery.md)."""
    demo = SIMULATORS[exchange].demo
    if demo.tells_symbols:
        return [braked_pair(exchange)]
    return [f"{symbol.base}-{symbol.quote}" for symbol in demo.symbols[:EMITTED_SYMBOLS]]


def _gateway(venue: SimulatedVenue, name: str) -> tuple[str, ...]:
    return "gateway", "--exchange", venue.account.exchange, "--name", name


@asynccontextmanager
async def open_stage(  # noqa: PLR0913 - what decides it
    directory: Path,
    exchange: str,
    ground: Ground,
    seed: int,
    *,
    duplicate_window_s: float,
    fast_lane: bool = False,
    partitions: int = 1,
) -> AsyncIterator[Stage]:
    """Start everything and yield it once fills are detected live; stop everything at the end.

    Args:
        directory: where everything is kept; it must exist and be empty.
        exchange: which venue.
        ground: on one broker or three.
        seed: of the venue: its ids, and which frames a probability strikes.
        duplicate_window_s: so long the broker remembers message ids.
        fast_lane: whether bots are told of live copies, too.
        partitions: of the log.

    Raises:
        FillwireError: a part did not start.
    """
    async with AsyncExitStack() as exits:
        environ = COMPRESSED | {WINDOW_VARIABLE: str(round(duplicate_window_s * 1e3))}
        cluster: BrokerCluster | None = None
        if ground is Ground.CLUSTER:
            cluster = await exits.enter_async_context(
                BrokerCluster(directory, Partitions(partitions).configuration())
            )
            environ["FILLWIRE_NATS__REPLICAS"] = str(len(cluster.servers))
        broker = None if cluster is None else cluster.servers[0]
        stack = await exits.enter_async_context(
            Stack(directory, environ, broker=broker, partitions=partitions)
        )
        url = stack.broker.url
        if cluster is not None:
            url = stack.environ["FILLWIRE_NATS__URL"] = cluster.url
        venue = await SimulatedVenue.start(
            stack, aiohttp.ClientSession(), *_VENUE, "--seed", str(seed), exchange=exchange
        )
        exits.push_async_callback(venue.close)
        bus = await exits.enter_async_context(await Bus.connect(url, name="chaos", partitions=partitions))
        account = venue.account
        brake = Brake(directory)
        gateway = stack.add(FIRST, *_gateway(venue, FIRST))
        host = stack.add(
            "host",
            *("run", str(Path(bots.__file__))),
            *("--user", account.user, "--exchange", account.exchange, "--environment", account.environment),
            *("--param", f"directory={directory}", "--param", f"braked_pair={braked_pair(exchange)}"),
            *("--param", f"countered_pair={countered_pair(exchange)}"),
            *("--param", f"named_pairs={','.join(_named_pairs(exchange))}"),
            *("--param", f"rests={not SIMULATORS[exchange].demo.keeps_orders}"),
            "--fast-lane" if fast_lane else "--no-fast-lane",
        )
        stage = Stage(
            directory=directory,
            stack=stack,
            venue=venue,
            brokers=[stack.broker] if cluster is None else cluster.servers,
            bus=bus,
            gateways={FIRST: gateway},
            host=host,
            cluster=cluster,
            locks={part: asyncio.Lock() for part in Part},
            ordering=Ordering(directory, bots.recording_path(directory, bots.COUNTERING)),
            _brake=brake,
        )
        await stage.start(gateway)
        await stage.start(host)
        await venue.wait_receiving(url, _READY_DEADLINE_S)
        yield stage
