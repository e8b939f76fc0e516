"""Bots from their creation to their removal, by manager and hosts on a real broker."""

import asyncio
from dataclasses import replace

import pytest

from fillwire.bots.errors import BotError
from fillwire.bus.connection import Bus
from fillwire.domain.bots import BotOutcome, BotSpec, BotState, BotView, Desired
from fillwire.domain.errors import BrokerError
from fillwire.sdk.bot import Bot
from fillwire.sdk.running import RunningBot
from support.eventually import eventually
from support.managed_bots import QUICK, ManagedBots, bots
from support.order_events import order_event
from support.publishing import publish

__all__ = ["bots"]


async def test_a_bot_lives_from_its_creation_to_its_removal(bots: ManagedBots, bus: Bus) -> None:
    """Created it runs, stopped it ends in order, started it goes on where it stopped, removed it is forgotten."""
    await bots.host("host-1")
    created = await bots.manager.create("alice", bots.creation())
    assert (created.state, created.host, created.desired) == (BotState.RUNNING, "host-1", Desired.RUNNING)
    await publish(bus, order_event(order_id="1"))
    await eventually(lambda: bots.told() == ["start", "fill 1"])
    stopped = await bots.manager.stop("alice", "teller")
    assert stopped.bots[0].state is BotState.STOPPED
    assert bots.told() == ["start", "fill 1", "stop"]
    await publish(bus, order_event(order_id="2"))
    started = await bots.manager.start("alice", "teller")
    assert started.state is BotState.RUNNING
    await eventually(lambda: bots.told()[3:] == ["start", "fill 2"])
    with pytest.raises(BotError, match="bot teller of alice is running: expected to stop it first") as error:
        await bots.manager.remove("alice", "teller")
    assert error.value.outcome is BotOutcome.REFUSED
    await bots.manager.remove("alice", "teller", force=True)
    assert await bots.manager.list("alice") == []
    assert bots.told()[3:] == ["start", "fill 2", "stop"]


async def test_a_bot_that_rests_is_told_of_nothing_and_misses_nothing(bots: ManagedBots, bus: Bus) -> None:
    """Paused it keeps its place and its state; resumed it goes on there, without being started anew."""
    await bots.host("host-1")
    for name in ("teller", "witness"):
        await bots.manager.create("alice", bots.creation(name))
    paused = await bots.manager.pause("alice", "teller")
    assert (paused.state, paused.desired) == (BotState.PAUSED, Desired.PAUSED)
    await publish(bus, *(order_event(order_id=str(number)) for number in range(3)))
    await eventually(lambda: bots.told("witness") == ["start", "fill 0", "fill 1", "fill 2"])
    assert bots.told() == ["start"]
    resumed = await bots.manager.resume("alice", "teller")
    assert resumed.state is BotState.RUNNING
    await eventually(lambda: bots.told() == ["start", "fill 0", "fill 1", "fill 2"])


async def test_how_far_behind_a_bot_is_is_said_with_what_it_does(bots: ManagedBots) -> None:
    """At each change, not only with the next report, which may be as far away as here."""
    await bots.host("host-1", replace(QUICK, report_s=3_600.0))
    created = await bots.manager.create("alice", bots.creation())
    assert (created.state, created.waiting_count) == (BotState.RUNNING, 0)
    paused = await bots.manager.pause("alice", "teller")
    assert (paused.state, paused.waiting_count) == (BotState.PAUSED, 0)


async def test_a_bot_that_gives_up_its_seat_to_rest_has_handled_what_it_handled_there(
    bots: ManagedBots, bus: Bus
) -> None:
    """Its own durable is brought there a moment later: until then that does not know."""
    host = await bots.host("host-1", replace(QUICK, report_s=3_600.0))
    for name in ("teller", "witness"):
        await bots.manager.create("alice", bots.creation(name))
    running = list(host._host.bots.values())
    await eventually(lambda: all(found.intake.is_seated for found in running), 20)
    await publish(bus, *(order_event(order_id=str(number)) for number in range(50)))
    await eventually(lambda: len(bots.told()) == len(bots.told("witness")) == 51)
    paused = await bots.manager.pause("alice", "teller")
    assert (paused.state, paused.waiting_count) == (BotState.PAUSED, 0)


