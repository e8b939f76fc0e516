"""Many bots in one process, against a real broker: each at its own pace, each told once, each resuming."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from fillwire.bus import api
from fillwire.bus.buckets import DESIRED, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.durables import delete_consumer
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.enums import Kind
from fillwire.domain.errors import ConfigError, HandlerError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.runtime.telemetry_names import Stage
from fillwire.sdk.claims import Claim
from fillwire.sdk.desired import Wishes
from fillwire.sdk.host import Host, HostFailed
from fillwire.sdk.intake import Intake
from fillwire.sdk.replaying import LetterBox, Selection, read_dead_letters
from fillwire.sdk.takeovers import Holder, RunsElsewhere, Seen, Takeover
from support.broker import ConnectBus
from support.eventually import eventually
from support.listeners import QUICK, Listener, bot, claim_elsewhere, fills, numbers, running
from support.order_events import ALICE, order_event, order_life
from support.positions import IN_DURABLES
from support.publishing import publish

pytestmark = pytest.mark.usefixtures("positions")


async def test_a_slow_bot_and_a_raising_bot_hold_up_nobody(bus: Bus) -> None:
    """The quick bot has everything while one hangs in its first fill and another fails on each."""
    release = asyncio.Event()

    class Hangs(Listener):
        async def on_fill(self, order: OrderEvent) -> None:
            await release.wait()
            await super().on_fill(order)

    def fail(_: OrderEvent) -> None:
        raise ValueError("always")

    slow, raising, quick = Hangs("slow"), Listener("raising", fail), Listener("quick")
    async with running(bus, slow, raising, quick):
        await publish(bus, *fills(1, 300))
        await eventually(lambda: len(quick.told) == 300)
        assert quick.told == numbers(1, 300)
        assert slow.told == []
        release.set()
        await eventually(lambda: len(slow.told) == 300)
        assert slow.told == numbers(1, 300)


async def test_what_keeps_failing_is_kept_as_a_dead_letter_and_can_be_given_back(bus: Bus) -> None:
    """The event is kept whole with what went wrong; replayed, it reaches the bot that failed and no other."""
    broken = True

    def fail(order: OrderEvent) -> None:
        if broken and order.order_id == "2":
            raise KeyError("no such position")

    failing, other = Listener("failing", fail), Listener("other")
    async with running(bus, failing, other):
        await publish(bus, *fills(1, 3))
        await eventually(lambda: failing.told == ["1", "3"])
        await eventually(lambda: other.told == ["1", "2", "3"])
        (kept,) = await read_dead_letters(bus, Selection(user="alice", bot="failing"))
        event = fills(2, 2)[0]
        assert kept.message_id == "alice==failing:2:on_fill"
        assert kept.letter.event_id == event.event_id
        assert (kept.letter.callback, kept.letter.exception, kept.letter.attempts) == (
            "on_fill",
            "KeyError",
            3,
        )
        assert kept.letter.original_subject == "orders.alice.binance.live.BTC-USDT.filled"
        assert kept.letter.original_sequence == 2
        broken = False
        assert len(await LetterBox(bus, "ann@desk").replay([kept])) == 1
        await publish(bus, *fills(4, 4))
        await eventually(lambda: failing.told == ["1", "3", "2", "4"])
        await eventually(lambda: other.told == ["1", "2", "3", "4"])


async def test_a_message_that_is_no_event_becomes_a_dead_letter(bus: Bus) -> None:
    """Garbage on the subject is kept with the reason, and the bot goes on."""
    listener = Listener()
    async with running(bus, listener):
        await bus.js.publish("orders.alice.binance.live.BTC-USDT.filled", b"no json")
        await publish(bus, *fills(1, 1))
        await eventually(lambda: listener.told == ["1"])
        (kept,) = await read_dead_letters(bus, Selection(user="alice", bot="listener"))
        assert (kept.body, kept.letter.exception, kept.letter.event_id) == (b"no json", "DecodeError", None)


async def test_a_bot_resumes_where_it_stopped(bus: Bus) -> None:
    """What happens while it is away is told first when it is back, once and in order."""
    first, second = Listener(), Listener()
    await publish(bus, *fills(1, 2))
    async with running(bus, first):
        await publish(bus, *fills(3, 4))
        await eventually(lambda: len(first.told) == 2)
    await publish(bus, *fills(5, 6))
    async with running(bus, second):
        await publish(bus, *fills(7, 7))
        await eventually(lambda: len(second.told) == 3)
    assert (first.told, second.told) == (["3", "4"], ["5", "6", "7"])


async def test_a_new_bot_may_begin_with_all_or_at_a_time(bus: Bus) -> None:
    """`start_from` says where a bot begins that never ran."""
    await publish(bus, *fills(1, 2))
    await eventually(lambda: time.time() % 1 < 0.9)  # not on the edge of a second
    moment = datetime.now(UTC)
    await publish(bus, *fills(3, 4))
    everything, since = Listener("everything"), Listener("since")
    async with Host(bus) as host:
        await host.add(bot(everything, "beginning"))
        await host.add(bot(since, moment))
        await eventually(lambda: len(everything.told) == 4 and len(since.told) == 2)
    assert (everything.told, since.told) == (["1", "2", "3", "4"], ["3", "4"])


async def test_a_bot_that_ran_resumes_wherever_it_is_told_to_begin(bus: Bus) -> None:
    """`start_from` moves nobody back or forth; a time to come is no beginning."""
    await publish(bus, *fills(1, 1))
    first, second = Listener(), Listener()
    async with running(bus, first):
        await publish(bus, *fills(2, 3))
        await eventually(lambda: first.told == ["2", "3"])
    await publish(bus, *fills(4, 4))
    async with Host(bus) as host:
        await host.add(bot(second, "beginning"))
        await eventually(lambda: second.told == ["4"])
        with pytest.raises(ConfigError, match="which is still to come"):
            await host.add(bot(Listener("early"), datetime.now(UTC) + timedelta(hours=1)))


async def test_a_bot_that_asks_for_the_end_of_the_process_ends_nobody(bus: Bus) -> None:
    """`sys.exit` in a callback is that bot's failure: it is retried, kept as a dead letter, and the others go on."""

    def leave(order: OrderEvent) -> None:
        if order.order_id == "1":
            sys.exit("enough")

    leaving, other = Listener("leaving", leave), Listener("other")
    async with running(bus, leaving, other):
        await publish(bus, *fills(1, 2))
        await eventually(lambda: leaving.told == ["2"] and other.told == ["1", "2"])
        (kept,) = await read_dead_letters(bus, Selection(user="alice", bot="leaving"))
        assert kept.letter.reason == "the callback asked for the end of the process: SystemExit('enough')"


