"""Bots at three brokers that replicate, where a consumer says of itself other things than at one alone."""

from collections.abc import AsyncIterator

import pytest

from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.durables import (
    ConsumerState,
    Deliver,
    StartAtSequence,
    StartAtTime,
    delete_consumer,
    ensure_consumer,
)
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.sdk.host import Host
from fillwire.sdk.positions import Positions
from support.eventually import eventually
from support.listeners import QUICK, Listener, bot, durables, fills, seated
from support.positions import IN_DURABLES
from support.publishing import publish

REPLICAS = 3


@pytest.fixture
async def replicated(broker_cluster: list[EmbeddedServer]) -> AsyncIterator[Bus]:
    """A connection to three brokers, which have three events in the log that no bot asked for."""
    urls = ",".join(server.url for server in broker_cluster)
    async with await Bus.connect(urls, name="test", deadline_s=30) as bus:
        await ensure_streams(bus, REPLICAS)
        await ensure_buckets(bus, replicas=REPLICAS)
        await publish(bus, *fills(1, 3))
        yield bus


@pytest.mark.usefixtures("positions")
async def test_a_bot_that_comes_later_is_told_nothing_of_what_was_before(replicated: Bus) -> None:
    """It begins where the reading of the others is, of which no event has been acknowledged yet."""
    listeners = [Listener(name) for name in ("first", "second", "third", "fourth")]
    async with Host(replicated, retry=QUICK, replicas=REPLICAS) as host:
        for listener in listeners:
            await host.add(bot(listener))
        await eventually(lambda: len(seated(host)) == len(listeners), deadline_s=20)
        await publish(replicated, *fills(4, 6))
        await eventually(lambda: all(listener.told[-1:] == ["6"] for listener in listeners))
    assert [listener.told for listener in listeners] == [["4", "5", "6"]] * len(listeners)


@pytest.mark.usefixtures("positions")
async def test_a_bot_that_was_away_is_told_what_came_meanwhile(replicated: Bus) -> None:
    """Before it sits down with others, whose reading began after that and has told them nothing yet."""
    async with Host(replicated, retry=QUICK, replicas=REPLICAS) as host:
        await host.add(bot(Listener("away")))
    await publish(replicated, *fills(4, 6))
    back, others = Listener("away"), [Listener("first"), Listener("second")]
    async with Host(replicated, retry=QUICK, replicas=REPLICAS) as host:
        for listener in (*others, back):
            await host.add(bot(listener))
        await eventually(lambda: len(seated(host)) == 3, deadline_s=20)
        await publish(replicated, *fills(7, 8))
        await eventually(lambda: all(listener.told[-1:] == ["8"] for listener in (*others, back)))
    assert back.told == ["4", "5", "6", "7", "8"]
    assert [listener.told for listener in others] == [["7", "8"]] * 2


@IN_DURABLES
@pytest.mark.usefixtures("positions")
async def test_a_durable_that_is_lost_before_the_first_event_begins_where_it_began(replicated: Bus) -> None:
    """Not with all that the log has."""
    listener = Listener("first")
    async with Host(replicated, retry=QUICK, replicas=REPLICAS) as host:
        await host.add(bot(listener))
        (durable,) = await durables(replicated)
        assert await delete_consumer(replicated, "ORDERS", durable)
        await publish(replicated, *fills(4, 5))
        await eventually(lambda: listener.told[-1:] == ["5"], deadline_s=60)
    assert listener.told == ["4", "5"]


@pytest.mark.parametrize(("before", "after"), [("durable", "bucket"), ("bucket", "durable")])
async def test_a_bot_that_was_told_nothing_yet_moves_without_what_was_before(
    replicated: Bus, before: Positions, after: Positions
) -> None:
    """From a durable to the bucket of positions, and back."""
    async with Host(replicated, retry=QUICK, replicas=REPLICAS, positions=before) as host:
        await host.add(bot(Listener("first")))
    listener = Listener("first")
    await publish(replicated, *fills(4, 5))
    async with Host(replicated, retry=QUICK, replicas=REPLICAS, positions=after) as host:
        await host.add(bot(listener))
        await eventually(lambda: listener.told[-1:] == ["5"], deadline_s=20)
    assert listener.told == ["4", "5"]


@pytest.mark.parametrize(
    ("deliver", "begins_after"), [("new", 3), (StartAtSequence(3), 2), (StartAtTime(0), 0)], ids=str
)
async def test_a_consumer_says_where_it_begins(replicated: Bus, deliver: Deliver, begins_after: int) -> None:
    """Before anything was acknowledged, and when it is asked again; what a replicated one calls its floor is 0 then."""
    for was_created in (True, False):
        state = await ensure_consumer(replicated, "ORDERS", "probe", ["orders.>"], deliver=deliver)
        assert state == ConsumerState(was_created, begins_after, 3 - begins_after, 0)
