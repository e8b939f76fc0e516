"""Hosts share the bots: each runs once, moves in order as hosts come and go, and is taken over from one that is lost."""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from fillwire.bots.errors import BotError
from fillwire.bots.host import BotHost
from fillwire.bus.buckets import BOOKS, BOT_LEASES, Bucket, Entry
from fillwire.bus.connection import Bus
from fillwire.bus.holdings import HELD, session_key
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.bots import BotOutcome, BotState, Desired, bot_key
from fillwire.domain.client_order_ids import bot_label
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import OpenOrders
from fillwire.domain.rendezvous import ranked
from fillwire.wire.commands import decode_open_orders_query, encode_command
from fillwire.wire.subjects import account_tokens
from support.broker import ConnectBus
from support.eventually import eventually
from support.managed_bots import BOTS, QUICK, ManagedBots, bots
from support.order_events import order_event
from support.publishing import publish

__all__ = ["bots"]

NAMES = [f"bot-{number}" for number in range(6)]

pytestmark = pytest.mark.usefixtures("positions")


def expected(*hosts: str) -> dict[str, str]:
    """Return which host each bot belongs to."""
    return {name: ranked(bot_key("alice", name), hosts)[0] for name in NAMES}


async def placed(bots: ManagedBots) -> dict[str, str | None]:
    """Return which host says that it runs each bot."""
    return {
        view.bot: view.host if view.state is BotState.RUNNING else None
        for view in await bots.manager.list("alice")
    }


async def is_placed(bots: ManagedBots, where: dict[str, str]) -> bool:
    """Return whether each bot runs where it belongs."""
    return await placed(bots) == where


async def test_bots_move_in_order_as_hosts_come_and_go(bots: ManagedBots, bus: Bus) -> None:
    """Each bot runs where the ranking says, only those move that must, and none misses or doubles an event."""
    await bots.host("a")
    for name in NAMES:
        await bots.manager.create("alice", bots.creation(name))
    assert await placed(bots) == dict.fromkeys(NAMES, "a")
    await publish(bus, order_event(order_id="1"))
    await bots.host("b")
    await eventually(lambda: is_placed(bots, expected("a", "b")), 20, "shared by two")
    await publish(bus, order_event(order_id="2"))
    await bots.host("c")
    await eventually(lambda: is_placed(bots, expected("a", "b", "c")), 20, "shared by three")
    await publish(bus, order_event(order_id="3"))
    await bots.stop("a")
    await eventually(lambda: is_placed(bots, expected("b", "c")), 20, "taken over")
    await publish(bus, order_event(order_id="4"))
    for name in NAMES:
        await eventually(lambda name=name: "fill 4" in bots.told(name), what=f"{name} told of all")
        told = bots.told(name)
        assert [line for line in told if line.startswith("fill")] == [f"fill {n}" for n in range(1, 5)]
        hosts = [expected(*hosts)[name] for hosts in ("a", "ab", "abc", "bc")]
        moves = sum(one != other for one, other in pairwise(hosts))
        assert Counter(told)["start"] == 1 + moves
        assert Counter(told)["stop"] == moves


async def test_a_bot_that_moves_leaves_its_orders_open(bots: ManagedBots, bus: Bus) -> None:
    """One that is to leave nothing behind cancels them when it is stopped, not when it goes on at another host."""
    asked: list[str | None] = []

    async def answer(message: Message) -> bytes:
        asked.append(decode_open_orders_query(message.data).label)
        return encode_command(OpenOrders(orders=()))

    await Responder.start(bus, "commands.alice.binance.live.open_orders", answer)
    careful = BOTS.replace("    pairs =", "    cancel_orders_on_stop = True\n    pairs =")
    (bots.directory / "bots.py").write_text(careful)
    await bots.host("a")
    for name in NAMES:
        await bots.manager.create("alice", bots.creation(name))
    await bots.host("b")
    await eventually(lambda: is_placed(bots, expected("a", "b")), 20, "shared by two")
    await bots.stop("a")
    await eventually(lambda: is_placed(bots, expected("b")), 20, "taken over")
    assert asked == []
    await bots.manager.stop("alice", NAMES[0])
    assert asked == [bot_label(NAMES[0])]


async def test_a_host_that_is_evicted_stops_its_bots_and_takes_them_again(
    bots: ManagedBots, bus: Bus
) -> None:
    """Who loses its session, be it for a moment, holds nothing any more: each bot is stopped, then taken anew."""
    host = await bots.host("a")
    await bots.manager.create("alice", bots.creation())
    await Bucket(bus, BOT_LEASES).delete(session_key(host.session))
    await eventually(lambda: bots.told() == ["start", "stop", "start"], what="taken anew")
    await publish(bus, order_event(order_id="1"))
    await eventually(lambda: bots.told()[3:] == ["fill 1"])

    async def is_said_to_run() -> bool:
        return (await bots.manager.show("alice", "teller")).state is BotState.RUNNING

    await eventually(is_said_to_run)


