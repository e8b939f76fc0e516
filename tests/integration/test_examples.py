"""Every example runs, against a real broker, and a gateway with a simulated exchange where it trades."""

import re
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.bus.server import EmbeddedServer
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.domain.enums import ConnectionState, Kind, Side
from fillwire.domain.orders import Outcome, TradeOrder
from fillwire.recorder.database import Database
from fillwire.wire.codec import encode_order
from fillwire.wire.commands import decode_order_request, encode_command
from fillwire.wire.subjects import order_subject
from support.broker import ConnectBus
from support.databases import record
from support.eventually import eventually
from support.order_events import connection_event, order_event
from support.processes import program, python
from support.publishing import publish, publish_connection

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_example_is_in_the_table_and_runs_here() -> None:
    """The README names each file, and so does a test below."""
    files = {path.name for path in (*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.sh"))}
    table = set(re.findall(r"^\| \[(\w+\.(?:py|sh))\]", (EXAMPLES / "README.md").read_text(), re.MULTILINE))
    tested = set(re.findall(r'EXAMPLES / "(\w+\.(?:py|sh))"', Path(__file__).read_text()))
    assert files == table == tested


async def test_the_shortest_bot(broker: EmbeddedServer, bus: Bus) -> None:
    """Ten lines at most greet a filled order."""
    path = EXAMPLES / "minimal.py"
    assert len(path.read_text().splitlines()) <= 10
    async with python("-m", "fillwire", "run", path, "--user", "alice", "--nats", broker.url) as process:
        await process.said('"ready"')
        await publish(bus, order_event())
        await process.said("buy 0.5 BTC-USDT at 64000")
        assert await process.end() == 0


async def test_the_counter_order(broker: EmbeddedServer, bus: Bus, connect_bus: ConnectBus) -> None:
    """A filled buy is answered by a sell one percent higher."""
    gateway = await connect_bus("gateway")

    async def accept(message: Message) -> bytes:
        request = decode_order_request(message.data)
        return encode_command(
            TradeOrder(outcome=Outcome.ACCEPTED, pair=request.pair, client_order_id=request.client_order_id)
        )

    await Responder.start(gateway, "commands.alice.binance.live.place_order", accept)
    path = EXAMPLES / "counter_order.py"
    async with python("-m", "fillwire", "run", path, "--user", "alice", "--nats", broker.url) as process:
        await process.said('"ready"')
        await publish(bus, order_event())
        await process.said("sell 0.5 at 64640.00: accepted")
        assert await process.end() == 0


@pytest.mark.parametrize(
    ("path", "filled", "partially", "cancelled"),
    [
        (
            EXAMPLES / "async_listener.py",
            "filled buy 0.5 BTC-USDT",
            "partially filled 0.2 of 0.5",
            "cancelled 1",
        ),
        (EXAMPLES / "sync_listener.py", "booked buy 0.5 BTC-USDT", "noted 0.2 of 0.5", "closed 1"),
    ],
)
async def test_the_listeners(  # noqa: PLR0913, PLR0917 - what each says
    broker: EmbeddedServer, bus: Bus, path: Path, filled: str, partially: str, cancelled: str
) -> None:
    """Fills, the connection and its trouble reach a listener in a program of the user's own."""
    async with python(path, broker.url, "alice") as process:
        await process.said("listening")
        await publish_connection(bus, connection_event(ConnectionState.RECEIVING, time_ns=1))
        await process.said("connected to binance")
        await publish(
            bus,
            order_event(order_id="1", kind=Kind.PARTIALLY_FILLED, cumulative="0.2"),
            order_event(order_id="1", kind=Kind.CANCELLED, trade=None, cumulative="0.2"),
            order_event(order_id="2"),
        )
        for text in (partially, cancelled, filled):
            await process.said(text)
        lost = connection_event(ConnectionState.RECONNECTING, reason="closed by the venue", time_ns=2)
        await publish_connection(bus, lost)
        await process.said("trouble with binance: closed by the venue")
        await process.said("disconnected from binance")


async def test_a_plain_nats_client(broker: EmbeddedServer, bus: Bus) -> None:
    """The subjects need nothing of ours."""
    async with python(EXAMPLES / "plain_nats.py", broker.url, "alice") as process:
        await process.said("listening")
        await publish(bus, order_event())
        await process.said("filled buy 0.5 BTC-USDT")
    assert "fillwire" not in (EXAMPLES / "plain_nats.py").read_text().split('"""')[2]


async def test_the_analysis_of_trades(tmp_path: Path) -> None:
    """A database that a recorder wrote is read, added up and told."""
    database = Database.at(f"sqlite:///{tmp_path}/trades.sqlite")
    buy, sell = order_event(order_id="1"), order_event(order_id="2", side=Side.SELL, price="65000")
    record(database, [buy, sell, order_event(order_id="3", pair="ETH-USDT", price="2000")])
    async with python(EXAMPLES / "analyse_trades.py", f"sqlite:///{tmp_path}/trades.sqlite") as process:
        assert await process.ended() == 0, process.errors
    assert process.lines == [
        "3 trades, 3 of them as maker",
        "  BTC-USDT: 64,500.00 traded",
        "  ETH-USDT: 1,000.00 traded",
        "2023-11-14: +496.16 USDT after fees, +496.16 in all",
        "by hand on BTC-USDT: +497.44 USDT",
        "by hand on ETH-USDT: -1.28 USDT",
        "fees: 3.84 USDT",
        "left: 0.5 ETH-USDT at 2,000.00",
    ]


async def test_a_shell_is_client_enough(broker: EmbeddedServer, bus: Bus) -> None:
    """The protocol is text; what comes twice is told once."""
    async with program("bash", EXAMPLES / "plain_nats.sh", broker.url, "alice") as process:
        await process.said("listening")
        twice, other = order_event(), order_event(order_id="2", trade=2, side=Side.SELL)
        for event in (twice, twice, other):
            await bus.publish(order_subject(event.account, event.pair, event.kind), encode_order(event))
        await process.said("filled sell 0.5 BTC-USDT")
        assert process.lines == ["listening", "filled buy 0.5 BTC-USDT", "filled sell 0.5 BTC-USDT"]


# The last price is little above that of the sale: it earns as much if it comes when the price is there already.
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("path", "steps"),
    [
        (
            EXAMPLES / "grid.py",
            {64500: "buy 0.001 at 645", 62500: "buy 0.001 at 63000", 64010: "1 rounds, realised 0.8"},
        ),
        (
            EXAMPLES / "dca.py",
            {64500: "buy 0.001 at 645", 63800: "buy 0.001 at 638", 65100: "cycle 1 earned 1."},
        ),
    ],
)
async def test_the_shipped_strategies(tmp_path: Path, path: Path, steps: dict[int, str]) -> None:
    """They trade at a simulated exchange, through a gateway, and tell what they have bought and earned."""
    async with aiohttp.ClientSession() as session, Stack(tmp_path) as stack:
        venue = await SimulatedVenue.start(stack, session)
        await venue.freeze()
        log = tmp_path / "host.log"

        def has_said(text: str) -> bool:
            return text in log.read_text()

        for price, text in steps.items():
            await venue.control("POST", "price", {"symbol": "BTCUSDT", "price": str(price)})
            if not log.exists():
                await stack.spawn("gateway", "gateway", "--exchange", "binance")
                await stack.spawn("host", "run", str(path))
            await eventually(partial(has_said, text), 20, f"{text!r} at {price}")