async def test_a_bot_paused_in_the_moment_in_which_it_has_begun_rests(
    bots: ManagedBots, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes first, what is said to be paused is told of nothing, and goes on when it is resumed."""
    host = await bots.host("host-1")
    pausing: list[asyncio.Task[BotView]] = []
    add = host._host.add

    async def add_and_pause(bot: Bot, *, takeover_s: float) -> RunningBot:
        running = await add(bot, takeover_s=takeover_s)
        if not pausing:
            pausing.append(asyncio.create_task(bots.manager.pause("alice", "teller")))
            (post,) = host._leader._posts.values()
            await post._interrupt.wait()
            await (
                asyncio.get_running_loop().create_future()
            )  # it runs, and its post is told to rest before it knows
        return running

    monkeypatch.setattr(host._host, "add", add_and_pause)
    with pytest.raises(BotError, match="is not running yet"):
        await bots.manager.create("alice", bots.creation(), deadline_s=0.0)
    await eventually(lambda: pausing)
    assert (await pausing[0]).state is BotState.PAUSED
    assert all(running.worker.is_held for running in host._host.bots.values())
    await publish(bus, order_event(order_id="1"))
    assert (await bots.manager.resume("alice", "teller")).state is BotState.RUNNING
    await eventually(lambda: bots.told()[-1:] == ["fill 1"])
    assert bots.told() == ["start", "stop", "start", "fill 1"]


async def test_a_bot_started_while_it_is_being_removed_goes_on_where_it_was(
    bots: ManagedBots, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who removes it is told that somebody was quicker before anything that is kept for it is lost."""
    await bots.host("host-1")
    await bots.manager.create("alice", bots.creation())
    await bots.manager.stop("alice", "teller")
    await publish(bus, order_event(order_id="1"))
    remove = bots.manager._specs.remove

    async def start_and_remove(spec: BotSpec, revision: int) -> None:
        with pytest.raises(BotError, match="is not running yet"):
            await bots.manager.start("alice", "teller", deadline_s=0.0)
        await remove(spec, revision)

    monkeypatch.setattr(bots.manager._specs, "remove", start_and_remove)
    with pytest.raises(BotError, match="was changed by somebody else meanwhile") as error:
        await bots.manager.remove("alice", "teller")
    assert error.value.outcome is BotOutcome.CONFLICT
    await eventually(lambda: bots.told() == ["start", "stop", "start", "fill 1"])


async def _stop_with_an_event_waiting(bots: ManagedBots, bus: Bus) -> None:
    await bots.host("host-1")
    await bots.manager.create("alice", bots.creation())
    await bots.manager.stop("alice", "teller")
    await publish(bus, order_event(order_id="1"))


async def _no_answer(*_: object) -> None:
    raise BrokerError("no answer within 5 s")


async def test_a_bot_of_which_something_may_be_left_can_be_removed_again(
    bots: ManagedBots, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the broker does not answer half-way, the bot is still there, stopped; asked again, all of it goes."""
    await _stop_with_an_event_waiting(bots, bus)
    with monkeypatch.context() as patched:
        patched.setattr("fillwire.bots.manager.delete_consumer", _no_answer)
        with pytest.raises(BrokerError, match="no answer"):
            await bots.manager.remove("alice", "teller")
    assert (await bots.manager.show("alice", "teller")).desired is Desired.STOPPED
    await bots.manager.remove("alice", "teller")
    assert await bots.manager.list("alice") == []
    await bots.manager.create("alice", bots.creation())
    await publish(bus, order_event(order_id="2"))
    await eventually(lambda: bots.told() == ["start", "stop", "start", "fill 2"])


async def test_what_a_removal_left_behind_goes_with_a_paused_bot_of_the_name(
    bots: ManagedBots, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the broker goes away amid a removal, its place stays without a bot; the way that docs/bots.md shows forgets it."""
    await _stop_with_an_event_waiting(bots, bus)
    with monkeypatch.context() as patched:
        patched.setattr("fillwire.bots.manager.delete_consumer", _no_answer)
        patched.setattr(bots.manager._specs, "add", _no_answer)
        with pytest.raises(BrokerError, match="no answer"):
            await bots.manager.remove("alice", "teller")
    assert await bots.manager.list("alice") == []
    paused = await bots.manager.create("alice", bots.creation(desired=Desired.PAUSED))
    assert paused.state is BotState.PAUSED
    await bots.manager.remove("alice", "teller", force=True)
    await bots.manager.create("alice", bots.creation())
    await publish(bus, order_event(order_id="2"))
    await eventually(lambda: bots.told() == ["start", "stop", "start", "fill 2"])
