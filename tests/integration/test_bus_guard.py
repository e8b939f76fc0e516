"""Events beyond the duplicate window: what the broker has stored and forgotten is not stored a second time."""

import asyncio
import time
from collections import Counter

import pytest

from fillwire.bus import api, stored
from fillwire.bus.connection import Bus
from fillwire.bus.guard import DuplicateGuard
from fillwire.bus.log import read_stream
from fillwire.bus.publisher import OrderedPublisher, PublishOutcome
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.stored import StoredIds
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import BrokerError
from fillwire.wire.headers import MESSAGE_ID
from fillwire.wire.subjects import order_scope_filter
from support.broker import ConnectBus
from support.broker_proxy import broker_proxy
from support.eventually import eventually

WINDOW_S = 2.0
SUBJECT = "orders.alice.binance.live.BTC-USDT.filled"
OTHER_ACCOUNT = "orders.bob.binance.live.BTC-USDT.filled"
OTHER_PAIR = "orders.alice.binance.live.ETH-USDT.filled"


@pytest.fixture
async def bus(connect_bus: ConnectBus) -> Bus:
    """A connection to a broker that forgets ids soon."""
    connected = await connect_bus()
    await ensure_streams(connected, duplicate_window_s=WINDOW_S)
    return connected


def _guarded(bus: Bus, **options: float) -> OrderedPublisher:
    guard = DuplicateGuard(StoredIds(bus), WINDOW_S, order_scope_filter)
    return OrderedPublisher(bus, guard=guard, **options)  # type: ignore[arg-type]  # passed through


async def _ids(bus: Bus) -> list[str]:
    """Return the message ids in the stream, in its order."""
    ids: list[str] = []
    await read_stream(
        bus, "ORDERS", "orders.>", "all", lambda message: ids.append(message.header(MESSAGE_ID) or "")
    )
    return ids


async def _window_passes() -> None:
    """Wait until the broker has forgotten what it has stored so far."""
    end_s = time.monotonic() + 1.5 * WINDOW_S
    await eventually(lambda: time.monotonic() > end_s)


async def test_an_event_whose_acknowledgement_is_lost_for_longer_than_the_window_is_stored_once(
    broker: EmbeddedServer, bus: Bus
) -> None:
    """The broker stores the events and its answers vanish until it has forgotten the ids; the log itself answers."""
    outcomes: list[PublishOutcome] = []
    async with (
        broker_proxy(broker.url) as proxy,
        await Bus.connect(proxy.url, name="gateway") as through,
        _guarded(through, ack_timeout_s=0.5) as publisher,
    ):
        proxy.swallows_acknowledgements = True
        for number in range(40):
            publisher.submit(
                f"{number % 4}",
                SUBJECT,
                b"%d" % number,
                f"id-{number}",
                on_acknowledged=outcomes.append,
                since_ns=time.time_ns(),
            )
        await eventually(lambda: proxy.swallowed_count >= 4, what="the first of each order answered")
        await _window_passes()
        await eventually(lambda: publisher.acknowledged_count >= 4, what="the log asked instead")
        proxy.swallows_acknowledgements = False
        assert await publisher.flush(20) == 0
    ids = await _ids(bus)
    assert Counter(ids) == Counter(f"id-{number}" for number in range(40))
    for order in range(4):
        of_order = [
            int(name.removeprefix("id-")) for name in ids if int(name.removeprefix("id-")) % 4 == order
        ]
        assert of_order == sorted(of_order)
    assert len(outcomes) == 40
    assert all(outcome.error is None for outcome in outcomes)


async def test_an_outage_longer_than_the_window_doubles_nothing(broker: EmbeddedServer, bus: Bus) -> None:
    """Half of a burst is stored when the network goes; when it is back the ids are forgotten, and each is there once."""
    async with (
        broker_proxy(broker.url) as proxy,
        await Bus.connect(proxy.url, name="gateway") as through,
        _guarded(through, ack_timeout_s=0.5) as publisher,
    ):
        proxy.swallows_acknowledgements = True  # stored, and nobody told
        for number in range(100):
            subject = SUBJECT if number % 2 else OTHER_PAIR
            publisher.submit(f"{number}", subject, b"x", f"id-{number}", since_ns=time.time_ns())
        await eventually(lambda: proxy.swallowed_count >= 100)
        await proxy.cut()
        for number in range(100, 150):
            publisher.submit(f"{number % 10}", SUBJECT, b"x", f"id-{number}", since_ns=time.time_ns())
        await _window_passes()
        proxy.swallows_acknowledgements = False
        await proxy.listen()
        assert await publisher.flush(30) == 0
        assert publisher.duplicate_count == 100
    assert Counter(await _ids(bus)) == Counter(f"id-{number}" for number in range(150))


