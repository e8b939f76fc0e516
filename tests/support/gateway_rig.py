"""A whole gateway in the test's process: real broker, simulated venue on a real socket, and the gateway between them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from fillwire.bus.buckets import DESIRED, STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import Alert, ConnectionEvent, OrderEvent
from fillwire.domain.identifiers import Account, escape_token, execution_event_id
from fillwire.domain.orders import (
    CancelRequest,
    OpenOrders,
    OpenOrdersQuery,
    OrderQuery,
    OrderRequest,
    TradeOrder,
)
from fillwire.domain.rules import RulesAnswer, RulesQuery
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.gateway.service import CAPACITY, Gateway
from fillwire.runtime.settings import AccountsRead, load_accounts, load_settings
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.registry import SIMULATORS
from fillwire.simulator.settings import SimulatorSettings
from fillwire.venues.registry import venue
from fillwire.wire.codec import decode_alert, decode_connection, decode_order
from fillwire.wire.commands import (
    CANCEL_ORDER,
    GET_ORDER,
    OPEN_ORDERS,
    PAIR_RULES,
    PLACE_ORDER,
    decode_open_orders,
    decode_rules_answer,
    decode_trade_order,
    encode_command,
)
from fillwire.wire.commands import STATUS as STATUS_VERB
from fillwire.wire.subjects import account_tokens, command_subject, connection_subject
from support.binance_keys import API_KEY, HMAC_SECRET
from support.eventually import eventually

if TYPE_CHECKING:
    from fillwire.bus.messages import Message

ENVIRONMENT = "simulated"
ACCOUNT = Account("demo", "binance", ENVIRONMENT)


def gateway_environ(simulator: Simulator, **changes: object) -> dict[str, str]:
    """Return an environment that points a gateway to the simulator, with the demo account's first key of two texts."""
    key = simulator.settings.accounts[0].keys[0]
    is_binance = simulator.exchange == ACCOUNT.exchange
    account: dict[str, object] = {
        "user": ACCOUNT.user,
        "exchange": simulator.exchange,
        "environment": ENVIRONMENT,
        "apiKey": API_KEY if is_binance else key.api_key,
    }
    if key.secret is None:  # the venue has the public half only
        variable = simulator.demo.keys[0]["privateKey"].removeprefix("env:")
        account["privateKey"] = simulator.demo.variables[variable]
    else:
        account["secret"] = HMAC_SECRET if is_binance else key.secret
    if key.passphrase:
        account["passphrase"] = key.passphrase
    websocket: dict[str, object] = {
        "connectionTimeout": 5000,
        "heartbeatIntervalMs": 30000,
        "reconnect": {"maxRetries": 10, "initialDelayMs": 10, "maxDelayMs": 200, "backoffMultiplier": 1.5},
    }
    urls = {"websocketUrl": simulator.websocket_url, "restUrl": simulator.rest_url}
    values: dict[str, object] = {
        "FILLWIRE_WEBSOCKET": websocket,
        "FILLWIRE_EXCHANGES": {simulator.exchange: {"environments": {ENVIRONMENT: urls}}},
        "FILLWIRE_ACCOUNTS": [account],
    }
    return {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in (values | changes).items()
    }


