"""Positions in the bucket: what a bot has handled is what its key says, or the key of the reading at which it sits."""

import asyncio
from contextlib import suppress

import pytest

from fillwire.bus import api
from fillwire.bus.buckets import POSITIONS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.credentials import Credentials
from fillwire.bus.durables import delete_consumer
from fillwire.bus.lookup import newest_message
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import BrokerError, ConfigError, DecodeError
from fillwire.domain.events import OrderEvent
from fillwire.sdk import bucket_places
from fillwire.sdk.host import Host, HostFailed
from fillwire.sdk.marks import AHEAD
from fillwire.sdk.positions import (
    KEPT_FOR_S,
    Position,
    PositionBucket,
    Positions,
    bot_position_key,
    has_position,
)
from fillwire.sdk.replaying import LetterBox, Selection, read_dead_letters
from support.broker import ConnectBus
from support.eventually import eventually
from support.hanging import hang
from support.listeners import (
    QUICK,
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
from support.positions import is_written, use_positions
from support.publishing import publish

NAMES = [("first",), ("first", "second")]
"""A bot that reads alone, and two that share a reading."""

both = pytest.mark.parametrize("names", NAMES)


@pytest.fixture(autouse=True)
def in_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts that are not told otherwise keep positions in the bucket."""
    use_positions(monkeypatch, Host, "bucket")


async def position(bus: Bus, name: str) -> Position:
    """Return what the bucket says of alice's bot."""
    found = (await PositionBucket(bus).look(bot_position_key("alice", name))).position
    assert found is not None
    return found


async def lifetime(bus: Bus, name: str) -> str | None:
    """Return after how many seconds the key of alice's bot expires; None if it does not."""
    subject = f"$KV.{POSITIONS.name}.{bot_position_key('alice', name)}"
    found = await newest_message(bus, POSITIONS.stream, subject)
    assert found is not None
    return found.headers.get("Nats-TTL")


async def settled(host: Host, names: tuple[str, ...]) -> None:
    """Wait until bots share a reading, if there are several."""
    await eventually(lambda: len(seated(host)) == (len(names) if len(names) > 1 else 0))


@both
async def test_bots_that_stopped_in_order_resume_where_they_were(bus: Bus, names: tuple[str, ...]) -> None:
    """Their keys say it; of all else nothing is left at the log."""
    listeners = pair_of(*names)
    async with running(bus, *listeners) as host:
        await settled(host, names)
        await publish(bus, *fills(1, 3))
        await eventually(lambda: all(listener.told == numbers(1, 3) for listener in listeners))
        assert [await lifetime(bus, name) for name in names] == [None] * len(names)
    assert [(await position(bus, name)).sequence for name in names] == [3] * len(names)
    assert await durables(bus) == {}
    assert await Bucket(bus, POSITIONS).keys() == [f"alice.bots.{name}" for name in names]
    assert [await lifetime(bus, name) for name in names] == [str(KEPT_FOR_S)] * len(names)
    await publish(bus, *fills(4, 5))
    heirs = pair_of(*names)
    async with running(bus, *heirs) as host:
        await publish(bus, *fills(6, 6))
        await eventually(lambda: all(heir.told == numbers(4, 6) for heir in heirs))
        await settled(host, names)


@both
async def test_bots_of_a_process_that_died_resume_where_they_were(
    bus: Bus, connect_bus: ConnectBus, names: tuple[str, ...]
) -> None:
    """When it was quiet nothing is told twice, though no key was brought up to date at the end."""
    dying = await connect_bus("dying")
    listeners = pair_of(*names)
    async with running(dying, *listeners) as host:
        await settled(host, names)
        await publish(bus, *fills(1, 5))
        await eventually(lambda: all(listener.told == numbers(1, 5) for listener in listeners))

        async def is_done() -> bool:
            return await is_written(bus, 5)

        await eventually(is_done)
        await cut_off(dying, host)
        await publish(bus, *fills(6, 7))
        heirs = pair_of(*names)
        async with running(bus, *heirs):
            await publish(bus, *fills(8, 8))
            await eventually(lambda: all(heir.told == numbers(6, 8) for heir in heirs))


async def test_what_a_crash_of_a_bot_that_reads_alone_has_told_twice_is_bounded(
    bus: Bus, connect_bus: ConnectBus
) -> None:
    """Under load it is told again of no more than may be handled and not written, and misses nothing."""
    dying = await connect_bus("dying")
    dies = Listener("first")
    async with running(dying, dies) as host:
        publishing = asyncio.create_task(publish_slowly(bus, 2_000))
        await eventually(lambda: len(dies.told) > 700)
        await cut_off(dying, host)
        await publishing
        heir = Listener("first")
        async with running(bus, heir):
            await eventually(lambda: heir.told[-1:] == ["2000"])
        assert heir.told == numbers(int(heir.told[0]), 2_000)
        assert 0 <= int(dies.told[-1]) + 1 - int(heir.told[0]) <= AHEAD


@both
async def test_a_bot_runs_in_one_process_at_a_time(
    bus: Bus, connect_bus: ConnectBus, names: tuple[str, ...]
) -> None:
    """A second process is refused while somebody reads for the bot; it gets the bot as soon as that is removed."""
    other = await connect_bus("other")
    listeners = pair_of(*names)
    async with running(bus, *listeners) as host, Host(other) as elsewhere:
        await settled(host, names)
        with pytest.raises(ConfigError, match="bot first of alice: another process runs it"):
            await elsewhere.add(bot(Listener("first")), takeover_s=0.3)
        await publish(bus, *fills(1, 2))
        await eventually(lambda: listeners[0].told == numbers(1, 2))
        await host.remove(bot(listeners[0]))
        moved = Listener("first")
        await elsewhere.add(bot(moved), takeover_s=0.3)
        await publish(bus, *fills(3, 3))
        await eventually(lambda: moved.told == ["3"])
        assert listeners[0].told == numbers(1, 2)


@both
@pytest.mark.parametrize("has_noticed", [True, False])
async def test_a_bot_that_was_taken_over_is_let_go_and_its_place_left_alone(
    bus: Bus, names: tuple[str, ...], has_noticed: bool
) -> None:
    """The host that lost it, whether it knows or not, writes nothing to the key that is another's by now."""
    listeners = pair_of(*names)
    async with running(bus, *listeners) as host:
        await settled(host, names)
        await publish(bus, *fills(1, 4))
        await eventually(lambda: all(listener.told == numbers(1, 4) for listener in listeners))
        taken = Position(1, 1, "another")
        await PositionBucket(bus).write(bot_position_key("alice", "first"), taken)
        if has_noticed:
            host._guard_nudge.set()  # as after a reconnect
            with pytest.raises(HostFailed, match="another process has taken it over"):
                await host.failed()
        else:
            await host.remove(bot(listeners[0]))
        await eventually(lambda: "alice==first" not in host.bots)
        assert await position(bus, "first") == taken


async def test_a_bot_that_reads_alone_notices_by_its_next_write_that_it_was_taken_over(bus: Bus) -> None:
    """Not only when claims are looked at: its place is another's, and it moves it no more."""
    listener = Listener("first")
    async with running(bus, listener) as host:
        claim = bot_there(host, "first").claim
        taken = Position(7, 1, "another")
        await PositionBucket(bus).write(bot_position_key("alice", "first"), taken)
        await publish(bus, *fills(1, 1))
        await eventually(lambda: claim.is_lost)
        assert await position(bus, "first") == taken


@both
@pytest.mark.parametrize("ways", [("durable", "bucket", "durable"), ("bucket", "durable", "bucket")])
async def test_a_bot_is_found_in_either_place(
    bus: Bus, names: tuple[str, ...], ways: tuple[Positions, ...]
) -> None:
    """It resumes where it was when the setting was changed, and of the other place nothing is left."""
    last = 0
    for way in ways:
        listeners = pair_of(*names)
        async with Host(bus, retry=QUICK, positions=way) as host:
            for listener in listeners:
                await host.add(bot(listener))
            await settled(host, names)
            await publish(bus, *fills(last + 1, last + 3))
            expected = numbers(max(1, last), last + 3)  # `last` came while it was away
            await eventually(lambda: all(listener.told == expected for listener in listeners))  # noqa: B023 - at once
        is_in_bucket = way == "bucket"
        for name in names:
            assert await has_position(bus, "alice", name) is is_in_bucket
            assert (f"alice=={name}" in await durables(bus)) is not is_in_bucket
        last += 4
        await publish(bus, *fills(last, last))


@both
async def test_a_bot_of_a_process_that_died_is_found_in_the_other_place(
    bus: Bus, connect_bus: ConnectBus, names: tuple[str, ...]
) -> None:
    """What the reading's key, or its durable, says of a bot that sat there counts for the other kind, too."""
    last = 0
    ways: tuple[Positions, ...] = ("durable", "bucket", "durable")
    for way in ways:
        dying = await connect_bus("dying")
        listeners = pair_of(*names)
        async with Host(dying, retry=QUICK, positions=way) as host:
            for listener in listeners:
                await host.add(bot(listener))
            await settled(host, names)
            await publish(bus, *fills(last + 1, last + 3))
            expected = numbers(max(1, last), last + 3)
            await eventually(lambda: all(listener.told == expected for listener in listeners))  # noqa: B023 - at once

            async def is_done(sequence: int = last + 3) -> bool:
                found = await durables(bus)
                acknowledged = {each["acknowledged"] for each in found.values()}
                return sequence in acknowledged or await is_written(bus, sequence)

            await eventually(is_done)
            await cut_off(dying, host)
        last += 4
        await publish(bus, *fills(last, last))


async def test_who_comes_back_after_its_durable_became_a_key_lets_go(bus: Bus) -> None:
    """It was cut off while another process began to keep the position in the bucket: it does not make the durable again."""
    listener = Listener("first")
    async with Host(bus, retry=QUICK, positions="durable") as host:
        await host.add(bot(listener))
        await PositionBucket(bus).write(bot_position_key("alice", "first"), Position(0, 1, "another"))
        await delete_consumer(bus, "ORDERS", "alice==first")
        host._guard_nudge.set()
        with pytest.raises(HostFailed, match="another process has taken it over"):
            await host.failed()
        await eventually(lambda: not host.bots)
        assert await durables(bus) == {}


async def test_who_comes_back_after_its_key_became_a_durable_lets_go(
    bus: Bus, connect_bus: ConnectBus
) -> None:
    """It was cut off meanwhile: it does not write the key again."""
    dying = await connect_bus("dying")
    async with running(dying, Listener("first")) as host:
        async with Host(bus, retry=QUICK, positions="durable") as other:
            claim = bot_there(host, "first").claim
            await host.bots["alice==first"].intake.close()  # as if it were cut off
            await other.add(bot(Listener("first")), takeover_s=5)
            assert not await claim.is_ours()
        assert not await has_position(bus, "alice", "first")


@both
async def test_what_somebody_deletes_is_made_again(bus: Bus, names: tuple[str, ...]) -> None:
    """Be it the consumer that brings the events, or the key."""
    listeners = pair_of(*names)
    async with running(bus, *listeners) as host:
        await settled(host, names)
        await publish(bus, *fills(1, 3))
        await eventually(lambda: all(listener.told == numbers(1, 3) for listener in listeners))
        for name in await durables(bus):
            with suppress(BrokerError):
                await delete_consumer(bus, "ORDERS", name)
        for key in await Bucket(bus, POSITIONS).keys():
            await Bucket(bus, POSITIONS).delete(key)
        await publish(bus, *fills(4, 6))
        await eventually(lambda: all(listener.told == numbers(1, 6) for listener in listeners), deadline_s=20)
    assert [(await position(bus, name)).sequence for name in names] == [6] * len(names)


@both
@pytest.mark.parametrize("last", [11, 30])
async def test_a_log_that_was_made_anew_while_bots_were_away_is_heard_from_its_beginning(
    bus: Bus, names: tuple[str, ...], last: int
) -> None:
    """Whether or not its sequences have come by those up to which the bots had handled the old one."""
    await publish(bus, *fills(1, 15))
    listeners = pair_of(*names)
    async with running(bus, *listeners):
        await publish(bus, *fills(16, 17))
        await eventually(lambda: all(listener.told == numbers(16, 17) for listener in listeners))
    await api.call(bus, "STREAM.DELETE.ORDERS")
    await ensure_streams(bus)
    await publish(bus, *fills(101, 100 + last))
    heirs = pair_of(*names)
    async with running(bus, *heirs) as host:
        await eventually(lambda: all(heir.told == numbers(101, 100 + last) for heir in heirs))
        await settled(host, names)
        await publish(bus, *fills(200, 201))
        await eventually(lambda: all(heir.told[-2:] == ["200", "201"] for heir in heirs))


async def test_a_bot_that_hangs_is_told_again_and_says_what_waits(bus: Bus, connect_bus: ConnectBus) -> None:
    """What is in hand was not handled, however many were sent ahead."""
    dying = await connect_bus("dying")
    hangs = Listener("first", lambda order: hang() if order.order_id == "3" else None)
    async with running(dying, hangs) as host:
        await publish(bus, *fills(1, 9))
        await eventually(lambda: hangs.told == ["1", "2"])

        async def says_what_waits() -> bool:
            return await bot_there(host, "first").intake.waiting_count() == 7

        await eventually(says_what_waits)
        await host.remove(bot(hangs), deadline_s=0.0)
        again = Listener("first")
        async with running(bus, again):
            await eventually(lambda: again.told == numbers(3, 9))


async def test_a_bot_that_was_forgotten_begins_anew(bus: Bus) -> None:
    """As one that never ran."""
    await publish(bus, *fills(1, 2))
    for _ in range(2):
        listener = Listener("first")
        async with Host(bus) as host:
            await host.add(bot(listener, "beginning"))
            await eventually(lambda: listener.told == ["1", "2"])  # noqa: B023 - at once
            await host.remove(bot(listener), forget=True)
        assert not await has_position(bus, "alice", "first")


async def test_a_bot_that_could_not_begin_leaves_no_place(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its key was deleted a moment before, either: it begins now when it can, not with all that is stored."""

    async def unanswered(_bus: Bus, _stream: str) -> int:
        raise BrokerError("no answer")

    await publish(bus, *fills(1, 3))
    async with Host(bus) as host:
        await host.add(bot(Listener("first")))
        await host.remove(bot(Listener("first")), forget=True)
        with monkeypatch.context() as patched:
            patched.setattr(bucket_places, "last_sequence", unanswered)
            with pytest.raises(BrokerError, match="no answer"):
                await host.add(bot(Listener("first")))
        assert not await has_position(bus, "alice", "first")
        listener = Listener("first")
        await host.add(bot(listener))
        await publish(bus, *fills(4, 4))
        await eventually(lambda: listener.told[-1:] == ["4"])
        assert listener.told == ["4"]


async def test_a_dead_letter_is_given_back_to_a_bot_that_is_away(bus: Bus) -> None:
    """It has no durable: that it has run is known by its key."""
    broken = True

    def fail(_: OrderEvent) -> None:
        if broken:
            raise KeyError("no such position")

    async with running(bus, Listener("first", fail)):
        await publish(bus, *fills(1, 1))

        async def is_kept() -> bool:
            return bool(await read_dead_letters(bus, Selection(user="alice")))

        await eventually(is_kept)
    (kept,) = await read_dead_letters(bus, Selection(user="alice"))
    assert [result.outcome for result in await LetterBox(bus, "ann@desk").replay([kept])] == ["done"]
    broken = False
    again = Listener("first", fail)
    async with running(bus, again):
        await eventually(lambda: again.told == ["1"])


async def test_a_position_that_cannot_be_read_is_left_alone(bus: Bus) -> None:
    """A later version wrote it: the bot does not begin anew in its place."""
    key = bot_position_key("alice", "first")
    await Bucket(bus, POSITIONS).put(key, b'{"v":2}')
    async with Host(bus) as host:
        with pytest.raises(DecodeError, match="position at /v: expected 1, was 2"):
            await host.add(bot(Listener("first")))
    entry = await Bucket(bus, POSITIONS).get(key)
    assert entry is not None
    assert entry.value == b'{"v":2}'


async def test_a_tenant_has_no_bucket_of_positions(connect_bus: ConnectBus) -> None:
    """Who asks for one in an account without it is told so, before a bot runs."""
    bus = await connect_bus("tenant", credentials=Credentials(api_prefix="TENANT.API"))
    with pytest.raises(ConfigError, match="is at TENANT\\.API, as in a tenant's account: expected 'durable'"):
        Host(bus)


@both
async def test_events_go_on_when_the_broker_that_has_the_consumer_is_lost(
    broker_cluster: list[EmbeddedServer], names: tuple[str, ...]
) -> None:
    """It is in the memory of one of three: another makes it again where the bots are."""
    urls = ",".join(server.url for server in broker_cluster)
    bus = await Bus.connect(urls, name="test", deadline_s=30)
    async with bus:
        await ensure_streams(bus, 3)
        listeners = pair_of(*names)
        async with Host(bus, retry=QUICK, replicas=3) as host:
            for listener in listeners:
                await host.add(bot(listener))
            await settled(host, names)
            await publish(bus, *fills(1, 3))
            await eventually(lambda: all(listener.told == numbers(1, 3) for listener in listeners))
            (name,) = await durables(bus)
            info = await api.call(bus, f"CONSUMER.INFO.ORDERS.{name}")
            assert info["config"]["num_replicas"] == 1
            lost = next(
                server
                for number, server in enumerate(broker_cluster)
                if f"n{number}" == info["cluster"]["leader"]
            )
            await lost.kill()
            await publish(bus, *fills(4, 6))
            await eventually(
                lambda: all(listener.told == numbers(1, 6) for listener in listeners), deadline_s=60
            )