async def test_one_reading_serves_all_that_waits(bus: Bus) -> None:
    """A thousand old events of one order and of many cost one reading, not one each, and keep their order."""
    old_ns = time.time_ns() - int(10 * WINDOW_S * 1e9)
    async with OrderedPublisher(bus) as plain:
        for number in range(0, 1000, 2):
            plain.submit("a", SUBJECT, b"x", f"id-{number:04}")
        assert await plain.flush(20) == 0
    await _window_passes()
    consumers = (await api.call(bus, "STREAM.INFO.ORDERS"))["state"]["consumer_count"]
    async with _guarded(bus) as publisher:
        for number in range(1000):
            publisher.submit(
                "a" if number < 500 else f"{number}", SUBJECT, b"x", f"id-{number:04}", since_ns=old_ns
            )
        assert await publisher.flush(20) == 0
        guard = publisher._guard
        assert guard is not None
        assert (guard.checked_count, guard.found_count) == (1000, 500)
        assert (publisher.acknowledged_count, publisher.duplicate_count) == (1000, 500)
    ids = await _ids(bus)
    assert sorted(ids) == [f"id-{number:04}" for number in range(1000)]
    new = [name for name in ids if int(name.removeprefix("id-")) % 2 and name < "id-0500"]
    assert new == sorted(new)
    assert (await api.call(bus, "STREAM.INFO.ORDERS"))["state"]["consumer_count"] == consumers


async def test_what_another_gateway_stored_is_found_as_well(bus: Bus, connect_bus: ConnectBus) -> None:
    """A gateway that comes late with what another has published long ago adds nothing; what it alone has is added."""
    other = await connect_bus("other")
    happened_ns = time.time_ns()
    async with _guarded(other) as first:
        for number in range(20):
            first.submit("a", SUBJECT, b"x", f"id-{number}", since_ns=happened_ns)
        assert await first.flush(20) == 0
    await _window_passes()
    async with _guarded(bus) as second:
        for number in range(25):
            second.submit("a", SUBJECT, b"x", f"id-{number}", since_ns=happened_ns)
        assert await second.flush(20) == 0
    assert await _ids(bus) == [f"id-{number}" for number in range(25)]


async def test_events_wait_while_the_log_cannot_be_read(broker: EmbeddedServer, bus: Bus) -> None:
    """The broker dies between the event and the question: it is asked again until it answers, and nothing is sent blindly."""
    old_ns = time.time_ns() - int(10 * WINDOW_S * 1e9)
    async with OrderedPublisher(bus) as plain:
        plain.submit("a", SUBJECT, b"x", "id-0")
        assert await plain.flush(20) == 0
    await _window_passes()
    async with _guarded(bus) as publisher:
        await broker.kill()
        publisher.submit("a", SUBJECT, b"x", "id-0", since_ns=old_ns)
        publisher.submit("a", SUBJECT, b"x", "id-1", since_ns=old_ns)
        publisher.submit("b", SUBJECT, b"x", "id-2", since_ns=time.time_ns())
        await broker.start()
        assert await publisher.flush(30) == 0
    assert sorted(await _ids(bus)) == ["id-0", "id-1", "id-2"]


async def test_closing_does_not_wait_for_a_question_that_nobody_answers(
    broker: EmbeddedServer, bus: Bus
) -> None:
    """What was held is told as unknown when the publisher closes, and no task is left behind."""
    outcomes: list[PublishOutcome] = []
    publisher = await _guarded(bus).start()
    publisher.submit("a", SUBJECT, b"x", "id-0", on_acknowledged=outcomes.append, since_ns=1)
    await broker.kill()
    assert await publisher.close(0.2) == 1
    assert [outcome.error is not None for outcome in outcomes] == [True]
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("duplicate guard")]


async def test_a_question_asked_again_reads_only_what_is_new(broker: EmbeddedServer, bus: Bus) -> None:
    """Who asks about one event after another does not read the whole past for each."""
    async with (
        broker_proxy(broker.url) as proxy,
        await Bus.connect(proxy.url, name="reader") as through,
        OrderedPublisher(bus) as plain,
    ):
        for number in range(500):
            plain.submit(f"{number}", SUBJECT, b"x", f"id-{number}")
        assert await plain.flush(20) == 0
        ids = StoredIds(through)
        assert await ids.find("orders.alice.>", {"id-7", "id-600"}, 0) == {"id-7"}
        whole_bytes = proxy.returned_bytes
        plain.submit("new", SUBJECT, b"x", "id-600")
        assert await plain.flush(20) == 0
        assert await ids.find("orders.alice.>", {"id-8", "id-600"}, time.time_ns()) == {"id-8", "id-600"}
        assert whole_bytes > 500 * 100
        assert proxy.returned_bytes - whole_bytes < 5_000


