"""Several gateways of one exchange as processes, a broker, a venue with several accounts, and eyes on all of them."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson

from fillwire.bus.buckets import DESIRED, LEASES, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.cli.accounting import Balance, Execution, balance
from fillwire.domain.enums import ConnectionState, OrderType, Side
from fillwire.domain.errors import BrokerError
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.domain.orders import OrderRequest, TradeOrder
from fillwire.gateway.ownership import Owner
from fillwire.simulator.binance.server import BinanceSimulator
from fillwire.simulator.settings import AccountSettings, KeySettings, SimulatorSettings
from fillwire.wire.codec import decode_connection, decode_order
from fillwire.wire.commands import PLACE_ORDER, decode_trade_order, encode_command
from fillwire.wire.subjects import account_tokens, command_subject
from support.eventually import eventually
from support.gateway_rig import ENVIRONMENT, gateway_environ
from support.processes import Process, program


class BrokerAddress(Protocol):
    """A broker, wherever it runs."""

    @property
    def url(self) -> str:
        """Where clients connect."""


class VenueAddresses(Protocol):
    """A simulated venue, wherever it runs."""

    @property
    def websocket_url(self) -> str:
        """Where accounts connect."""

    @property
    def rest_url(self) -> str:
        """Where it answers, also to its control API."""


def account(number: int) -> Account:
    """Return one of the accounts."""
    return Account(f"user-{number}", "binance", ENVIRONMENT)


class Replicas:
    """Gateways that share accounts.

    Attributes:
        broker: the real nats-server.
        venue: the simulated venue.
        bus: a connection of the test's own.
        accounts: all accounts, each with a key at every gateway.
        gateways: the processes by name.
        arrivals: when each order event was published, by the test's monotonic clock, and whose it was.
        connections: connection events, as they were published.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self,
        broker: BrokerAddress,
        venue: VenueAddresses,
        bus: Bus,
        http: aiohttp.ClientSession,
        stack: AsyncExitStack,
        environ: Mapping[str, str],
        accounts: list[Account],
    ) -> None:
        self.broker = broker
        self.bus = bus
        self.accounts = accounts
        self.gateways: dict[str, Process] = {}
        self.arrivals: list[tuple[float, str]] = []
        self.connections: list[ConnectionEvent] = []
        self.venue = venue
        self._http = http
        self._stack = stack
        self._environ = environ

    async def follow(self) -> None:
        """Begin to collect what is published."""

        def note(message: Message) -> None:
            self.arrivals.append((time.monotonic(), message.subject.split(".")[1]))

        await self.bus.subscribe("orders.>", note)
        await self.bus.subscribe(
            "connections.>", lambda message: self.connections.append(decode_connection(message.data))
        )

    async def wish(self) -> None:
        """Have a bot listen to every account."""
        for each in self.accounts:
            value = orjson.dumps({"v": 1, "pairs": ["BTC-USDT"], "bots": 1})
            await Bucket(self.bus, DESIRED).put(f"{account_tokens(each)}.test", value)

    async def start(
        self, name: str, *, nats: str | None = None, at: Sequence[str] = (), **environ: str
    ) -> Process:
        """Start a gateway and return it when it is ready.

        Args:
            name: of the gateway.
            nats: the broker that it connects to, if it is another.
            at: the command that runs another one where the gateway is to run; none for here.
            environ: changes to its environment, by variable.
        """
        arguments = ("gateway", "--exchange", "binance", "--nats", nats or self.broker.url, "--name", name)
        process = await self._stack.enter_async_context(
            program(*at, sys.executable, "-m", "fillwire", *arguments, environ={**self._environ, **environ})
        )
        self.gateways[name] = process
        await process.said('"ready": true', 30.0)
        return process

    async def owners(self) -> dict[Account, str]:
        """Return which gateway holds the lease of each account that is held."""
        owners: dict[Account, str] = {}
        for each in self.accounts:
            entry = await Bucket(self.bus, LEASES).get(account_tokens(each))
            if entry is not None and entry.value is not None:
                owners[each] = Owner.decode(entry.value).gateway
        return owners

    async def spread(self) -> Counter[str]:
        """Return how many accounts each gateway owns."""
        return Counter((await self.owners()).values())

    async def owned_by(self, *names: str, deadline_s: float = 40.0) -> None:
        """Wait until all accounts are owned, by some of these gateways and each of them by one at least."""

        async def is_so() -> bool:
            try:
                owners = await self.owners()
            except BrokerError:  # a broker was asked that is silent: it is asked again
                return False
            return len(owners) == len(self.accounts) and set(owners.values()) == set(names)

        await eventually(is_so, deadline_s, f"all accounts owned by {names}")

    async def receiving(self, count: int | None = None, deadline_s: float = 40.0) -> None:
        """Wait until so many sockets are subscribed at the venue: one for each account, unless said otherwise."""
        expected = len(self.accounts) if count is None else count

        async def is_so() -> bool:
            return await self.subscriptions() == expected

        await eventually(is_so, deadline_s, f"{expected} subscribed sockets")

    async def subscriptions(self) -> int:
        """Return how many sockets are subscribed to an account at the venue, over all accounts."""
        accounts = (await self.control("stats", method="GET"))["accounts"]
        return sum(accounts[each.user]["subscriptions"] for each in self.accounts)

    async def control(self, path: str, body: Mapping[str, object] | None = None, method: str = "POST") -> Any:
        """Call the simulator's control API."""
        url = f"{self.venue.rest_url}/sim/{path}"
        async with self._http.request(method, url, json=body or {}) as response:
            document = await response.json()
            assert response.status == 200, document
            return document

    async def emit(self, rate: float, count: int) -> list[int]:
        """Have the venue execute `count` fills of each account at `rate` per second; return the jobs."""
        bodies = [
            {"user": each.user, "count": count, "orders": 10, "rate": rate, "symbols": ["BTCUSDT", "ETHUSDT"]}
            for each in self.accounts
        ]
        return [(await self.control("emit", body))["job"] for body in bodies]

    async def emitted(self, jobs: list[int], deadline_s: float = 60.0) -> None:
        """Wait until the venue has executed all of these."""

        async def is_so() -> bool:
            documents = [await self.control(f"emit/{job}", method="GET") for job in jobs]
            return all(document["finished_ns"] for document in documents)

        await eventually(is_so, deadline_s, "emitted")

    async def balance(self) -> Balance:
        """Return how the log differs from the venue's own records."""
        told: list[Execution] = []

        def take(message: Message) -> None:
            event = decode_order(message.data)
            if event.last_fill is not None:
                told.append(Execution(event.event_id, f"{event.user} {event.symbol} {event.order_id}"))

        await read_stream(self.bus, "ORDERS", "orders.>", "all", take)
        executed: list[Execution] = []
        for each in self.accounts:
            rows = (await self.control(f"executions?user={each.user}&limit=100000", method="GET"))["rows"]
            executed += [
                Execution(
                    execution_event_id(each, symbol, str(order), str(trade)), f"{each.user} {symbol} {order}"
                )
                for symbol, order, trade, *_ in rows
            ]
        return balance(executed, told)

    async def settled(self, deadline_s: float = 40.0) -> Balance:
        """Wait until the log holds everything that was executed, and return how it differs."""

        async def is_complete() -> bool:
            return (await self.balance()).lost == 0

        await eventually(is_complete, deadline_s, "everything in the log")
        return await self.balance()

    def gap_s(self, since_s: float, until_s: float) -> float:
        """Return the longest silence of any account between two moments of the monotonic clock."""
        longest_s = 0.0
        for each in self.accounts:
            times = [at_s for at_s, user in self.arrivals if user == each.user and since_s < at_s < until_s]
            moments = [since_s, *times, until_s]
            longest_s = max(longest_s, *(b - a for a, b in pairwise(moments)))
        return longest_s

    async def flowing(self, since_s: float, deadline_s: float = 30.0) -> float:
        """Wait for the first order event after a moment, and return how long after it came."""
        await eventually(lambda: self.arrivals and self.arrivals[-1][0] > since_s, deadline_s, "events flow")
        return next(at_s for at_s, _ in self.arrivals if at_s > since_s) - since_s

    async def place(self, each: Account, client_order_id: str, timeout_s: float = 5.0) -> TradeOrder:
        """Place an order that rests, as a bot does.

        Raises:
            BrokerError: nobody answers.
        """
        request = OrderRequest(
            client_order_id=client_order_id,
            pair="BTC-USDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal("0.001"),
            price=Decimal(60000),
        )
        answer = await self.bus.request(
            command_subject(each, PLACE_ORDER), encode_command(request), timeout_s
        )
        return decode_trade_order(answer)

    async def orders(self, each: Account) -> int:
        """Return how many orders the venue has of an account."""
        return int((await self.control("stats", method="GET"))["accounts"][each.user]["orders"])

    def disconnections(self) -> list[ConnectionEvent]:
        """Return what was told of connections that were receiving and are no longer."""
        return [
            event
            for event in self.connections
            if not event.is_connected and event.previous_state is ConnectionState.RECEIVING
        ]


