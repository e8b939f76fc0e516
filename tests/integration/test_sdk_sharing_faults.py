"""Bots that share a reading while something breaks: each is still told once, in order, and resumes where it was."""

import asyncio
import random
from typing import Any

import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import ConsumerState, StartAtSequence, delete_consumer, ensure_consumer
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import BrokerError
from fillwire.domain.events import OrderEvent
from fillwire.sdk.marks import AHEAD
from support.broker import ConnectBus
from support.eventually import eventually
from support.hanging import hang
from support.listeners import (
    Listener,
    bot,
    bot_there,
    cut_off,
    durables,
    fills,
    numbers,
    pair_of,
    publish_slowly,
    running,
    seated,
)
from support.positions import IN_DURABLES
from support.publishing import publish

pytestmark = pytest.mark.usefixtures("positions")


async def test_what_a_crash_has_told_twice_is_bounded(bus: Bus, connect_bus: ConnectBus) -> None:
    """Beside a bot that hangs, another one is told again of the few events that the reading was ahead, and misses none."""
    dying = await connect_bus("dying")
    quick, hangs = Listener("quick"), Listener("hangs", lambda _: hang())
    async with running(dying, quick, hangs) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 20))
        await eventually(lambda: quick.told == numbers(1, 20))
        await cut_off(dying, host)
        heirs = pair_of("quick", "hangs")
        async with running(bus, *heirs):
            await publish(bus, *fills(21, 21))
            await eventually(lambda: all(heir.told[-1:] == ["21"] for heir in heirs))
            assert heirs[1].told == numbers(1, 21)
            assert 1 <= len(heirs[0].told) <= AHEAD + 1
            assert heirs[0].told == numbers(22 - len(heirs[0].told), 21)


