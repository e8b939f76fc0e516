"""Bots that listen to the same share one reading of the log: who has a seat at it, who leaves it, who comes back."""

import asyncio

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.durables import create_consumer, ensure_consumer
from fillwire.domain.errors import BrokerError
from fillwire.domain.events import OrderEvent
from support.eventually import eventually
from support.listeners import (
    Listener,
    bot,
    bot_there,
    durables,
    fills,
    numbers,
    pair_of,
    publish_slowly,
    running,
    seated,
)
from support.order_events import order_event
from support.positions import IN_DURABLES
from support.publishing import publish

pytestmark = pytest.mark.usefixtures("positions")


@IN_DURABLES
async def test_the_broker_delivers_an_event_once_for_all_bots_that_listen_to_the_same(bus: Bus) -> None:
    """Their own durables rest meanwhile; another pair's bot is alone and reads its own."""

    class Ether(Listener):
        pairs = ("ETH-USDT",)

    first, second = pair_of("first", "second")
    alone = Ether("alone")
    async with running(bus, first, second, alone) as host:
        await eventually(lambda: seated(host) == ["first", "second"])
        before = await durables(bus)
        await publish(bus, *fills(1, 3), order_event(order_id="9", pair="ETH-USDT"))
        await eventually(lambda: first.told == second.told == numbers(1, 3) and alone.told == ["9"])
        after = await durables(bus)
        news = {name: after[name]["delivered"] - before[name]["delivered"] for name in after}
        (reading,) = after.keys() - {"alice==first", "alice==second", "alice==alone"}
        assert news == {"alice==first": 0, "alice==second": 0, "alice==alone": 1, reading: 3}


async def test_a_bot_that_was_alone_takes_a_seat_when_another_comes(bus: Bus) -> None:
    """Under load, and without missing or repeating an event."""
    first, second = pair_of("first", "second")
    async with running(bus, first) as host:
        publishing = asyncio.create_task(publish_slowly(bus, 2_000))
        await eventually(lambda: len(first.told) > 50)
        await host.add(bot(second))
        await eventually(lambda: seated(host) == ["first", "second"], deadline_s=20)
        await publishing
        await eventually(lambda: first.told == numbers(1, 2_000))
        await eventually(lambda: second.told[-1:] == ["2000"])
        assert second.told == numbers(int(second.told[0]), 2_000)


async def test_a_bot_that_falls_behind_leaves_its_seat_and_comes_back(bus: Bus) -> None:
    """The others go on without it; it reads its own durable from where it was, and sits down again when it has caught up."""
    release = asyncio.Event()

    async def hang(order: OrderEvent) -> None:
        if order.order_id == "5":
            await release.wait()

    quick, other, slow = Listener("quick"), Listener("other"), Listener("slow", hang)
    async with running(bus, quick, other, slow) as host:
        await eventually(lambda: len(seated(host)) == 3)
        await publish(bus, *fills(1, 500))
        await eventually(lambda: quick.told == other.told == numbers(1, 500))
        assert seated(host) == ["other", "quick"]
        assert slow.told == numbers(1, 4)
        release.set()
        await eventually(lambda: slow.told == numbers(1, 500))
        await eventually(lambda: len(seated(host)) == 3, deadline_s=20)
        await publish(bus, *fills(501, 502))
        await eventually(lambda: quick.told == slow.told == numbers(1, 502))


async def test_a_bot_that_takes_long_over_few_events_keeps_its_seat(bus: Bus) -> None:
    """It holds nobody up."""
    release = asyncio.Event()

    async def wait(_: OrderEvent) -> None:
        await release.wait()

    quick, slow = Listener("quick"), Listener("slow", wait)
    async with running(bus, quick, slow) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 20))
        await eventually(lambda: quick.told == numbers(1, 20))
        assert seated(host) == ["quick", "slow"]
        release.set()
        await eventually(lambda: slow.told == numbers(1, 20))


async def test_a_bot_that_hangs_in_one_event_leaves_its_seat(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few come after it: else a crash would repeat to others what they handled long ago."""
    monkeypatch.setattr("fillwire.sdk.shared.AGE_S", 0.2)
    release = asyncio.Event()

    async def hang(order: OrderEvent) -> None:
        if order.order_id == "2":
            await release.wait()

    quick, slow = Listener("quick"), Listener("slow", hang)
    async with running(bus, quick, slow) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 3))
        await eventually(lambda: quick.told == numbers(1, 3))
        await eventually(lambda: seated(host) == ["quick"])
        release.set()
        await eventually(lambda: slow.told == numbers(1, 3))
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(4, 4))
        await eventually(lambda: quick.told == slow.told == numbers(1, 4))


async def test_a_bot_that_is_held_rests_at_its_own_durable(bus: Bus) -> None:
    """It keeps nobody back, says how much waits for it, and hears of everything when it is released."""
    first, second = pair_of("first", "second")
    async with running(bus, first, second) as host:
        await eventually(lambda: len(seated(host)) == 2)
        held = bot_there(host, "first")
        await publish(bus, *fills(1, 2))
        await eventually(lambda: first.told == second.told == numbers(1, 2))
        await held.hold()
        await publish(bus, *fills(3, 5))
        await eventually(lambda: second.told == numbers(1, 5))

        async def is_waiting() -> bool:
            return await held.intake.waiting_count() == 3

        await eventually(is_waiting)
        assert seated(host) == ["second"]
        held.release()
        await eventually(lambda: first.told == numbers(1, 5))
        await eventually(lambda: len(seated(host)) == 2)
        assert await held.intake.waiting_count() == 0


@IN_DURABLES
async def test_a_durable_that_cannot_be_moved_is_never_left(bus: Bus) -> None:
    """One that an earlier version made to begin with `new`: its bot reads alone for good, and hears of everything."""
    await ensure_consumer(
        bus, "ORDERS", "alice==old", ["orders.alice.binance.live.BTC-USDT.*"], ack_policy="all"
    )
    await publish(bus, *fills(1, 1))
    listeners = pair_of("old", "first", "second")
    async with running(bus, *listeners) as host:
        await eventually(lambda: seated(host) == ["first", "second"])
        await publish(bus, *fills(2, 3))
        await eventually(
            lambda: [it.told for it in listeners] == [numbers(1, 3), numbers(2, 3), numbers(2, 3)]
        )


async def test_where_no_reading_is_allowed_each_bot_reads_alone(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker refuses the reading's durable, for it knows the names that the user may use."""

    async def refuse(*arguments: object) -> dict[str, object]:
        if "reading" in str(arguments[2]):
            raise BrokerError("permissions violation")
        return await create_consumer(*arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr("fillwire.bus.durables.create_consumer", refuse)
    listeners = pair_of("first", "second")
    async with running(bus, *listeners) as host:
        await publish(bus, *fills(1, 3))
        await eventually(lambda: all(listener.told == numbers(1, 3) for listener in listeners))
        assert seated(host) == []