@asynccontextmanager
async def replicas(
    path: Path, count: int = 1, broker: EmbeddedServer | None = None, **environ: object
) -> AsyncIterator[Replicas]:
    """Run broker and venue inside the block; gateways are started by the test.

    Args:
        path: where the broker keeps its store.
        count: how many accounts there are.
        broker: one that runs, such as one of a cluster, with all streams and buckets; None for one of its own.
        environ: changes to the gateways' environment, by variable.
    """
    async with AsyncExitStack() as stack:
        is_own = broker is None
        if broker is None:
            broker = await stack.enter_async_context(EmbeddedServer(path / "broker"))
        accounts = [account(number) for number in range(count)]
        keys = {each: f"{'k' * 60}{number:04d}" for number, each in enumerate(accounts)}
        settings = SimulatorSettings(
            accounts=tuple(
                AccountSettings(user=each.user, keys=(KeySettings(api_key=key, secret=key[::-1]),))
                for each, key in keys.items()
            )
        )
        venue = await stack.enter_async_context(BinanceSimulator(settings))
        bus = await stack.enter_async_context(await Bus.connect(broker.url, name="test"))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        if is_own:
            await ensure_streams(bus)
            await ensure_buckets(bus)
        entries = [
            {
                "user": each.user,
                "exchange": each.exchange,
                "environment": each.environment,
                "apiKey": key,
                "secret": key[::-1],
            }
            for each, key in keys.items()
        ]
        variables = gateway_environ(venue, FILLWIRE_ACCOUNTS=entries, **environ)
        found = Replicas(broker, venue, bus, http, stack, variables, accounts)
        await found.follow()
        await found.wish()
        yield found


def say(sentence: str) -> None:
    """Print a measured figure; `pytest -s` shows it."""
    print(sentence)  # noqa: T201 - one runs these tests for it, too


async def moment(seconds: float) -> None:
    """Let time pass that a test is about, such as for how long a process is paused."""
    await asyncio.sleep(seconds)