async def test_an_account_that_cannot_be_read_holds_up_no_other(broker: EmbeddedServer, bus: Bus) -> None:
    """Questions about one account go unanswered: another's old events are stored meanwhile, its own when it is read."""
    old_ns = time.time_ns() - int(10 * WINDOW_S * 1e9)
    async with OrderedPublisher(bus) as plain:
        for subject in (SUBJECT, OTHER_ACCOUNT):
            plain.submit(subject, subject, b"x", f"{subject}-0")
        assert await plain.flush(20) == 0
    await _window_passes()
    async with (
        broker_proxy(broker.url) as proxy,
        await Bus.connect(proxy.url, name="gateway") as through,
        _guarded(through) as publisher,
    ):
        proxy.lost.add(b".orders.alice.")  # the reading's filter, and no event's subject
        for subject in (SUBJECT, OTHER_ACCOUNT):
            for number in range(3):
                publisher.submit(subject, subject, b"x", f"{subject}-{number}", since_ns=old_ns)
        await eventually(lambda: publisher.acknowledged_count == 3, 4.0, "the other account's")
        assert proxy.lost_count > 0
        assert publisher.queued_count == 3
        # The reading has given up, after several questions, and another one asks.
        await eventually(lambda: proxy.lost_count > 3, 20.0, "asked again")
        assert publisher.longest_wait_s > 4.0
        proxy.lost.clear()
        assert await publisher.flush(20) == 0
        assert publisher.longest_wait_s == 0.0
    assert Counter(await _ids(bus)) == Counter(
        f"{subject}-{number}" for subject in (SUBJECT, OTHER_ACCOUNT) for number in range(3)
    )


async def _fill(bus: Bus, count: int) -> None:
    async with OrderedPublisher(bus) as plain:
        for number in range(count):
            plain.submit(f"{number % 100}", SUBJECT, b"x", f"id-{number}")
        assert await plain.flush(20) == 0


@pytest.mark.parametrize("remembered", [stored.REMEMBERED_MAX, 100])
async def test_a_reading_that_fails_goes_on_where_it_got_to(
    broker: EmbeddedServer, bus: Bus, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    """A log too long for one reading's deadline is read in several, each message once, however many ids there are."""
    monkeypatch.setattr(stored, "REMEMBERED_MAX", remembered)
    await _fill(bus, 20_000)
    wanted = {"id-7", "id-10000", "id-19999", "id-20000"}
    found: set[str] = set()
    failures = 0
    async with broker_proxy(broker.url) as proxy, await Bus.connect(proxy.url, name="reader") as through:
        assert await StoredIds(through).find("orders.alice.>", wanted, 0) == wanted - {"id-20000"}
        whole_bytes = proxy.returned_bytes
        ids = StoredIds(through, deadline_s=0.1)

        async def is_found() -> bool:
            nonlocal failures
            try:
                found.update(await ids.find("orders.alice.>", wanted, 0))
            except BrokerError:
                failures += 1
            return bool(found)

        await eventually(is_found, 30.0, "read to the end")
        assert failures > 1
        assert found == wanted - {"id-20000"}
        # A reading that is given up leaves behind what was on its way to it: a batch and a half at most.
        left_bytes = failures * 400 * whole_bytes // 20_000
        assert proxy.returned_bytes - whole_bytes < 1.2 * whole_bytes + left_bytes


async def test_a_look_up_that_outlasts_the_window_ends(bus: Bus) -> None:
    """The log takes several readings, and longer than what was read counts for: each event is stored once all the same."""
    await _fill(bus, 20_000)
    await _window_passes()
    old_ns = time.time_ns() - int(10 * WINDOW_S * 1e9)
    guard = DuplicateGuard(StoredIds(bus, deadline_s=0.1), 0.2, order_scope_filter)
    async with OrderedPublisher(bus, guard=guard) as publisher:
        for number in (7, 19_999, 20_000):
            publisher.submit("order", SUBJECT, b"x", f"id-{number}", since_ns=old_ns)
        assert await publisher.flush(30) == 0
        assert publisher.duplicate_count == 2
    ids = Counter(await _ids(bus))
    assert len(ids) == 20_001
    assert set(ids.values()) == {1}


async def test_a_reading_whose_first_message_got_lost_is_no_reading(broker: EmbeddedServer, bus: Bus) -> None:
    """What is missing at the beginning shows as what is missing later does: the reading says that it was cut off."""
    await _fill(bus, 20)
    async with broker_proxy(broker.url) as proxy, await Bus.connect(proxy.url, name="reader") as through:
        proxy.lost.add(b"id-0\r")
        with pytest.raises(BrokerError, match=r"the reading of orders.> of stream ORDERS was cut off"):
            await _ids(through)
