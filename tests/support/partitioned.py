"""A broker whose log is in partitions, and users who are known to be in different ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.bus.partitions import Partitions
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from support.order_events import order_event

COUNT = 3
PARTITIONS = Partitions(COUNT)
USERS = ("alice", "dave", "ivan", "bob", "erin", "judy")
ACCOUNTS = tuple(Account(user, exchange, "live") for user in USERS for exchange in ("binance", "coinbase"))


def divided_broker(directory: Path, count: int = COUNT) -> EmbeddedServer:
    """Return a broker, not started, that maps order events to so many partitions."""
    return EmbeddedServer(directory / "divided", extra_config=Partitions(count).configuration())


@asynccontextmanager
async def divided_bus(broker: EmbeddedServer, count: int = COUNT) -> AsyncIterator[Bus]:
    """Connect to such a broker, which then has all streams and buckets."""
    async with await Bus.connect(broker.url, name="test", partitions=count) as bus:
        await ensure_streams(bus)
        await ensure_buckets(bus)
        yield bus


def events(first: int, last: int) -> list[OrderEvent]:
    """Return filled orders of these numbers, of all accounts in turn; an order's number is in its id."""
    return [
        order_event(account=ACCOUNTS[number % len(ACCOUNTS)], order_id=str(number), trade=number)
        for number in range(first, last + 1)
    ]


async def held(bus: Bus) -> dict[str, list[str]]:
    """Return the message ids of each stream of the log, in its order."""
    found: dict[str, list[str]] = {}

    def take(stream: str, message: Message) -> None:
        found[stream].append(message.header("Nats-Msg-Id") or "")

    for stream in bus.partitions.streams:
        found[stream] = []
        await read_stream(bus, stream, "orders.>", "all", partial(take, stream))
    return found
