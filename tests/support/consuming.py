"""A bot that reads the log by a consumer, and numbers to read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop
from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher


class Bot:
    """A handler that keeps what it was given and acknowledges it."""

    def __init__(self) -> None:
        self.sequences: list[int] = []
        self.bodies: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Keep and acknowledge."""
        self.sequences.append(message.sequence)
        self.bodies.append(message.data)
        message.ack()


async def publish_numbers(bus: Bus, first: int, count: int) -> None:
    """Store so many messages, each with its number as body, and wait until they are."""
    async with OrderedPublisher(bus) as publisher:
        for number in range(first, first + count):
            publisher.submit("key", "orders.alice.x", b"%d" % number, f"id-{number}")
        assert await publisher.flush(20) == 0


async def consumer_info(bus: Bus, durable: str = "bot") -> dict[str, Any]:
    """Return what the broker says of a consumer."""
    return await api.call(bus, f"CONSUMER.INFO.ORDERS.{durable}")


@asynccontextmanager
async def pull_loop(bus: Bus, handle: Any, **options: Any) -> AsyncIterator[PullLoop]:
    """Run a loop that hands the bot's messages to `handle`, and notices soon that the broker is silent."""
    options = {"heartbeat_s": 0.3} | options
    async with PullLoop(bus, "ORDERS", "bot", handle, **options) as loop:
        yield loop
