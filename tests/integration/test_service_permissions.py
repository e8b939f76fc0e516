"""Every service at work with the rights that `fillwire users` gives its kind, and what it may not do beyond them."""

import contextlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from fillwire.bots.client import BotClient
from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.lookup import newest_message
from fillwire.cli.users.registry import Kind
from fillwire.domain.bots import BotCreation, BotState
from fillwire.domain.errors import BrokerError
from fillwire.simulator.binance.server import BinanceSimulator
from support.console import ALICE_TOKEN, Visitor
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, ENVIRONMENT, gateway_environ
from support.processes import Process, python
from support.tenancy import Tenancy, tenancy
from support.webhook_receiver import SECRET, Receiver, receiver

SERVICES = {
    "gateway-binance": Kind.GATEWAY,
    "gateway-coinbase": Kind.GATEWAY,
    "manager": Kind.MANAGER,
    "host": Kind.HOST,
    "recorder": Kind.RECORDER,
    "console": Kind.CONSOLE,
    "notify": Kind.NOTIFY,
}

BOTS = """\
from pathlib import Path

from fillwire import Strategy


class Trader(Strategy):
    pairs = ["BTC-USDT"]

    def __init__(self, path: Path):
        self.path = path

    def tell(self, line):
        with self.path.open("a") as file:
            file.write(f"{line}\\n")

    async def on_fill(self, order):
        if not self.path.exists():
            answer = await self.place_order("BTC-USDT", "buy", "0.001", price="60000")
            self.tell(f"order {answer.outcome}")
            await self.save_checkpoint(1, b"state")
            self.tell(f"checkpoint {(await self.load_checkpoint()).state.decode()}")
        self.tell("fill")


class Clumsy(Strategy):
    pairs = ["BTC-USDT"]

    def on_fill(self, order):
        raise ValueError("never")
"""


class System:
    """All services as processes, each with its own login, and a venue.

    Attributes:
        tenancy: the broker and who may log in.
        venue: the simulated exchange.
        control: a connection with all rights.
        directory: where bots and the database lie.
    """

    def __init__(
        self, made: Tenancy, venue: BinanceSimulator, control: Bus, directory: Path, stack: AsyncExitStack
    ) -> None:
        self.tenancy = made
        self.venue = venue
        self.control = control
        self.directory = directory
        self._stack = stack

    async def start(self, login: str, *arguments: str, **environ: str) -> Process:
        """Start a service and return it when it is ready."""
        variables = {
            "FILLWIRE_NATS__URL": self.tenancy.broker.url,
            "FILLWIRE_NATS__NKEY_FILE": str(self.tenancy.seed_path(login)),
            **environ,
        }
        process = await self._stack.enter_async_context(
            python("-m", "fillwire", *arguments, environ=variables, cwd=self.directory)
        )
        await process.said('"ready"', 60.0)
        return process

    async def emit(self, count: int) -> None:
        """Have the venue execute fills."""
        body = {"user": ACCOUNT.user, "count": count, "symbols": ["BTCUSDT"]}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.venue.rest_url}/sim/emit", json=body) as response,
        ):
            assert response.status == 200, await response.text()

    def violations(self) -> list[str]:
        """Return what the broker refused, as it logged it."""
        return re.findall(
            r"\[ERR\].*?((?:Publish|Subscription) Violation.*)", self.tenancy.broker.log_path.read_text()
        )


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """A broker with a login for each service."""
    directory = tmp_path / "work"
    directory.mkdir()
    (directory / "bots.py").write_text(BOTS)
    async with tenancy(tmp_path, SERVICES) as made, BinanceSimulator() as venue, AsyncExitStack() as stack:
        yield System(made, venue, await made.connect("control"), directory, stack)


async def _created(system: System) -> None:
    async with BotClient(
        system.tenancy.broker.url, user=ACCOUNT.user, credentials=system.tenancy.credentials("control")
    ) as bots:
        for bot, strategy in (("trader", "bots.py:Trader"), ("clumsy", "bots.py:Clumsy")):
            parameters = {"path": str(system.directory / "told.txt")} if bot == "trader" else {}
            creation = BotCreation(
                bot=bot,
                strategy=strategy,
                exchange=ACCOUNT.exchange,
                environment=ENVIRONMENT,
                pairs=(),
                parameters=parameters,
            )
            assert (await bots.create(creation, deadline_s=40.0)).state is BotState.RUNNING


def _told(system: System) -> list[str]:
    path = system.directory / "told.txt"
    return path.read_text().splitlines() if path.exists() else []


def _recorded(system: System) -> int:
    with contextlib.closing(sqlite3.connect(system.directory / "trades.sqlite")) as database:
        (count,) = database.execute("SELECT count(*) FROM order_events WHERE trade_id IS NOT NULL").fetchone()
    return int(count)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("positions", ["durable", "bucket"])
async def test_the_whole_system_works_within_its_rights(system: System, positions: str) -> None:
    """Fill, callback, order, checkpoint, record, alert, dead letter and its replay; and the broker has refused nothing."""
    async with receiver() as hook:
        console = await _services(system, hook, positions)
        await _created(system)
        await system.emit(5)
        await eventually(lambda: _told(system).count("fill") >= 5, 60.0, "bots told")
        assert _told(system)[:3] == ["order accepted", "checkpoint state", "fill"]
        await eventually(lambda: _recorded(system) >= 5, 60.0, "recorded")
        await eventually(
            lambda: any(told["alert"] == "dead_letter_kept" for told in hook.taken), 60.0, "webhook told"
        )
        async with Visitor(console) as visitor:
            await _looks_around(visitor)
    assert system.violations() == []


