"""A manager and hosts of bots in the test's own process, on its broker, quick to notice and to act."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fillwire.bots.catalogue import Catalogue
from fillwire.bots.host import BotHost
from fillwire.bots.manager import BotManager
from fillwire.bots.policy import HostPolicy
from fillwire.bus.connection import Bus
from fillwire.domain.bots import BotCreation, BotSpec, Desired
from support.broker import ConnectBus

SPEC = BotSpec(
    user="alice",
    bot="pp-1",
    creation="1",
    strategy="ping-pong",
    exchange="binance",
    environment="live",
    desired=Desired.RUNNING,
    pairs=("ETH-USDT",),
    parameters={"price": "64000"},
    start_from="now",
    changed_ns=0,
)

QUICK = HostPolicy(
    lease_s=4.0,
    beat_s=0.1,
    doubt_s=0.5,
    settle_s=0.3,
    takeover_s=5.0,
    retry_s=(0.05, 0.2),
    report_s=0.5,
)

BOTS = """\
from pathlib import Path

from fillwire import Strategy


class Teller(Strategy):
    pairs = ["BTC-USDT"]

    def __init__(self, path: Path, mark: str = ""):
        self.path = path
        self.mark = mark

    def tell(self, line):
        with self.path.open("a") as file:
            file.write(f"{self.mark}{line}\\n")

    def on_start(self):
        self.tell("start")

    def on_fill(self, order):
        self.tell(f"fill {order.order_id}")

    def on_stop(self):
        self.tell("stop")
"""


class ManagedBots:
    """A manager, hosts that come and go, and what the bots of `BOTS` have written down.

    Attributes:
        manager: the manager.
        catalogue: what bots may be made of.
        directory: where files of bots may lie; `bots.py` is there.
    """

    def __init__(
        self, connect_bus: ConnectBus, manager: BotManager, catalogue: Catalogue, directory: Path
    ) -> None:
        self.manager = manager
        self.catalogue = catalogue
        self.directory = directory
        self._connect_bus = connect_bus
        self._hosts: dict[str, AsyncExitStack] = {}

    async def host(
        self, name: str, policy: HostPolicy = QUICK, catalogue: Catalogue | None = None
    ) -> BotHost:
        """Start a host on a connection of its own."""
        bus = await self._connect_bus(name)
        host = BotHost(bus, catalogue or self.catalogue, policy, name=name)
        stack = AsyncExitStack()
        await stack.enter_async_context(host)
        self._hosts[name] = stack
        return host

    async def stop(self, name: str) -> None:
        """Stop a host in order."""
        await self._hosts.pop(name).aclose()

    def creation(self, bot: str = "teller", **changes: object) -> BotCreation:
        """Return the request to create a bot that writes down what it is told."""
        creation = BotCreation(
            bot=bot,
            strategy="bots.py",
            exchange="binance",
            environment="live",
            pairs=(),
            parameters={"path": str(self.path(bot))},
        )
        return replace(creation, **changes)  # type: ignore[arg-type]  # as given

    def path(self, bot: str = "teller") -> Path:
        """Return where a bot writes."""
        return self.directory / f"{bot}.txt"

    def told(self, bot: str = "teller") -> list[str]:
        """Return what a bot was told."""
        path = self.path(bot)
        return path.read_text().splitlines() if path.exists() else []


def _catalogue(directory: Path) -> Catalogue:
    """Return a catalogue of what is in a directory: `bots.py` at first."""
    directory.mkdir(exist_ok=True)
    (directory / "bots.py").write_text(BOTS)
    return Catalogue([directory])


@asynccontextmanager
async def managed_bots(connect_bus: ConnectBus, directory: Path) -> AsyncIterator[ManagedBots]:
    """A manager; hosts are started by the test, and stopped at the end."""
    catalogue = _catalogue(directory)
    async with BotManager(await connect_bus("manager"), catalogue, lease_s=4.0) as manager:
        made = ManagedBots(connect_bus, manager, catalogue, directory)
        try:
            yield made
        finally:
            for name in list(made._hosts):
                await made.stop(name)


@pytest.fixture
async def bots(bus: Bus, connect_bus: ConnectBus, tmp_path: Path) -> AsyncIterator[ManagedBots]:  # noqa: ARG001 - the broker has streams and buckets
    """A manager without hosts."""
    async with managed_bots(connect_bus, tmp_path / "bots") as made:
        yield made