async def test_the_durable_of_a_reading_that_was_deleted_is_made_again(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's tidying at the broker costs no event, be it of the reading's durable or of one that rests."""
    first, second = pair_of("first", "second")
    async with running(bus, first, second) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 3))
        await eventually(lambda: first.told == second.told == numbers(1, 3))
        published = asyncio.Event()

        async def ensure_later(*arguments: Any, **options: Any) -> ConsumerState:
            await published.wait()
            return await ensure_consumer(*arguments, **options)

        monkeypatch.setattr("fillwire.sdk.shared.ensure_consumer", ensure_later)
        for name in await durables(bus):
            assert await delete_consumer(bus, "ORDERS", name)
        await publish(bus, *fills(4, 6))
        published.set()
        await eventually(lambda: first.told == second.told == numbers(1, 6), deadline_s=20)
    heirs = pair_of("first", "second")
    async with running(bus, *heirs):
        await publish(bus, *fills(7, 7))
        await eventually(lambda: all(heir.told == ["7"] for heir in heirs))


@pytest.mark.parametrize("names", [("first",), ("first", "second")])
@pytest.mark.parametrize("last", [11, 30])
async def test_a_log_that_is_made_anew_is_heard_from_its_beginning(
    bus: Bus, names: tuple[str, ...], last: int
) -> None:
    """Whether or not its sequences have come by those up to which the bots had handled the old one."""
    await publish(bus, *fills(1, 5))
    listeners = pair_of(*names)
    async with running(bus, *listeners) as host:
        await eventually(lambda: len(seated(host)) == (len(names) if len(names) > 1 else 0))
        await publish(bus, *fills(6, 8))
        await eventually(lambda: all(listener.told == numbers(6, 8) for listener in listeners))
        await api.call(bus, "STREAM.DELETE.ORDERS")
        await ensure_streams(bus)
        await publish(bus, *fills(9, last))
        await eventually(
            lambda: all(listener.told == numbers(6, last) for listener in listeners), deadline_s=20
        )
        await publish(bus, *fills(last + 1, 40))
        await eventually(lambda: all(listener.told == numbers(6, 40) for listener in listeners))


@IN_DURABLES
async def test_a_durable_that_cannot_be_moved_back_is_made_again(bus: Bus) -> None:
    """It was made for a place that a stream which lost its end has not reached again: it holds nobody up."""
    first, second = pair_of("first", "second")
    async with running(bus, first, second) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 3))
        await eventually(lambda: first.told == second.told == numbers(1, 3))
        assert await delete_consumer(bus, "ORDERS", "alice==first")
        await ensure_consumer(
            bus,
            "ORDERS",
            "alice==first",
            bot_there(host, "first").filters,
            deliver=StartAtSequence(1_000),
            ack_policy="all",
        )
        await bot_there(host, "first").hold()
        last = 3 + 2 * AHEAD
        await publish(bus, *fills(4, last))
        await eventually(lambda: second.told == numbers(1, last))
        bot_there(host, "first").release()
        await eventually(lambda: first.told == numbers(1, last))
        await eventually(lambda: len(seated(host)) == 2)


@IN_DURABLES
async def test_a_place_that_cannot_be_kept_at_once_is_owed(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker does not answer when a bot is removed: the reading waits for the place to be kept, then goes on."""
    listeners = pair_of("first", "second", "third")
    async with running(bus, *listeners) as host:
        await eventually(lambda: len(seated(host)) == 3)
        await publish(bus, *fills(1, 2))
        await eventually(lambda: all(listener.told == numbers(1, 2) for listener in listeners))
        answers = asyncio.Event()
        leaving = bot_there(host, "first").claim
        stand = leaving.stand

        async def stand_later(position: int) -> bool:
            if not answers.is_set():
                raise BrokerError("no answer")
            return await stand(position)

        monkeypatch.setattr(leaving, "stand", stand_later)
        await host.remove(bot(listeners[0]))
        await publish(bus, *fills(3, 4))
        await eventually(lambda: listeners[1].told == numbers(1, 4))
        (reading,) = (name for name in await durables(bus) if "reading" in name)
        assert (await durables(bus))[reading]["acknowledged"] == 2

        async def is_paid() -> bool:
            found = await durables(bus)
            return (found["alice==first"]["acknowledged"], found[reading]["acknowledged"]) == (2, 4)

        answers.set()
        await eventually(is_paid)


@IN_DURABLES
async def test_a_place_that_is_still_owed_when_the_host_stops_is_told_by_the_reading(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its durable stays at the broker for the next start of the bot."""
    listeners = pair_of("first", "second")

    async def refuse(_: int) -> bool:
        raise BrokerError("no answer")

    async with running(bus, *listeners) as host:
        await eventually(lambda: len(seated(host)) == 2)
        await publish(bus, *fills(1, 2))
        await eventually(lambda: all(listener.told == numbers(1, 2) for listener in listeners))
        monkeypatch.setattr(bot_there(host, "first").claim, "stand", refuse)
    assert {
        name: found["acknowledged"] for name, found in (await durables(bus)).items() if "==f" in name
    } == {"alice==first": 0}
    heir = Listener("first")
    async with running(bus, heir):
        await publish(bus, *fills(3, 3))
        await eventually(lambda: heir.told == ["3"])


@pytest.mark.parametrize("seed", range(4))
async def test_nobody_misses_or_repeats_an_event_whatever_bots_and_broker_do(
    broker: EmbeddedServer, bus: Bus, connect_bus: ConnectBus, seed: int
) -> None:
    """Some hang now and then, some raise, some are stopped and started again, and the broker dies under load."""
    luck = random.Random(seed)
    count = 3_000

    async def stumble(order: OrderEvent) -> None:
        roll = luck.random()
        if roll < 0.002:
            await asyncio.sleep(luck.uniform(0.1, 0.6))  # it hangs for a while
        elif roll < 0.004 and order.order_id not in failed:
            failed.add(order.order_id)
            raise ValueError(order.order_id)
        elif roll < 0.02:
            await asyncio.sleep(0.001)  # it takes a little

    failed: set[str] = set()
    listeners = [Listener(f"bot-{number}", *([stumble] if number % 2 else [])) for number in range(6)]
    publishing_bus = await connect_bus("publisher")
    async with running(bus, *listeners) as host:
        publishing = asyncio.create_task(publish_slowly(publishing_bus, count))
        for _ in range(6):
            await asyncio.sleep(luck.uniform(0.05, 0.4))  # when it strikes is chance
            chosen = luck.choice(listeners)
            await host.remove(bot(chosen))
            await asyncio.sleep(luck.uniform(0.0, 0.2))  # and for how long it is gone
            await host.add(bot(chosen))
        if seed % 2:
            await broker.kill()
            await broker.start()
        await publishing
        for listener in listeners:
            await eventually(lambda told=listener.told: len(told) >= count, deadline_s=40)
    for listener in listeners:
        assert listener.told == numbers(1, count), listener.name