async def _services(system: System, hook: Receiver, positions: str) -> str:
    """Start all services and return the address of the console."""
    bots = {"FILLWIRE_BOTS__DIRECTORIES": json.dumps([str(system.directory)])}
    database = {"FILLWIRE_RECORDER__DATABASE": "sqlite:///trades.sqlite"}
    users = [{"user": ACCOUNT.user, "role": "admin", "token": ALICE_TOKEN}]
    await system.start("gateway-binance", "gateway", "--exchange", "binance", **gateway_environ(system.venue))
    await system.start("manager", "manager", **bots)
    await system.start("host", "host", "--name", "host-1", FILLWIRE_NATS__POSITIONS=positions, **bots)
    await system.start("recorder", "recorder", **database)
    await system.start(
        "notify",
        "notify",
        FILLWIRE_NOTIFY__URL=hook.url,
        FILLWIRE_NOTIFY__SECRET=SECRET,
        FILLWIRE_NOTIFY__QUIET_MS="100",
    )
    console = await system.start(
        "console",
        "console",
        FILLWIRE_CONSOLE__PORT="0",
        FILLWIRE_CONSOLE__USERS=json.dumps(users),
        **database,
    )
    return str(json.loads(console.lines[0])["console"])


async def _looks_around(visitor: Visitor) -> None:
    assert await visitor.log_in(ALICE_TOKEN) == 200
    stream = await visitor.listen()
    await eventually(lambda: len(stream.events) >= 5, 30.0, "events shown")
    status, listed = await visitor.get("/api/bots")
    assert (status, {bot["bot"] for bot in listed["bots"]}) == (200, {"trader", "clumsy"})
    status, letters = await visitor.get("/api/letters")
    assert status == 200
    number = letters["shown"][0]["number"]
    status, replayed = await visitor.post(f"/api/letters/{number}/replay")
    assert (status, replayed["outcome"]) == (200, "done")
    assert (await visitor.get("/api/frames"))[0] == 200
    assert (await visitor.get("/api/trades"))[0] == 200
    status, paused = await visitor.post(f"/api/bots/{ACCOUNT.user}/clumsy/pause")
    assert (status, paused["bots"][0]["state"]) == (200, "paused")


@pytest.mark.parametrize(
    ("login", "subjects"),
    [
        (
            "gateway-coinbase",
            (
                "orders.alice.binance.live.BTC-USDT.filled",
                "connections.alice.binance.live",
                "quarantine.binance.live.alice.unknown",
                "$KV.LEASES.alice.binance.live",
                "$KV.BOTS.alice.grid",
                "commands.alice.binance.live.place_order",
                "$JS.API.CONSUMER.CREATE.ORDERS.x.orders.*.binance.>",
                "$JS.API.CONSUMER.CREATE.ORDERS.x",
            ),
        ),
        (
            "recorder",
            (
                "orders.alice.coinbase.live.BTC-USDT.filled",
                "commands.alice.binance.live.place_order",
                "bots.alice.stop",
                "$KV.DESIRED.alice.binance.live.h",
                "$JS.API.CONSUMER.CREATE.DLQ.x.dlq.>",
            ),
        ),
        (
            "notify",
            ("alerts.alice.binance.live.x", "$JS.API.CONSUMER.CREATE.ORDERS.x.orders.>", "commands.a.b.c.d"),
        ),
        (
            "console",
            (
                "commands.alice.binance.live.place_order",
                "$KV.BOTS.alice.grid",
                "$KV.LEASES.alice.binance.live",
                "$KV.POSITIONS.alice.bots.grid",
            ),
        ),
        (
            "manager",
            ("orders.alice.binance.live.BTC-USDT.filled", "$KV.LEASES.alice.binance.live", "bots.alice.stop"),
        ),
        (
            "host",
            (
                "orders.alice.binance.live.BTC-USDT.filled",
                "connections.alice.binance.live",
                "$KV.LEASES.alice.binance.live",
                "$KV.STATUS.alice.binance.live",
                "bots.alice.stop",
            ),
        ),
        (
            "door",
            (
                "$JS.API.CONSUMER.CREATE.ORDERS.x.orders.>",
                "$JS.API.STREAM.MSG.GET.ORDERS",
                "$JS.API.STREAM.LEADER.STEPDOWN.ORDERS",
                "$JS.API.STREAM.LEADER.STEPDOWN.KV_BOTS",
                "orders.alice.binance.live.BTC-USDT.filled",
            ),
        ),
    ],
)
async def test_a_service_may_do_no_more(system: System, login: str, subjects: tuple[str, ...]) -> None:
    """Nothing of another exchange, no order where none is placed, no stream made or deleted, nobody else's inbox."""
    service = await system.tenancy.connect(login)
    common = ("$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.UPDATE.ORDERS", "$JS.API.STREAM.DELETE.ORDERS")
    more = ("$JS.API.STREAM.PURGE.ORDERS", "$JS.API.META.LEADER.STEPDOWN", "$SYS.REQ.SERVER.PING")
    for subject in (*subjects, *common, *more):
        before = len(system.violations())
        await service.publish(subject, b"{}")
        await eventually(lambda before=before: len(system.violations()) > before, what=subject)
        assert f'Subject "{subject}"' in system.violations()[-1]
    for subject in ("_INBOX_control.>", ">", "tenants.>" if login != "door" else "orders.>"):
        before = len(system.violations())
        await service.subscribe(subject, lambda _: None)
        await eventually(lambda before=before: len(system.violations()) > before, what=subject)
    assert await newest_message(system.control, "ORDERS", "orders.>") is None
    with pytest.raises(BrokerError):
        await api.call(service, "STREAM.LIST", timeout_s=0.3)
