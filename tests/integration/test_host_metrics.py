"""What a host says of its bots in numbers, alone and at a shared reading: how far behind, how long, how often in vain."""

import asyncio
from collections.abc import Callable

import pytest

from fillwire.bus.connection import Bus
from fillwire.domain.events import OrderEvent
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.strategy import Strategy
from support.eventually import eventually
from support.order_events import ALICE, order_event
from support.publishing import publish


class _Bot(Strategy):
    """Handles fills once it is released; raises as often as `fails` says for each."""

    pairs = ("BTC-USDT",)

    def __init__(self, name: str, fails: Callable[[OrderEvent], int] = lambda _: 0) -> None:
        self.name = name
        self.fails = fails
        self.calls: dict[str, int] = {}
        self.released = asyncio.Event()

    async def on_fill(self, order: OrderEvent) -> None:
        """Do as the class says."""
        await self.released.wait()
        self.calls[order.order_id] = self.calls.get(order.order_id, 0) + 1
        if self.calls[order.order_id] <= self.fails(order):
            raise ValueError("not yet")


def _host(bus: Bus) -> Host:
    return Host(bus, retry=RetryPolicy(attempts=3, initial_delay_s=0.001, max_delay_s=0.001))


def _fills(count: int) -> list[OrderEvent]:
    return [order_event(order_id=str(number), trade=number) for number in range(1, count + 1)]


def _said(host: Host, bot: str) -> dict[str, object]:
    """Return the metrics of one bot by the last words of their names."""
    return {
        family.metric.name.removeprefix("fillwire.bot."): value
        for family in host.telemetry.metrics.collect()
        for labels, value in family.points.items()
        if labels == (ALICE.exchange, ALICE.environment, ALICE.user, bot)
    }


@pytest.mark.usefixtures("positions")
async def test_a_bot_alone_is_as_far_behind_as_the_broker_says(bus: Bus) -> None:
    """What the host has not fetched yet counts, too; when the bot has caught up, nothing is left."""
    bot = _Bot("grid")
    async with _host(bus) as host:
        running = await host.add(bot_of(bot, ALICE))
        await publish(bus, *_fills(400))
        await eventually(lambda: running.worker.oldest_ns)
        await running.claim.count_waiting()
        said = _said(host, "grid")
        assert said["lag"] == 400
        assert isinstance(said["lag.time"], float)
        assert said["lag.time"] > 0
        assert said["events.handled"] == 0
        bot.released.set()
        await eventually(lambda: running.worker.handled_count == 400)
        await eventually(lambda: _is_idle(host))
        said = _said(host, "grid")
        assert (said["lag"], said["lag.time"], said["inbox"], said["events.handled"]) == (0, 0.0, 0, 400)


async def _is_idle(host: Host) -> bool:
    (running,) = host.bots.values()
    return not await running.claim.count_waiting()


async def test_bots_at_a_shared_reading_are_behind_each_for_itself(bus: Bus) -> None:
    """One is held up and the other is not; their durables rest, and would say nothing of it."""
    slow, quick = _Bot("slow"), _Bot("quick")
    quick.released.set()
    async with _host(bus) as host:
        bots = [await host.add(bot_of(bot, ALICE)) for bot in (slow, quick)]
        await eventually(lambda: all(running.intake.is_seated for running in bots))
        await publish(bus, *_fills(20))
        await eventually(lambda: bots[1].worker.handled_count == 20)
        await eventually(lambda: _said(host, "quick")["lag"] == 0)  # it is acknowledged in the next turn
        assert _said(host, "slow")["lag"] == 20
        slow.released.set()
        await eventually(lambda: _said(host, "slow")["lag"] == 0)


async def test_failures_retries_and_dead_letters_are_counted(bus: Bus) -> None:
    """One fill is handled at the second call, one never; each call counts, and the time in them."""
    bot = _Bot("grid", lambda order: {"2": 1, "3": 99}.get(order.order_id, 0))
    bot.released.set()
    async with _host(bus) as host:
        running = await host.add(bot_of(bot, ALICE))
        await publish(bus, *_fills(4))
        await eventually(lambda: running.worker.handled_count == 4)
        said = _said(host, "grid")
    assert {name: said[name] for name in ("callbacks", "failures", "retries", "dead_letters")} == {
        "callbacks": 7,
        "failures": 4,
        "retries": 3,
        "dead_letters": 1,
    }
    assert isinstance(said["callbacks.time"], float)
    assert said["callbacks.time"] > 0
