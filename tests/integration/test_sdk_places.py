"""What a bot has handled is what its place in the log says, whatever happens while the place changes hands."""

import asyncio

import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.domain.errors import ConfigError
from fillwire.domain.events import OrderEvent
from fillwire.sdk import host as host_module
from fillwire.sdk.claims import Claim
from fillwire.sdk.host import Host, HostFailed
from fillwire.sdk.strategy import Strategy
from support.broker import ConnectBus
from support.eventually import eventually
from support.hanging import hang
from support.listeners import (
    Listener,
    bot,
    bot_there,
    claim_elsewhere,
    cut_off,
    durables,
    fills,
    numbers,
    pair_of,
    running,
    seated,
)
from support.positions import durable_claim
from support.publishing import publish


async def open_pulls(bus: Bus, name: str) -> int:
    """Return how many readers the bot's own durable has."""
    return int((await api.call(bus, f"CONSUMER.INFO.ORDERS.alice=={name}"))["num_waiting"])


async def test_bots_that_stopped_in_order_resume_where_they_were(bus: Bus) -> None:
    """Each has its place in its own durable, and of the reading nothing is left at the broker."""
    first, second = pair_of("first", "second")
    async with running(bus, first, second) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 3))
        await eventually(lambda: first.told == second.told == numbers(1, 3))
        await host.remove(bot(second))
        await publish(bus, *fills(4, 5))
        await eventually(lambda: first.told == numbers(1, 5))
    assert {name: found["acknowledged"] for name, found in (await durables(bus)).items()} == {
        "alice==first": 5,
        "alice==second": 3,
    }
    first, second = pair_of("first", "second")
    async with running(bus, first, second):
        await publish(bus, *fills(6, 6))
        await eventually(lambda: first.told == ["6"])
        await eventually(lambda: second.told == numbers(4, 6))


async def test_bots_of_a_process_that_died_resume_where_they_were(bus: Bus, connect_bus: ConnectBus) -> None:
    """Nothing is told twice though no durable of theirs was ever brought up to date; the reading's tells where they were."""
    dying = await connect_bus("dying")
    first, second = pair_of("first", "second")
    async with running(dying, first, second) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 5))
        await eventually(lambda: first.told == second.told == numbers(1, 5))

        async def is_acknowledged() -> bool:
            return max(found["acknowledged"] for found in (await durables(bus)).values()) == 5

        await eventually(is_acknowledged)
        await cut_off(dying, host)
        assert (await durables(bus))["alice==first"]["acknowledged"] == 0
        await publish(bus, *fills(6, 7))
        heirs = pair_of("first", "second")
        async with running(bus, *heirs):
            await eventually(lambda: all(heir.told == numbers(6, 7) for heir in heirs))
            await publish(bus, *fills(8, 8))
            await eventually(lambda: all(heir.told == numbers(6, 8) for heir in heirs))


