"""What happens while a counter-order is on its way: something is killed at each step, the answer is lost, the broker is away.

    bot ──▶ before ──▶ gateway ──▶ noted ──▶ sent ──▶ venue ──▶ answered ──▶ bot ──▶ after ──▶ acknowledged

The bot, the venue and a proxy before the broker hold the order at the step, and then the kill comes; see `ordering`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Self

from fillwire.bus.buckets import PLACEMENTS, Bucket
from fillwire.cli.chaos.fault import Fault, Part, seconds
from fillwire.cli.chaos.gate import AFTER, BEFORE
from fillwire.cli.chaos.stage import FIRST, Stage
from fillwire.domain.identifiers import escape_token
from fillwire.wire.subjects import account_tokens

# How simulators call the operation.
_PLACE = "order.place"
# So long the venue keeps an order before it acts.
_KEPT_S = 0.7
_NOTE = b"PUB $KV.PLACEMENTS."


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderFault(Fault):
    """Something happens on the way of an order; behind it two fills more are countered without mishap."""

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return an absence of less than a second."""
        return cls(hold_s=seconds(random, 0.05, 1.0))


@asynccontextmanager
async def _at_the_venue(stage: Stage) -> AsyncIterator[None]:
    """Let an order that stands still go, and have it at the venue, which has not acted, inside the block."""
    async with stage.rule("request_delay", method=_PLACE, seconds=_KEPT_S, next=1) as rule:
        stage.ordering.let_go()
        await stage.ordering.until(lambda: stage.has_struck(rule), "the order is at the venue")
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBotKilled(_OrderFault):
    """The bot is killed before it sends an order, while it waits for the answer, and before it acknowledges the fill."""

    name: ClassVar[str] = "order_bot_killed"
    part: ClassVar[Part] = Part.HOST

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Kill it three times, each time at another step."""
        ordering = stage.ordering
        ordering.ask(BEFORE, BEFORE, AFTER, None, None)
        await ordering.standing(0)
        await stage.host.kill()
        ordering.let_go()
        await stage.start(stage.host)
        await ordering.standing(1)
        async with _at_the_venue(stage):
            await stage.host.kill()
        await stage.start(stage.host)
        await ordering.standing(2)
        async with stage.killed(stage.host):
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnnoted(_OrderFault):
    """The gateway is killed when it has an order, before that is noted."""

    name: ClassVar[str] = "order_unnoted"
    part: ClassVar[Part] = Part.GATEWAY
    is_noted: ClassVar[bool] = False

    @asynccontextmanager
    async def prepare(self, stage: Stage) -> AsyncIterator[None]:
        """Put a proxy between gateway and broker."""
        async with stage.proxied_gateway():
            yield

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Hold the gateway at the note, and kill it there."""
        ordering, proxy = stage.ordering, stage.proxy
        if proxy is None:
            raise AssertionError("the proxy is prepared")
        ordering.ask(BEFORE, None, None)
        client_order_id = await ordering.standing(0)
        hold = proxy.hold(_NOTE, passes=self.is_noted)
        ordering.let_go()
        await ordering.until(hold.reached.is_set, "the note is on its way")
        if self.is_noted and client_order_id is not None:
            await ordering.until(lambda: _is_noted(stage, client_order_id), "the order is noted")
        async with stage.killed(stage.gateways[FIRST]):
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNoted(OrderUnnoted):
    """The gateway is killed when an order is noted, before it is sent."""

    name: ClassVar[str] = "order_noted"
    is_noted: ClassVar[bool] = True


async def _is_noted(stage: Stage, client_order_id: str) -> bool:
    key = f"{account_tokens(stage.venue.account)}.{escape_token(client_order_id)}"
    return await Bucket(stage.bus, PLACEMENTS).get(key) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSent(_OrderFault):
    """The gateway is killed when an order is sent and carried out, before it hears the answer."""

    name: ClassVar[str] = "order_sent"
    part: ClassVar[Part] = Part.GATEWAY

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Have it stand still while the venue acts, and kill it then."""
        ordering = stage.ordering
        ordering.ask(BEFORE, None, None)
        client_order_id = await ordering.standing(0)
        gateway = await stage.owner()
        async with _at_the_venue(stage):
            with stage.standing_still(gateway):
                await ordering.until(lambda: _is_placed(stage, client_order_id), "the order is carried out")
                await gateway.kill()
        async with stage.killed(gateway):
            yield


async def _is_placed(stage: Stage, client_order_id: str | None) -> bool:
    return client_order_id is not None and stage.venue.name_of(client_order_id) in await stage.venue.orders()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswered(_OrderFault):
    """The gateway is killed when it has answered, before the bot acknowledges the fill; the bot then dies, too."""

    name: ClassVar[str] = "order_answered"
    part: ClassVar[Part] = Part.GATEWAY

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Kill it while the bot has its answer, and the bot with it."""
        ordering = stage.ordering
        ordering.ask(AFTER, None, None)
        await ordering.standing(0)
        async with stage.part(Part.HOST), stage.killed(await stage.owner()), stage.killed(stage.host):
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResponseLost(_OrderFault):
    """The venue carries orders out, and its response is lost: nothing comes, or what a proxy says in its place."""

    name: ClassVar[str] = "order_response_lost"

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Lose one response in each way."""
        ordering = stage.ordering
        ordering.ask(BEFORE, BEFORE, None, None)
        for index, options in enumerate(({"answer": "none"}, {})):
            await ordering.standing(index)
            async with stage.rule("lost_response", method=_PLACE, next=1, **options) as rule:
                ordering.let_go()
                await ordering.until(lambda rule=rule: stage.has_struck(rule), "the response is lost")
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBrokerRestart(_OrderFault):
    """The broker is killed while an order is at the venue, and comes back."""

    name: ClassVar[str] = "order_broker_restart"
    part: ClassVar[Part] = Part.BROKER

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Take the broker away while bot and gateway wait, and bring it back at the end."""
        ordering, broker = stage.ordering, stage.brokers[0]
        ordering.ask(BEFORE, None, None)
        await ordering.standing(0)
        async with _at_the_venue(stage):
            await broker.kill()
        try:
            yield
        finally:
            await broker.start(deadline_s=60.0)
