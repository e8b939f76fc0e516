"""Bots that note what they are told, the host that runs them, and what the broker says of where they are."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.sdk.bot import Bot, bot_of
from fillwire.sdk.claims import Claim
from fillwire.sdk.host import Host
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.running import RunningBot
from fillwire.sdk.starting import StartFrom
from fillwire.sdk.strategy import Strategy
from support.order_events import ALICE, order_event
from support.publishing import publish

QUICK = RetryPolicy(attempts=3, initial_delay_s=0.01, max_delay_s=0.01)


class Listener(Strategy):
    """Notes the orders it is told of, after doing what `act`, plain or async, does.

    Attributes:
        told: the order ids, in the order in which it was told.
    """

    pairs: Sequence[str] = ("BTC-USDT",)

    def __init__(
        self,
        name: str = "listener",
        act: Callable[[OrderEvent], Awaitable[object] | None] = lambda _: None,
    ) -> None:
        self.name = name
        self.told: list[str] = []
        self.act = act

    async def on_fill(self, order: OrderEvent) -> None:
        """Note the order."""
        doing = self.act(order)
        if doing is not None:
            await doing
        self.told.append(order.order_id)


def pair_of(*names: str) -> list[Listener]:
    """Return listeners of these names."""
    return [Listener(name) for name in names]


def fills(first: int, last: int, pair: str = "BTC-USDT", account: Account = ALICE) -> list[OrderEvent]:
    """Return fills of the orders with these numbers, the last included."""
    return [
        order_event(order_id=str(number), trade=number, pair=pair, account=account)
        for number in range(first, last + 1)
    ]


def numbers(first: int, last: int) -> list[str]:
    """Return the order ids of `fills(first, last)`."""
    return [str(number) for number in range(first, last + 1)]


def bot(strategy: Strategy, start_from: StartFrom | None = None) -> Bot:
    """Return alice's bot of a strategy."""
    return bot_of(strategy, ALICE, start_from=start_from)


@asynccontextmanager
async def running(bus: Bus, *strategies: Strategy, fast_lane: bool = False) -> AsyncIterator[Host]:
    """Run strategies in a host."""
    async with Host(bus, retry=QUICK, fast_lane=fast_lane) as host:
        for strategy in strategies:
            await host.add(bot(strategy))
        yield host


def seated(host: Host) -> list[str]:
    """Return the names of the bots that have a seat at a shared reading."""
    return sorted(found.bot.name for found in host.bots.values() if found.intake.is_seated)


def bot_there(host: Host, name: str) -> RunningBot:
    """Return the running bot of this name."""
    return host.bots[f"alice=={name}"]


async def durables(bus: Bus) -> dict[str, dict[str, int]]:
    """Return where each durable of the log is: `delivered` and `acknowledged`, by name."""
    names = (await api.call(bus, "CONSUMER.NAMES.ORDERS"))["consumers"] or []
    found = {}
    for name in names:
        try:
            info = await api.call(bus, f"CONSUMER.INFO.ORDERS.{name}")
        except ApiRefused as error:
            if error.error_code == api.CONSUMER_NOT_FOUND:
                continue  # deleted since its name was told
            raise
        found[name] = {
            "delivered": info["delivered"]["consumer_seq"],
            "acknowledged": info["ack_floor"]["stream_seq"],
        }
    return found


async def claim_elsewhere(bus: Bus, durable: str = "alice==listener") -> Claim:
    """Claim a bot's durable, and return the claim, as another process does that has found nobody reading."""
    other = Claim(bus, "ORDERS", durable)
    await other._write((await other.info())["config"])
    return other


async def cut_off(bus: Bus, host: Host) -> None:
    """Take the host's connection away for good, as its process's death would."""
    await bus.close()
    for found in host.bots.values():
        assert found.worker._task is not None
        found.worker._task.cancel()


async def publish_slowly(bus: Bus, count: int) -> None:
    """Publish fills in batches with breaks between them, some of which let bots catch up."""
    for first in range(1, count + 1, 50):
        await publish(bus, *fills(first, first + 49))
        await asyncio.sleep(0.03)  # the pace of the load