class Rig:
    """Everything a test of the gateway touches.

    Attributes:
        broker: the real nats-server.
        simulator: the venue.
        account: the demo account there.
        bus: a connection of the test's own.
        gateway: what is tested.
        environ: the gateway's environment; it is read again when a key is missing or refused.
        connections: connection events of the demo account, as they were published.
        messages: order events, as they were published.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self,
        broker: EmbeddedServer,
        simulator: Simulator,
        make_gateway: Callable[[], Gateway],
        bus: Bus,
        http: aiohttp.ClientSession,
        environ: dict[str, str],
    ) -> None:
        self.broker = broker
        self.simulator = simulator
        self.account = replace(ACCOUNT, exchange=simulator.exchange)
        self.gateway = make_gateway()
        self._make_gateway = make_gateway
        self._running = AsyncExitStack()
        self.bus = bus
        self.environ = environ
        self.connections: list[ConnectionEvent] = []
        self.messages: list[Message] = []
        self._http = http
        self._passed = 0

    async def start(self) -> None:
        """Start the gateway; after `stop` another one, which knows nothing but its configuration."""
        bus = await self._running.enter_async_context(await Bus.connect(self.broker.url, name="gateway-test"))
        await self._running.enter_async_context(self.gateway.running(bus))

    async def stop(self) -> None:
        """Stop the gateway."""
        await self._running.aclose()
        self._running = AsyncExitStack()
        self.gateway = self._make_gateway()

    @property
    def states(self) -> list[ConnectionState]:
        """States the demo account's connection went through."""
        return [event.state for event in self.connections]

    @property
    def fills(self) -> list[str]:
        """Event ids of the executions that were published, in that order."""
        return [event.event_id for event in self.orders if event.last_fill is not None]

    @property
    def orders(self) -> list[OrderEvent]:
        """Order events that were published."""
        return [decode_order(message.data) for message in self.messages]

    async def logged(self) -> list[OrderEvent]:
        """Return the order events that the log holds, in its order."""
        events: list[OrderEvent] = []
        await read_stream(
            self.bus, "ORDERS", "orders.>", "all", lambda message: events.append(decode_order(message.data))
        )
        return events

    async def alerts(self) -> list[Alert]:
        """Return the alerts that were raised."""
        alerts: list[Alert] = []
        await read_stream(
            self.bus, "ALERTS", "alerts.>", "all", lambda message: alerts.append(decode_alert(message.data))
        )
        return alerts

    async def follow(self) -> None:
        """Begin to collect what is published."""
        await self.bus.subscribe(
            connection_subject(self.account),
            lambda message: self.connections.append(decode_connection(message.data)),
        )
        await self.bus.subscribe("orders.>", self.messages.append)

    async def wish(
        self,
        *pairs: str,
        subscriber: str = "host-1",
        account: Account | None = None,
        ttl_s: float | None = None,
    ) -> None:
        """Say that a bot listens to these pairs, or with none that it has left."""
        key = f"{account_tokens(account or self.account)}.{escape_token(subscriber)}"
        bucket = Bucket(self.bus, DESIRED)
        if pairs:
            await bucket.put(key, orjson.dumps({"v": 1, "pairs": pairs, "bots": 1}), ttl_s=ttl_s)
        else:
            await bucket.delete(key)

    async def receiving(self) -> None:
        """Wait until the demo account receives, again if it did before."""
        await self.passed(ConnectionState.RECEIVING)

    async def state(self, state: ConnectionState, deadline_s: float = 10.0) -> ConnectionEvent:
        """Wait until the demo account's connection is in `state`, and return the event that says so."""
        await eventually(
            lambda: self.connections and self.connections[-1].state is state, deadline_s, f"{state}"
        )
        return self.connections[-1]

    async def passed(self, state: ConnectionState, deadline_s: float = 10.0) -> ConnectionEvent:
        """Wait until the demo account's connection has been in `state` since it was last asked, and return the event.

        A state may last no longer than a millisecond.
        """
        await eventually(lambda: state in self.states[self._passed :], deadline_s, f"{state}")
        at = self.states.index(state, self._passed)
        self._passed = at + 1
        return self.connections[at]

    async def control(self, path: str, body: Mapping[str, object] | None = None, method: str = "POST") -> Any:
        """Call the simulator's control API."""
        url = f"{self.simulator.rest_url}/sim/{path}"
        async with self._http.request(method, url, json=body or {}) as response:
            document = await response.json()
            assert response.status == 200, document
            return document

    async def emit(self, count: int, **options: object) -> None:
        """Have the venue execute `count` fills of the demo account, and wait until it has."""
        job = await self.control("emit", {"user": ACCOUNT.user, "count": count, **options})
        await eventually(lambda: self._is_emitted(job), 30.0, "emitted")

    async def _is_emitted(self, job: Mapping[str, Any]) -> bool:
        document = await self.control(f"emit/{job['job']}", method="GET")
        return bool(document["finished_ns"])

    async def executions(self) -> list[str]:
        """Return the event id of every execution of the demo account, by the venue's own records, in its order."""
        url = f"{self.simulator.rest_url}/sim/executions?user={ACCOUNT.user}&limit=100000"
        async with self._http.get(url) as response:
            document = await response.json()
        name = venue(self.account.exchange).trade_key
        return [
            execution_event_id(self.account, symbol, str(order_id), name(str(trade_id), Decimal(cumulative)))
            for symbol, order_id, trade_id, *_, cumulative in document["rows"]
        ]

    async def ask(self, verb: str, body: bytes = b"", timeout_s: float = 5.0) -> bytes:
        """Send a command to the demo account's gateway and return the answer."""
        return await self.bus.request(command_subject(self.account, verb), body, timeout_s)

    async def place(self, request: OrderRequest) -> TradeOrder:
        """Place an order as a bot does."""
        return decode_trade_order(await self.ask(PLACE_ORDER, encode_command(request)))

    async def cancel(self, request: CancelRequest) -> TradeOrder:
        """Cancel an order as a bot does."""
        return decode_trade_order(await self.ask(CANCEL_ORDER, encode_command(request)))

    async def order(self, query: OrderQuery) -> TradeOrder:
        """Ask for an order as a bot does."""
        return decode_trade_order(await self.ask(GET_ORDER, encode_command(query)))

    async def open_orders(self, pair: str | None = None, label: str | None = None) -> OpenOrders:
        """Ask for the open orders as a bot does."""
        query = OpenOrdersQuery(pair=pair, label=label)
        return decode_open_orders(await self.ask(OPEN_ORDERS, encode_command(query)))

    async def rules(self, pair: str) -> RulesAnswer:
        """Ask for the rules of a pair as a bot does."""
        return decode_rules_answer(await self.ask(PAIR_RULES, encode_command(RulesQuery(pair=pair))))

    async def status(self) -> ConnectionEvent:
        """Return what the gateway says about the demo account."""
        return decode_connection(await self.ask(STATUS_VERB))

    async def kept_status(self) -> ConnectionEvent | None:
        """Return what the bucket says about the demo account."""
        entry = await Bucket(self.bus, STATUS).get(account_tokens(self.account))
        return None if entry is None or entry.value is None else decode_connection(entry.value)

    async def sockets(self) -> list[int]:
        """Return when each of the sockets that the venue serves now was opened."""
        connections = (await self.control("stats", method="GET"))["connections"]
        return [connection["connected_us"] for connection in connections]