@pytest.mark.parametrize("fast_lane", [False, True])
async def test_nothing_is_lost_doubled_or_disordered_when_the_broker_is_killed(
    broker: EmbeddedServer, bus: Bus, connect_bus: ConnectBus, fast_lane: bool
) -> None:
    """Killed and started again under load, the broker delivers everything to every bot, once and in order per order."""

    class Steps(Listener):
        async def on_order_accepted(self, order: OrderEvent) -> None:
            self.told.append(order.event_id)

        async def on_fill(self, order: OrderEvent) -> None:
            if self.name == "slow":
                await asyncio.sleep(0.002)  # it is slow: that is the case
            self.told.append(order.event_id)

    quick, slow = Steps("quick"), Steps("slow")
    lives = [order_life(str(number), "0.2", "0.5") for number in range(500)]
    stream = [event for step in range(3) for life in lives for event in life[step : step + 1]]
    publishing_bus = await connect_bus("publisher")
    async with running(bus, quick, slow, fast_lane=fast_lane) as host:
        await eventually(lambda: all(bot.worker.lane.is_open for bot in host.bots.values()) == fast_lane)
        publishing = asyncio.create_task(publish(publishing_bus, *stream))
        await eventually(lambda: len(quick.told) > 100)
        await broker.kill()
        await eventually(lambda: not any(bot.worker.lane.is_open for bot in host.bots.values()))
        await broker.start()
        for listener in (quick, slow):
            await eventually(lambda told=listener.told: len(told) >= len(stream), deadline_s=40)
        await publishing
        live_count = sum(running.worker.live_count for running in host.bots.values())
    assert (live_count > 0) == fast_lane
    for listener in (quick, slow):
        assert sorted(listener.told) == sorted(event.event_id for event in stream)
        place = {event_id: index for index, event_id in enumerate(listener.told)}
        for life in lives:
            assert [place[event.event_id] for event in life] == sorted(
                place[event.event_id] for event in life
            )


