"""What a bot has handled is what its place in the log says, whatever happens while the place changes hands."""

import asyncio
from collections.abc import Sequence

import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.domain.errors import ConfigError
from fillwire.domain.events import OrderEvent
from fillwire.sdk import host as host_module
from fillwire.sdk.bot import Bot, bot_of
from fillwire.sdk.claims import Claim
from fillwire.sdk.host import Host
from fillwire.sdk.strategy import Strategy
from support.broker import ConnectBus
from support.eventually import eventually
from support.order_events import ALICE, order_event
from support.publishing import publish


class Listener(Strategy):
    """Notes the orders it is told of; in one of them it may hang."""

    pairs: Sequence[str] = ("BTC-USDT",)

    def __init__(self, name: str, hangs_in: str | None = None) -> None:
        self.name = name
        self.told: list[str] = []
        self.hangs_in = hangs_in
        self.hangs = asyncio.Event()

    async def on_fill(self, order: OrderEvent) -> None:
        """Note the order."""
        if order.order_id == self.hangs_in:
            self.hangs.set()
            await asyncio.sleep(60)
        self.told.append(order.order_id)


def fills(first: int, last: int) -> list[OrderEvent]:
    """Return fills of the orders with these numbers, the last included."""
    return [order_event(order_id=str(number), trade=number) for number in range(first, last + 1)]


def bot(listener: Strategy, start_from: str | None = None) -> Bot:
    """Return alice's bot of a listener."""
    return bot_of(listener, ALICE, start_from=start_from)  # type: ignore[arg-type]  # one of its words


async def open_pulls(bus: Bus, name: str) -> int:
    """Return how many readers the bot's own durable has."""
    return int((await api.call(bus, f"CONSUMER.INFO.ORDERS.alice=={name}"))["num_waiting"])


async def test_an_event_in_hand_is_not_told_to_be_handled_by_a_seat(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fill comes while the bot is about to share a reading, and is not finished: the next run has it first."""
    first = Listener("first", hangs_in="3")
    async with Host(bus) as host:
        running = await host.add(bot(first))
        await publish(bus, *fills(1, 2))
        await eventually(lambda: first.told == ["1", "2"])
        ask = running.claim.info

        async def slowly() -> dict[str, object]:
            info = await ask()
            if running.intake._group.is_shared.is_set() and not first.hangs.is_set():
                await publish(bus, *fills(3, 3))  # while the answer is on its way
                await first.hangs.wait()
            return info

        monkeypatch.setattr(running.claim, "info", slowly)
        await host.add(bot(Listener("second")))
        await first.hangs.wait()
        await asyncio.gather(*(asyncio.wait_for(running.claim.info(), 5) for _ in range(2)))
        await host.remove(running.bot, deadline_s=0.0)
    again = Listener("first")
    async with Host(bus) as host:
        await host.add(bot(again))
        await publish(bus, *fills(4, 4))
        await eventually(lambda: again.told == ["3", "4"])


async def test_a_bot_that_rests_and_is_stopped_is_not_sent_back(bus: Bus) -> None:
    """It has handled nothing in this run, and left its seat: its durable stays where the seat was."""
    await publish(bus, *fills(1, 5))
    for told in (["1", "2", "3", "4", "5"], [], ["6"]):
        listeners = [Listener("first"), Listener("second")]
        async with Host(bus) as host:
            bots = [await host.add(bot(listener, "beginning")) for listener in listeners]
            if told == ["6"]:
                await publish(bus, *fills(6, 6))
            await eventually(lambda: all(listener.told == told for listener in listeners))  # noqa: B023 - at once
            await eventually(lambda: all(running.intake.is_seated for running in bots))  # noqa: B023 - at once
            await bots[0].hold()
            await eventually(lambda: bots[0].intake._pull is not None)  # noqa: B023 - at once


async def test_a_bot_that_waits_for_the_process_that_runs_it_takes_over(
    bus: Bus, connect_bus: ConnectBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait is longer than the time after which claims are looked at: that is no reason to give up."""
    monkeypatch.setattr(host_module, "GUARD_INTERVAL_S", 0.05)
    waiting = Listener("first")
    async with Host(bus) as before, Host(await connect_bus()) as after:
        await before.add(bot(Listener("first")))
        adding = asyncio.create_task(after.add(bot(waiting), takeover_s=20))
        await eventually(lambda: "alice==first" in after.bots)
        looks = 0
        ask = Claim.is_ours

        async def counted(claim: Claim) -> bool:
            nonlocal looks
            looks += 1
            return await ask(claim)

        monkeypatch.setattr(Claim, "is_ours", counted)
        await eventually(lambda: looks > 3)
        await before.stop()
        await adding
        await publish(bus, *fills(1, 3))
        await eventually(lambda: waiting.told == ["1", "2", "3"])


async def test_a_bot_that_is_removed_while_it_begins_leaves_nothing_behind(bus: Bus) -> None:
    """Nobody reads for it afterwards, and it can be added again."""

    class Slow(Listener):
        async def on_start(self) -> None:
            self.hangs.set()
            await removed.wait()

    removed = asyncio.Event()
    slow = Slow("first")
    async with Host(bus) as host:
        adding = asyncio.create_task(host.add(bot(slow)))
        await slow.hangs.wait()
        await host.remove(bot(slow))
        removed.set()
        with pytest.raises(ConfigError, match="bot first of alice was stopped before it ran"):
            await adding
        assert await open_pulls(bus, "first") == 0
        again = Listener("first")
        await host.add(bot(again), takeover_s=5)
        await publish(bus, *fills(1, 1))
        await eventually(lambda: again.told == ["1"])


async def test_who_has_lost_a_bot_cancels_no_orders(
    bus: Bus, connect_bus: ConnectBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open orders of its label are those of the process that runs it now."""
    cancelled: list[Strategy] = []

    async def cancel_own_orders(strategy: Strategy, pair: str | None = None) -> list[object]:
        assert pair == "BTC-USDT"
        cancelled.append(strategy)
        return []

    monkeypatch.setattr(Strategy, "cancel_own_orders", cancel_own_orders)
    lost, kept = Listener("lost"), Listener("kept")
    lost.cancel_orders_on_stop = kept.cancel_orders_on_stop = True
    async with Host(bus, on_end=lambda _bot, _error: None) as host:
        running = [await host.add(bot(listener)) for listener in (lost, kept)]
        other = Claim(await connect_bus(), "ORDERS", running[0].bot.durable)
        await other.renew()
        for one in running:
            await host.remove(one.bot)
    assert cancelled == [kept]
