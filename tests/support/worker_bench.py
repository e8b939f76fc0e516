"""A worker with all that it needs but a broker: messages come from a source, dead letters go to a shelf."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from fillwire.bus.messages import Message
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.sdk.bot import Bot, bot_of
from fillwire.sdk.decoding import Decoder
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.strategy import Strategy
from fillwire.sdk.worker import Worker
from fillwire.wire.dead_letters import DeadLetter
from support.deliveries import Source
from support.eventually import eventually
from support.order_events import ALICE, order_event

QUICK = RetryPolicy(attempts=3, initial_delay_s=0.001, max_delay_s=0.001)


class Shelf:
    """Keeps dead letters in memory."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def keep(self, bot: Bot, letter: DeadLetter, message: Message) -> None:
        """Keep one."""
        assert bot.name == letter.bot
        assert message.sequence == letter.original_sequence
        self.letters.append(letter)


class Call(NamedTuple):
    """What the worker tells its observer of one call."""

    bot: Bot
    event: OrderEvent
    message: Message
    callback: str
    callback_index: int
    attempt: int
    delivered_ns: int
    started_ns: int
    returned_ns: int
    error: BaseException | None


class Bench:
    """A worker with all that it needs."""

    def __init__(
        self, strategy: Strategy, retry: RetryPolicy = QUICK, may_act: Callable[[], bool] | None = None
    ) -> None:
        self.source = Source()
        self.shelf = Shelf()
        self.calls: list[Call] = []
        self.worker = Worker(
            bot_of(strategy, ALICE),
            decoder=Decoder(),
            letters=self.shelf,
            observe=lambda *call: self.calls.append(Call(*call)),
            retry=retry,
            capacity=256,
            may_act=may_act,
        )

    def send(self, *events: OrderEvent) -> None:
        """Deliver events."""
        for event in events:
            assert self.worker.take(self.source.event(event))

    async def settled(self, count: int) -> None:
        """Wait until so many messages are acknowledged."""
        await eventually(lambda: len(self.source.acked) >= count, what=f"{count} acknowledged")


@asynccontextmanager
async def bench(strategy: Strategy, retry: RetryPolicy = QUICK) -> AsyncIterator[Bench]:
    """Start a worker and stop it."""
    made = Bench(strategy, retry)
    await made.worker.start()
    try:
        yield made
    finally:
        await made.worker.stop(deadline_s=5.0)


class Recorder(Strategy):
    """Notes what it is told; does what `act` says first."""

    pairs = ("BTC-USDT",)

    def __init__(self, act: Callable[[OrderEvent], None] = lambda _: None) -> None:
        self.told: list[tuple[str, str]] = []
        self.act = act

    async def on_fill(self, order: OrderEvent) -> None:
        """Note the execution."""
        self.act(order)
        self.told.append(("fill", order.order_id))

    def on_order_filled(self, order: OrderEvent) -> None:
        """Note the completion."""
        self.told.append(("filled", order.order_id))

    def on_websocket_connected(self, connection: ConnectionEvent) -> None:
        """Note the connection."""
        self.told.append(("connected", connection.gateway))


def orders(count: int) -> list[OrderEvent]:
    """Return fills of as many orders."""
    return [order_event(order_id=str(number), trade=number) for number in range(1, count + 1)]