@IN_DURABLES
async def test_the_fast_lane_goes_on_while_the_durable_stands_still(bus: Bus) -> None:
    """A fill is told from its live copy though nothing is delivered, and not again when the durable brings it."""
    listener = Listener()
    async with running(bus, listener, fast_lane=True) as host:
        (bot_there,) = host.bots.values()
        await eventually(lambda: bot_there.worker.lane.is_open)
        pause = {"pause_until": (datetime.now(UTC) + timedelta(minutes=1)).isoformat()}
        await api.call(bus, "CONSUMER.PAUSE.ORDERS.alice==listener", pause)
        await publish(bus, *order_life("1", "0.5"))
        await eventually(lambda: listener.told == ["1"])
        assert bot_there.worker.last_sequence == 0
        await api.call(bus, "CONSUMER.PAUSE.ORDERS.alice==listener", {})
        await publish(bus, *fills(2, 2))
        await eventually(lambda: listener.told == ["1", "2"])
        assert bot_there.worker.last_sequence == 3


@IN_DURABLES
async def test_a_durable_that_was_deleted_is_made_again_where_the_bot_stands(bus: Bus) -> None:
    """Somebody's tidying at the broker costs no event."""
    listener = Listener()
    async with running(bus, listener):
        await publish(bus, *fills(1, 3))
        await eventually(lambda: len(listener.told) == 3)
        assert await delete_consumer(bus, "ORDERS", "alice==listener")
        await publish(bus, *fills(4, 6))
        await eventually(lambda: len(listener.told) == 6, deadline_s=20)
    assert listener.told == numbers(1, 6)


async def test_a_bot_is_not_taken_over_while_it_begins(bus: Bus, connect_bus: ConnectBus) -> None:
    """Its process reads before `on_start` runs, which may go on for long; what comes meanwhile is told afterwards."""

    class Slow(Listener):
        async def on_start(self) -> None:
            begins.set()
            await may_go_on.wait()

    begins, may_go_on = asyncio.Event(), asyncio.Event()
    slow = Slow()
    async with Host(bus) as host, Host(await connect_bus("other")) as second:
        adding = asyncio.create_task(host.add(bot(slow)))
        await begins.wait()
        with pytest.raises(ConfigError, match="bot listener of alice: another process runs it"):
            await second.add(bot(Listener()), takeover_s=0.3)
        await publish(bus, *fills(1, 3))
        await eventually(lambda: host.bots["alice==listener"].worker.waiting_count == 3)
        may_go_on.set()
        await adding
        await eventually(lambda: slow.told == numbers(1, 3))