async def test_a_bot_that_was_held_while_its_session_had_lapsed_goes_on(bots: ManagedBots, bus: Bus) -> None:
    """The answer to a renewal comes after the session's end by the clock, and nobody but the bot has looked in between."""
    host = await bots.host("a")
    await bots.manager.create("alice", bots.creation())
    (running,) = host._host.bots.values()
    lease = host._holdings.session._lease
    until_s = lease._until_s
    lease._until_s = 0.0
    assert running.worker._caller.is_closed()
    lease._until_s = until_s
    assert running.worker.is_held
    await publish(bus, order_event(order_id="1"))
    await eventually(lambda: bots.told() == ["start", "fill 1"])
    assert not running.worker.is_held


async def test_a_host_without_broker_stops_its_bots_and_one_with_a_short_gap_does_not(
    bots: ManagedBots, broker: EmbeddedServer, connect_bus: ConnectBus
) -> None:
    """A broker that restarts within the session costs the bots nothing; beyond it they stop, and begin again after it."""
    await bots.host("a", replace(QUICK, lease_s=6.0))
    await bots.manager.create("alice", bots.creation())
    await broker.stop()
    await broker.start()
    bus = await connect_bus("after")
    await publish(bus, order_event(order_id="1"))
    await eventually(lambda: bots.told() == ["start", "fill 1"], 20)
    await broker.stop()
    await eventually(lambda: bots.told()[2:] == ["stop"], 20, "stopped without broker")
    await broker.start()
    await eventually(lambda: bots.told()[3:] == ["start"], 20, "started again")
    paused = await bots.manager.pause("alice", "teller")
    assert paused.state is BotState.PAUSED


async def test_a_bot_that_fails_is_tried_again_and_harms_nobody(bots: ManagedBots, bus: Bus) -> None:
    """Its error is shown, it is started again with growing pauses, and runs once its file is mended."""
    await bots.host("a")
    await bots.manager.create("alice", bots.creation("good"))
    path = bots.directory / "bad.py"
    good = (bots.directory / "bots.py").read_text()
    path.write_text(good.replace('self.tell("start")', 'raise ValueError("no market")'))
    with pytest.raises(BotError, match="no market") as error:
        await bots.manager.create("alice", bots.creation("bad", strategy="bad.py"))
    assert error.value.outcome is BotOutcome.UNFINISHED

    async def is_tried_again() -> bool:
        view = await bots.manager.show("alice", "bad")
        return view.restart_count >= 2 and "bad.py" in (view.error or "")

    await eventually(is_tried_again, what="tried again")
    await publish(bus, order_event(order_id="1"))
    await eventually(lambda: bots.told("good") == ["start", "fill 1"])
    path.write_text("import nothing_of_this_name")

    async def says_why() -> bool:
        return "nothing_of_this_name" in ((await bots.manager.show("alice", "bad")).error or "")

    await eventually(says_why, what="the error of the import")
    path.write_text(good)

    async def runs() -> bool:
        return (await bots.manager.show("alice", "bad")).state is BotState.RUNNING

    await eventually(runs, what="mended")


async def test_what_is_asked_without_a_host_is_done_by_the_next(bots: ManagedBots, bus: Bus) -> None:
    """Created, paused, stopped while no host runs: it is said that nobody does it, and the next host finds it so."""
    with pytest.raises(BotError, match="is not running yet: no host runs: expected one") as error:
        await bots.manager.create("alice", bots.creation(), deadline_s=0.3)
    assert error.value.outcome is BotOutcome.UNFINISHED
    with pytest.raises(BotError, match="is not paused yet: no host runs"):
        await bots.manager.pause("alice", "teller", deadline_s=0.3)
    await bots.host("a")

    async def rests() -> bool:
        return (await bots.manager.show("alice", "teller")).state is BotState.PAUSED

    await eventually(rests)
    assert bots.told() == []
    assert (await bots.manager.resume("alice", "teller")).state is BotState.RUNNING
    await bots.stop("a")
    stopped = await bots.manager.stop("alice", "teller")
    assert (stopped.bots[0].desired, stopped.outcome) == (Desired.STOPPED, BotOutcome.DONE)
    await bots.manager.remove("alice", "teller")
    await bots.host("b")
    await bots.manager.create("alice", bots.creation("other"))
    assert bots.told("teller") == ["start", "stop"]
    await publish(bus, order_event(order_id="1"))
    await eventually(lambda: bots.told("other") == ["start", "fill 1"])