async def test_the_durable_of_a_dead_reading_goes_with_the_last_bot_that_needs_it(
    bus: Bus, connect_bus: ConnectBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before all bots of the dead process run again: until then it alone tells where they were."""
    monkeypatch.setattr("fillwire.sdk.sweeping.WAIT_S", 0.1)
    dying = await connect_bus("dying")
    async with running(dying, *pair_of("first", "second")) as host:
        await eventually(lambda: len(seated(host)) == 2)
        (reading,) = (name for name in await durables(bus) if "reading" in name)
        await cut_off(dying, host)
        async with running(bus, Listener("first")) as heir:
            sweep = heir._sweep
            before = sweep._left[reading]
            await eventually(lambda: sweep._left[reading] < before - 1)
            assert reading in await durables(bus)
            await heir.add(bot(Listener("second")))

            async def is_gone() -> bool:
                return reading not in await durables(bus)

            await eventually(is_gone)


async def test_a_seated_bot_runs_in_one_process_at_a_time(bus: Bus, connect_bus: ConnectBus) -> None:
    """A second process waits though nobody reads the bot's own durable; it gets the bot as soon as that is removed."""
    other = await connect_bus("other")
    listeners = pair_of("first", "second")
    async with running(bus, *listeners) as host, Host(other) as elsewhere:
        await eventually(lambda: len(seated(host)) == 2)
        with pytest.raises(ConfigError, match="bot first of alice: another process runs it"):
            await elsewhere.add(bot(Listener("first")), takeover_s=0.3)
        await publish(bus, *fills(1, 2))
        await eventually(lambda: listeners[0].told == numbers(1, 2))
        moved = Listener("first")
        await host.remove(bot(moved))
        await elsewhere.add(bot(moved), takeover_s=0.3)
        await publish(bus, *fills(3, 3))
        await eventually(lambda: moved.told == ["3"] and listeners[1].told == numbers(1, 3))
        assert listeners[0].told == numbers(1, 2)


@pytest.mark.parametrize("has_noticed", [True, False])
async def test_a_seated_bot_that_was_taken_over_is_let_go_and_its_place_left_alone(
    bus: Bus, has_noticed: bool
) -> None:
    """The host that lost it, whether it knows or not, does not move the durable that is another's by now."""
    listeners = pair_of("first", "second")
    async with running(bus, *listeners) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 4))
        await eventually(lambda: all(listener.told == numbers(1, 4) for listener in listeners))
        await claim_elsewhere(bus, "alice==first")
        if has_noticed:
            host._guard_nudge.set()  # as after a reconnect
            with pytest.raises(HostFailed, match="another process has taken it over"):
                await host.failed()
        else:
            await host.remove(bot(listeners[0]))
        await eventually(lambda: [found.bot.name for found in host.bots.values()] == ["second"])
        await publish(bus, *fills(5, 5))
        await eventually(lambda: listeners[1].told == numbers(1, 5))
        assert listeners[0].told == numbers(1, 4)
        assert (await durables(bus))["alice==first"]["acknowledged"] == 0


async def test_who_lost_a_bot_takes_no_seat_for_it(bus: Bus) -> None:
    """Its note at the durable would pass for the claim of who runs the bot now; and it is told of nothing any more."""
    first, second = pair_of("first", "second")
    async with running(bus, first) as host:
        other = await claim_elsewhere(bus, "alice==first")
        await host.add(bot(second))
        intake = bot_there(host, "first").intake
        await eventually(lambda: intake._task is not None and intake._task.done())
        await publish(bus, *fills(1, 3))
        await eventually(lambda: second.told == numbers(1, 3))
        assert first.told == []
        assert await other.is_ours()


async def test_an_event_in_hand_is_not_told_to_be_handled_by_a_seat(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fill comes while the bot is about to share a reading, and is not finished: the next run has it first."""
    hangs = asyncio.Event()

    async def hang_in_the_third(order: OrderEvent) -> None:
        if order.order_id == "3":
            hangs.set()
            await hang()

    first = Listener("first", hang_in_the_third)
    async with Host(bus) as host:
        added = await host.add(bot(first))
        await publish(bus, *fills(1, 2))
        await eventually(lambda: first.told == ["1", "2"])
        ask = durable_claim(added).info

        async def slowly() -> dict[str, object]:
            info = await ask()
            if added.intake._group.is_shared.is_set() and not hangs.is_set():
                await publish(bus, *fills(3, 3))  # while the answer is on its way
                await hangs.wait()
            return info

        monkeypatch.setattr(added.claim, "info", slowly)
        await host.add(bot(Listener("second")))
        await hangs.wait()
        await asyncio.gather(*(asyncio.wait_for(ask(), 5) for _ in range(2)))
        await host.remove(added.bot, deadline_s=0.0)
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
            await eventually(lambda: all(added.intake.is_seated for added in bots))  # noqa: B023 - at once
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
            begins.set()
            await removed.wait()

    begins, removed = asyncio.Event(), asyncio.Event()
    slow = Slow("first")
    async with Host(bus) as host:
        adding = asyncio.create_task(host.add(bot(slow)))
        await begins.wait()
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
        added = [await host.add(bot(listener)) for listener in (lost, kept)]
        await claim_elsewhere(await connect_bus(), added[0].bot.durable)
        for one in added:
            await host.remove(one.bot)
    assert cancelled == [kept]


async def test_a_host_that_stops_leaves_abandoned_readings_to_others(
    bus: Bus, connect_bus: ConnectBus
) -> None:
    """Nothing of it asks the broker afterwards, whose connection may be closed by then."""
    dying = await connect_bus("dying")
    async with running(dying, *pair_of("first", "second")) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await cut_off(dying, host)
        async with running(bus, Listener("first")) as heir:
            sweeping = heir._sweep._task
            assert sweeping is not None
            assert not sweeping.done()
        assert sweeping.done()
