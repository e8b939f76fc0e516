"""Bots that listen to the same share one reading of the log: each is still told once, in order, and resumes where it was."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import ConsumerState, create_consumer, delete_consumer, ensure_consumer
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.domain.events import OrderEvent
from fillwire.sdk.bot import Bot, bot_of
from fillwire.sdk.claims import Claim
from fillwire.sdk.host import Host, HostFailed
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.running import RunningBot
from fillwire.sdk.shared import AHEAD
from fillwire.sdk.strategy import Strategy
from support.broker import ConnectBus
from support.eventually import eventually
from support.order_events import ALICE, order_event
from support.publishing import publish

QUICK = RetryPolicy(attempts=3, initial_delay_s=0.01, max_delay_s=0.01)


async def _nothing(_: OrderEvent) -> None:
    """Take no time over an event."""


class Listener(Strategy):
    """Notes the orders it is told of, after doing what `act` does."""

    pairs: Sequence[str] = ("BTC-USDT",)

    def __init__(self, name: str, act: Callable[[OrderEvent], Awaitable[None]] = _nothing) -> None:
        self.name = name
        self.told: list[str] = []
        self.act = act

    async def on_fill(self, order: OrderEvent) -> None:
        """Note the order."""
        await self.act(order)
        self.told.append(order.order_id)


def fills(first: int, last: int) -> list[OrderEvent]:
    """Return fills of the orders with these numbers, the last included."""
    return [order_event(order_id=str(number), trade=number) for number in range(first, last + 1)]


def numbers(first: int, last: int) -> list[str]:
    """Return the order ids of `fills(first, last)`."""
    return [str(number) for number in range(first, last + 1)]


def bot(listener: Listener) -> Bot:
    """Return alice's bot of a listener."""
    return bot_of(listener, ALICE)


def pair_of(*names: str) -> list[Listener]:
    """Return listeners of these names."""
    return [Listener(name) for name in names]


@asynccontextmanager
async def running(bus: Bus, *listeners: Listener) -> AsyncIterator[Host]:
    """Run listeners in a host."""
    async with Host(bus, retry=QUICK) as host:
        for listener in listeners:
            await host.add(bot(listener))
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
        info = await api.call(bus, f"CONSUMER.INFO.ORDERS.{name}")
        found[name] = {
            "delivered": info["delivered"]["consumer_seq"],
            "acknowledged": info["ack_floor"]["stream_seq"],
        }
    return found


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
        await asyncio.sleep(0.03)


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


async def test_what_a_crash_has_told_twice_is_bounded(bus: Bus, connect_bus: ConnectBus) -> None:
    """Beside a bot that hangs, another one is told again of the few events that the reading was ahead, and misses none."""
    dying = await connect_bus("dying")
    quick, hangs = Listener("quick"), Listener("hangs", lambda _: asyncio.Event().wait())  # type: ignore[arg-type,return-value]  # never returns
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
        await Claim(bus, "ORDERS", "alice==first").renew()  # the other process
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
        await eventually(lambda: listeners[0].told == numbers(1, 3))
        assert listeners[1].told == numbers(2, 3)


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
            await asyncio.sleep(luck.uniform(0.1, 0.6))
        elif roll < 0.004 and order.order_id not in failed:
            failed.add(order.order_id)
            raise ValueError(order.order_id)
        elif roll < 0.02:
            await asyncio.sleep(0.001)

    failed: set[str] = set()
    listeners = [Listener(f"bot-{number}", stumble if number % 2 else _nothing) for number in range(6)]
    publishing_bus = await connect_bus("publisher")
    async with running(bus, *listeners) as host:
        publishing = asyncio.create_task(publish_slowly(publishing_bus, count))
        for _ in range(6):
            await asyncio.sleep(luck.uniform(0.05, 0.4))
            chosen = luck.choice(listeners)
            await host.remove(bot(chosen))
            await asyncio.sleep(luck.uniform(0.0, 0.2))
            await host.add(bot(chosen))
        if seed % 2:
            await broker.kill()
            await broker.start()
        await publishing
        for listener in listeners:
            await eventually(lambda told=listener.told: len(told) >= count, deadline_s=40)
    for listener in listeners:
        assert listener.told == numbers(1, count), listener.name