async def test_a_full_host_takes_no_more(bots: ManagedBots) -> None:
    """Beyond its limit a bot waits and says so, until another host has room."""
    await bots.host("a", replace(QUICK, limit=2))
    for name in NAMES[:2]:
        await bots.manager.create("alice", bots.creation(name))
    with pytest.raises(BotError, match="no host has taken it yet"):
        await bots.manager.create("alice", bots.creation(NAMES[2]), deadline_s=1.0)
    await bots.host("b", replace(QUICK, limit=2))

    async def runs() -> bool:
        view = await bots.manager.show("alice", NAMES[2])
        return view.state is BotState.RUNNING

    await eventually(runs)


async def test_of_two_that_change_a_bot_at_once_one_is_told(bots: ManagedBots) -> None:
    """Both have seen one revision; one change is made, whole, and the other is refused in one sentence."""
    await bots.host("a")
    seen = await bots.manager.create("alice", bots.creation())
    changes = await asyncio.gather(
        *(
            bots.manager.change(
                "alice",
                "teller",
                parameters={**seen.parameters, "mark": mark},
                expected_revision=seen.revision,
            )
            for mark in ("x", "y")
        ),
        return_exceptions=True,
    )
    (made,) = [change for change in changes if not isinstance(change, BaseException)]
    (error,) = [change for change in changes if isinstance(change, BotError)]
    assert error.outcome is BotOutcome.CONFLICT
    assert "bot teller of alice" in str(error)
    mark = made.parameters["mark"]
    await eventually(lambda: bots.told()[-1:] == [f"{mark}start"])
    assert bots.told() == ["start", "stop", f"{mark}start"]


async def test_a_bot_created_again_under_its_name_begins_anew(bots: ManagedBots, bus: Bus) -> None:
    """What it had not been told before it was removed is no affair of its successor, which begins where it is told."""
    await bots.host("a")
    await bots.manager.create("alice", bots.creation())
    await bots.manager.stop("alice", "teller")
    await publish(bus, order_event(order_id="1"))
    kept = f"{account_tokens(Account('alice', 'binance', 'live'))}.teller"
    await Bucket(bus, BOOKS).put(kept, b"of the first")
    await bots.manager.remove("alice", "teller")
    assert await Bucket(bus, BOOKS).get(kept) is None
    await bots.manager.create("alice", bots.creation())
    await publish(bus, order_event(order_id="2"))
    await eventually(lambda: bots.told() == ["start", "stop", "start", "fill 2"])
    await bots.manager.remove("alice", "teller", force=True)
    await bots.manager.create("alice", bots.creation(start_from="beginning"))
    await eventually(lambda: bots.told()[4:] == ["stop", "start", "fill 1", "fill 2"])


async def test_a_creation_asked_for_twice_makes_one_bot(bots: ManagedBots) -> None:
    """Under one id of the request it is the same; under another the name is taken."""
    await bots.host("a")
    creation = bots.creation(request_id="once")
    first = await bots.manager.create("alice", creation)
    again = await bots.manager.create("alice", creation)
    assert again.revision == first.revision
    with pytest.raises(BotError, match="bot teller of alice exists") as error:
        await bots.manager.create("alice", replace(creation, request_id="twice"))
    assert error.value.outcome is BotOutcome.CONFLICT
    assert bots.told() == ["start"]


async def test_a_host_stops_in_order_without_others(bots: ManagedBots, connect_bus: ConnectBus) -> None:
    """Alone it stops its bots at once, and the next to come has them without waiting for a session to end."""
    await bots.host("a")
    await bots.manager.create("alice", bots.creation())
    await bots.stop("a")
    assert bots.told() == ["start", "stop"]
    async with BotHost(await connect_bus("b"), bots.catalogue, replace(QUICK, lease_s=60.0), name="b"):
        await eventually(lambda: bots.told()[2:] == ["start"], 5.0)


async def test_no_more_bots_move_at_once_than_is_allowed(bots: ManagedBots, bus: Bus) -> None:
    """With one at a time, the next is given when the other host has the one before."""
    one_by_one = replace(QUICK, moves=1)
    await bots.host("a", one_by_one)
    for name in NAMES:
        await bots.manager.create("alice", bots.creation(name))
    held: dict[str, bool] = {}
    free: list[int] = []

    async def note(entry: Entry) -> None:
        held[entry.key] = entry.value is not None
        free.append(list(held.values()).count(False))

    watch = await Bucket(bus, BOT_LEASES).watch(f"{HELD}.>", note)
    await bots.host("b", one_by_one)
    await eventually(lambda: is_placed(bots, expected("a", "b")), 20, "shared by two")
    await bots.stop("a")
    await eventually(lambda: is_placed(bots, dict.fromkeys(NAMES, "b")), 20, "taken over")
    await watch.stop()
    assert len(held) == len(NAMES)
    assert max(free) == 1