@asynccontextmanager
async def rig(  # noqa: PLR0913 - what a test may choose
    path: Path,
    *,
    simulator: SimulatorSettings | None = None,
    telemetry: FillTelemetry | None = None,
    linger_s: float = 0.3,
    capacity: int = CAPACITY,
    reconciling: ReconcilePolicy | None = None,
    exchange: str = ACCOUNT.exchange,
    **environ: object,
) -> AsyncIterator[Rig]:
    """Run broker, venue and gateway inside the block.

    Args:
        path: where the broker keeps its store.
        simulator: the venue's settings.
        telemetry: the gateway's; None for one that keeps every trace.
        linger_s: how long an account without bots stays connected.
        capacity: events that may wait for the broker.
        reconciling: how the log is kept in step; None for what the settings say.
        exchange: which venue is simulated.
        environ: changes to the gateway's environment, by variable.
    """
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedServer(path / "broker"))
        served = await stack.enter_async_context(SIMULATORS[exchange](simulator))
        bus = await stack.enter_async_context(await Bus.connect(broker.url, name="test"))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        telemetry = telemetry or FillTelemetry.start("fillwire-gateway", "test", sample_ratio=1.0)
        await stack.enter_async_context(telemetry)
        variables = gateway_environ(served, **environ)

        def load() -> AccountsRead:
            return load_accounts(environ=variables)

        def make_gateway() -> Gateway:
            return Gateway(
                load_settings(environ=variables),
                exchange,
                name="gateway-test",
                telemetry=telemetry,
                load=load,
                linger_s=linger_s,
                keys_refresh_s=0.05,
                capacity=capacity,
                reconciling=reconciling,
            )

        found = Rig(broker, served, make_gateway, bus, http, variables)
        await found.follow()
        stack.push_async_callback(found.stop)
        await found.start()
        yield found