@IN_DURABLES
async def test_who_was_taken_over_before_it_read_does_not_begin(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It held the claim for a moment only: another process had looked before, and has written its own since."""
    reads = Intake.open

    async def read_late(intake: Intake) -> None:
        others.append(await claim_elsewhere(bus))
        await reads(intake)

    class Started(Listener):
        async def on_start(self) -> None:
            raise AssertionError("it is another's")

    others: list[Claim] = []
    monkeypatch.setattr(Intake, "open", read_late)
    async with Host(bus) as host:
        with pytest.raises(ConfigError, match="bot listener of alice: another process runs it"):
            await host.add(bot(Started()))
        assert host.bots == {}
    assert await others[0].is_ours()


@IN_DURABLES
async def test_a_claim_is_given_back_to_who_reads(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was free when it was looked at, and its owner was sure of it when the other's claim was written."""
    listener = Listener()
    async with running(bus, listener) as host:
        looked = iter([Seen(Holder.NOBODY)])
        waits = Takeover.wait

        async def wait(takeover: Takeover, look: Callable[[], Awaitable[Seen]], **named: object) -> None:
            await look()
            if next(looked, None) is None:
                await waits(takeover, look, **named)

        monkeypatch.setattr(Takeover, "wait", wait)
        with pytest.raises(RunsElsewhere):
            await Claim(bus, "ORDERS", "alice==listener").take(Takeover(0.0))
        assert await host.bots["alice==listener"].claim.is_ours()
        await publish(bus, *fills(1, 3))
        await eventually(lambda: listener.told == numbers(1, 3))


async def test_of_two_that_begin_at_once_one_runs(bus: Bus, connect_bus: ConnectBus) -> None:
    """The other is refused, and every event is told once; a new bot each time."""
    rounds = 10
    async with Host(bus) as host, Host(await connect_bus("other")) as second:
        pairs = [(Listener(f"bot{number}"), Listener(f"bot{number}")) for number in range(rounds)]
        for pair in pairs:
            ended = await asyncio.gather(
                *(
                    where.add(bot(one), takeover_s=0.0)
                    for where, one in zip((host, second), pair, strict=True)
                ),
                return_exceptions=True,
            )
            (refused,) = (end for end in ended if isinstance(end, BaseException))
            assert "another process runs it" in str(refused)
        await publish(bus, *fills(1, 20))
        await eventually(lambda: all(len(one.told) + len(other.told) >= 20 for one, other in pairs))
        await host.stop()
        await second.stop()
        assert all(one.told + other.told == numbers(1, 20) for one, other in pairs)


async def test_one_process_runs_a_bot_at_a_time(bus: Bus, connect_bus: ConnectBus) -> None:
    """A second host waits for the first to end, and says so when it does not; in one host a name is taken once."""
    other = await connect_bus("other")
    async with running(bus, Listener()) as host, Host(other) as second:
        with pytest.raises(ConfigError, match="bot listener of alice: another process runs it"):
            await second.add(bot(Listener()), takeover_s=0.3)
        with pytest.raises(ConfigError, match="bot listener of alice runs already"):
            await host.add(bot(Listener()))
        adding = asyncio.create_task(second.add(bot(Listener())))
        await host.remove(bot(Listener()))
        await adding
        assert list(second.bots) == ["alice==listener"]


async def test_a_hundred_bots_in_one_process_are_told_of_a_fill_each(bus: Bus) -> None:
    """Every bot hears of the fill, and the event was decoded once for all of them."""
    listeners = [Listener(f"bot-{number}") for number in range(100)]
    async with Host(bus) as host:
        await asyncio.gather(*(host.add(bot(listener)) for listener in listeners))
        events: list[int] = []
        for listener in listeners:
            listener.act = lambda order: events.append(id(order))
        await publish(bus, *fills(1, 1))
        await eventually(lambda: all(listener.told == ["1"] for listener in listeners))
    assert len(set(events)) == 1


async def test_a_bot_hears_of_its_pairs_and_its_account_only(bus: Bus) -> None:
    """Other pairs, users and environments stay out; `*` takes all pairs of the account."""

    class Two(Listener):
        pairs = ("BTC-USDT", "ETH-USDT")

    class All(Listener):
        pairs = ("*",)

    two, everything = Two("two"), All("everything")
    async with running(bus, two, everything):
        await publish(
            bus,
            *fills(1, 1, "BTC-USDT"),
            *fills(2, 2, "ETH-USDT"),
            *fills(3, 3, "SOL-USDT"),
            *fills(4, 4, account=Account("bob", "binance", "live")),
            *fills(5, 5, account=Account("alice", "binance", "testnet")),
            *fills(6, 6),
        )
        await eventually(lambda: len(two.told) == 3 and len(everything.told) == 4)
    assert sorted(two.told) == ["1", "2", "6"]
    assert sorted(everything.told) == ["1", "2", "3", "6"]


async def test_what_bots_want_is_written_while_they_run_and_taken_back_after(bus: Bus) -> None:
    """Gateways read which pairs an account's bots need; the last bot to leave takes the wish back."""
    bucket = Bucket(bus, DESIRED)

    class Eth(Listener):
        pairs = ("ETH-USDT",)

    async with Host(bus, subscriber="host.1") as host:
        await host.add(bot(Listener("btc")))
        await host.add(bot(Eth("eth")))
        entries = await bucket.snapshot("alice.binance.live.*")
        assert {key: entry.value for key, entry in entries.items()} == {
            "alice.binance.live.host=2E1": b'{"v":1,"pairs":["BTC-USDT","ETH-USDT"],"bots":2}'
        }
        await host.remove(bot(Listener("btc")))
        entry = await bucket.get("alice.binance.live.host=2E1")
        assert entry is not None
        assert entry.value == b'{"v":1,"pairs":["ETH-USDT"],"bots":1}'
        await host.remove(bot(Eth("eth")))
        assert await bucket.keys() == []
        await host.add(bot(Listener("btc")))
    assert await bucket.keys() == []


async def test_a_wish_is_renewed_and_expires_with_its_process(bus: Bus) -> None:
    """While the process lives the wish does; when it dies without a word, so does the wish, a little later."""
    bucket = Bucket(bus, DESIRED)
    wishes = Wishes(bus, "host", ttl_s=1, renew_s=0.2)
    wishes.start()
    await wishes.want(ALICE, ["BTC-USDT"], 1)
    written = await bucket.revision("alice.binance.live.host")
    await eventually(lambda: at_least(bucket, written + 10))  # 2 s: twice its lifetime
    assert await bucket.keys() == ["alice.binance.live.host"]
    assert wishes._task is not None
    wishes._task.cancel()  # a crash

    async def has_expired() -> bool:
        return await bucket.keys() == []

    await eventually(has_expired)
    await wishes.stop()


async def at_least(bucket: Bucket, revision: int) -> bool:
    """Return whether the wish has been written so often."""
    return await bucket.revision("alice.binance.live.host") >= revision


@IN_DURABLES
async def test_a_bot_that_was_taken_over_is_let_go_and_the_process_fails(bus: Bus) -> None:
    """Back after another process has claimed its bot, a host stops the bot and says so instead of sharing its events."""
    listener = Listener()
    async with running(bus, listener) as host:
        await claim_elsewhere(bus)
        host._guard_nudge.set()  # as after a reconnect
        with pytest.raises(
            HostFailed, match="bot listener of alice has ended: another process has taken it over"
        ):
            async with asyncio.timeout(10):
                await host.failed()
        assert host.bots == {}
        await publish(bus, *fills(1, 1))
        assert listener.told == []


async def test_a_worker_that_breaks_fails_the_host(bus: Bus) -> None:
    """A bug of ours must not leave a bot silently without its fills."""

    def break_down(*_: object) -> None:
        raise AssertionError("a bug")

    async with running(bus, Listener()) as host:
        (broken,) = host.bots.values()
        broken.worker._observe = break_down
        await publish(bus, *fills(1, 1))
        with pytest.raises(HostFailed, match="bot listener of alice has ended: a bug") as caught:
            async with asyncio.timeout(10):
                await host.failed()
        assert isinstance(caught.value.__cause__, AssertionError)


async def test_a_bot_whose_on_start_raises_is_not_left_half_started(bus: Bus) -> None:
    """Its error comes out chained, and neither pull nor wish stays behind."""

    class Fails(Listener):
        def on_start(self) -> None:
            raise OSError("no file")

    async with Host(bus, retry=QUICK) as host:
        with pytest.raises(HandlerError, match="on_start of bot fails") as caught:
            await host.add(bot(Fails("fails")))
        assert isinstance(caught.value.__cause__, OSError)
        assert host.bots == {}
        assert await Bucket(bus, DESIRED).keys() == []


async def test_the_first_on_a_broker_makes_streams_and_buckets(connect_bus: ConnectBus) -> None:
    """A bot may be started before any gateway."""
    bare = await connect_bus()
    listener = Listener()
    async with running(bare, listener):
        await publish(bare, *fills(1, 1))
        await eventually(lambda: listener.told == ["1"])


async def test_the_latency_of_every_fill_is_counted(bus: Bus) -> None:
    """Each execution is in the histogram of the way from the venue to the callback; other events are not."""
    listener = Listener()
    async with running(bus, listener) as host:
        now = time.time_ns()
        events = [order_event(order_id=str(n), trade=n, received_time_ns=now) for n in range(1, 6)]
        await publish(bus, order_event(order_id="9", kind=Kind.NEW, trade=None, cumulative="0"), *events)
        await eventually(lambda: len(listener.told) == 5)
        latencies = host.telemetry.latencies
        assert latencies.snapshot(Stage.EMIT_TO_CALLBACK).count == 5
        delivered = latencies.snapshot(Stage.PUBLISHED_TO_DELIVERED)
        assert delivered.count == 5
        assert 0 < delivered.percentile_ns(50) < 10e9
