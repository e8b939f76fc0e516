"""The publisher against a real broker: order per key, nothing lost, nothing silent, whatever happens to the broker."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher, PublishOutcome
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import StreamDefinition, ensure_manifest, ensure_streams
from fillwire.domain.errors import PublishError
from support.broker import ConnectBus
from support.eventually import eventually

if TYPE_CHECKING:
    from fillwire.bus.messages import Message

SUBJECT = "orders.alice.binance.live.BTC-USDT.filled"


async def _stored(bus: Bus, stream: str = "ORDERS", *, subject: str = "orders.>") -> list[tuple[str, bytes]]:
    """Return subject and body of everything in the stream, in its order."""
    count = (await api.call(bus, f"STREAM.INFO.{stream}"))["state"]["messages"]
    if not count:
        return []
    subscription = await bus.js.subscribe(subject, stream=stream, ordered_consumer=True)
    messages = [await subscription.next_msg(5) for _ in range(count)]
    await subscription.unsubscribe()
    return [(message.subject, message.data) for message in messages]


def _by_key(stored: list[tuple[str, bytes]]) -> dict[bytes, list[int]]:
    keys: dict[bytes, list[int]] = defaultdict(list)
    for _, body in stored:
        key, _, number = body.partition(b" ")
        keys[key].append(int(number))
    return dict(keys)


def _submit(
    publisher: OrderedPublisher, key: int, number: int, told: Callable[[PublishOutcome], None]
) -> None:
    publisher.submit(f"{key}", SUBJECT, b"%d %d" % (key, number), f"{key}:{number}", None, told)


async def test_everything_submitted_is_stored_in_order_and_told(bus: Bus) -> None:
    """Many keys, many messages each, one plain call each: stored once, in order per key, each acknowledged once."""
    outcomes: list[PublishOutcome] = []
    async with OrderedPublisher(bus, window=64) as publisher:
        for number in range(20):
            for key in range(50):
                _submit(publisher, key, number, outcomes.append)
        assert publisher.in_flight_count + publisher.queued_count == 1000
        assert await publisher.flush(20) == 0
        assert (publisher.acknowledged_count, publisher.duplicate_count, publisher.refused_count) == (
            1000,
            0,
            0,
        )
        assert (publisher.in_flight_count, publisher.queued_count) == (0, 0)
    assert _by_key(await _stored(bus)) == {b"%d" % key: list(range(20)) for key in range(50)}
    assert sorted(outcome.sequence for outcome in outcomes) == list(range(1, 1001))
    assert all(outcome.error is None and outcome.send_count == 1 for outcome in outcomes)


async def test_no_more_than_the_window_is_in_flight(bus: Bus) -> None:
    """The window bounds what the broker has to remember of us, in messages and in bytes."""
    async with OrderedPublisher(bus, window=10) as publisher:
        for key in range(100):
            _submit(publisher, key, 0, lambda _: None)
        most = 0
        while publisher.queued_count:
            await asyncio.sleep(0)
            most = max(most, publisher.in_flight_count)
        assert most == 10
    async with OrderedPublisher(bus, window_bytes=25_000) as publisher:
        for key in range(100):
            publisher.submit(f"{key}", SUBJECT, bytes(10_000), f"bytes {key}")
        await asyncio.sleep(0)  # one turn of the loop: it is sent, no answer has been read
        assert publisher.in_flight_count == 3
        assert await publisher.flush(20) == 0


async def test_order_is_kept_through_kill_and_restart_under_load(broker: EmbeddedServer, bus: Bus) -> None:
    """The broker is killed three times while events pour in: every event is stored, per key in order, first copies only."""
    outcomes: list[PublishOutcome] = []
    numbers = [0] * 40

    async def pour() -> None:
        while True:
            for key in range(len(numbers)):
                _submit(publisher, key, numbers[key], outcomes.append)
                numbers[key] += 1
            await asyncio.sleep(0.01)  # the pace of the load

    async with OrderedPublisher(bus, ack_timeout_s=0.5) as publisher:
        pouring = asyncio.create_task(pour())
        for _ in range(3):
            seen = publisher.acknowledged_count
            await eventually(lambda seen=seen: publisher.acknowledged_count > seen + 500)
            await broker.kill()
            queued = publisher.submitted_count
            await eventually(lambda queued=queued: publisher.submitted_count > queued + 200)
            await broker.start()
        pouring.cancel()
        assert await publisher.flush(30) == 0
        assert publisher.resent_count > 0
    assert len(outcomes) == sum(numbers)
    assert all(outcome.error is None for outcome in outcomes)
    assert _by_key(await _stored(bus)) == {
        b"%d" % key: list(range(count)) for key, count in enumerate(numbers)
    }


async def test_resent_message_is_stored_once(bus: Bus, connect_bus: ConnectBus) -> None:
    """Another gateway that publishes the same executions makes no second copy, and is told so."""
    other = await connect_bus("other")
    outcomes: list[PublishOutcome] = []
    async with OrderedPublisher(bus) as first, OrderedPublisher(other) as second:
        for publisher in (first, second):
            for number in range(100):
                _submit(publisher, number % 7, number, outcomes.append)
        assert await first.flush(10) == await second.flush(10) == 0
        assert first.duplicate_count + second.duplicate_count == 100
    assert len(await _stored(bus)) == 100
    assert sum(outcome.is_duplicate for outcome in outcomes) == 100
    assert {outcome.sequence for outcome in outcomes} == set(range(1, 101))


async def test_lost_acknowledgement_is_asked_for_again(bus: Bus) -> None:
    """A message that was stored but whose answer never came is sent again, recognised, and told once."""
    outcomes: list[PublishOutcome] = []
    async with OrderedPublisher(bus, ack_timeout_s=0.2) as publisher:
        receive, swallowed = publisher._receive, list[bytes]()
        subscription = publisher._subscription
        assert subscription is not None
        assert subscription.sid is not None

        def swallow_first(subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
            if swallowed:
                receive(subject, reply, data, headers)
            else:
                swallowed.append(data)

        bus._client.direct[subscription.sid] = swallow_first
        _submit(publisher, 1, 1, outcomes.append)
        assert await publisher.flush(10) == 0
    assert len(swallowed) == 1
    assert [(outcome.is_duplicate, outcome.send_count, outcome.sequence) for outcome in outcomes] == [
        (True, 2, 1)
    ]


async def test_dead_client_does_not_lose_what_was_submitted(bus: Bus) -> None:
    """When the client itself closes for good, the publisher goes on with the next one."""
    async with OrderedPublisher(bus, ack_timeout_s=0.5) as publisher:
        before = bus.nc
        for number in range(100):
            _submit(publisher, number % 5, number, lambda _: None)
        # The broker reads it whole, says so and closes; of a longer one a reset may be all that is heard.
        bus.write(b"BOGUS\r\n")
        await eventually(lambda: before.is_closed)
        for number in range(100, 200):
            _submit(publisher, number % 5, number, lambda _: None)
        assert await publisher.flush(20) == 0
        assert bus.nc is not before
    stored = _by_key(await _stored(bus))
    assert all(numbers == sorted(set(numbers)) for numbers in stored.values())
    assert sum(map(len, stored.values())) == 200


async def test_stream_that_is_not_there_yet_holds_up_its_own_messages_only(connect_bus: ConnectBus) -> None:
    """Events of another stream go on; those of the missing one are sent again, and stored once it is made."""
    bus = await connect_bus()
    orders = StreamDefinition(
        name="ORDERS", subjects=("orders.>",), description="", max_age_s=0, max_bytes=1 << 24
    )
    other = StreamDefinition(
        name="OTHER", subjects=("other.>",), description="", max_age_s=0, max_bytes=1 << 24
    )
    await ensure_streams(bus, definitions=[orders])
    async with OrderedPublisher(bus, window=8) as publisher:
        for number in range(50):
            publisher.submit(f"missing {number}", "other.x", b"0 %d" % number, f"m{number}")
        for number in range(50):
            _submit(publisher, 1, number, lambda _: None)
        await eventually(lambda: publisher.acknowledged_count == 50)
        await eventually(lambda: publisher.resent_count > 0)
        await ensure_streams(bus, definitions=[other])
        assert await publisher.flush(10) == 0
    assert len(await _stored(bus, "OTHER", subject="other.>")) == 50


async def test_final_refusal_is_told_with_its_body_and_the_lane_goes_on(bus: Bus) -> None:
    """What the stream will never take is reported twice over, to the message's owner and to the publisher's."""
    small = StreamDefinition(
        name="SMALL",
        subjects=("small.>",),
        description="",
        max_age_s=0,
        max_bytes=1 << 24,
        max_message_bytes=500,
    )
    await ensure_streams(bus, definitions=[small])
    refused: list[tuple[PublishError, bytes]] = []
    outcomes: list[PublishOutcome] = []

    def failing(_: PublishError, __: bytes) -> None:
        raise ValueError("a bug in a callback")

    async with OrderedPublisher(bus, on_refused=lambda *both: refused.append(both)) as publisher:
        publisher.submit("key", "small.x", b"first", "1", None, outcomes.append)
        publisher.submit("key", "small.x", bytes(1000), "2", None, outcomes.append)
        publisher.submit("key", "small.x", b"third", "3", None, outcomes.append)
        publisher.submit("key", "no stream *", b"", "4", None, outcomes.append)
        publisher.submit("key", "small.x", bytes(2 << 20), "5", None, outcomes.append)
        publisher.submit("key", "small.x", b"sixth", "6", None, outcomes.append)
        assert await publisher.flush(10) == 0
        assert (publisher.acknowledged_count, publisher.refused_count) == (3, 3)
    assert [outcome.message_id for outcome in outcomes] == ["1", "2", "3", "4", "5", "6"]
    assert [outcome.error is None for outcome in outcomes] == [True, False, True, False, False, True]
    assert [(error.event_id, len(body)) for error, body in refused] == [("2", 1000), ("4", 0), ("5", 2 << 20)]
    assert "maximum" in str(refused[0][0])
    async with OrderedPublisher(bus, on_refused=failing) as publisher:
        publisher.submit("key", "small.x", bytes(1000), "7")
        publisher.submit("key", "small.x", b"eighth", "8")
        assert await publisher.flush(10) == 0
    assert [body for _, body in await _stored(bus, "SMALL", subject="small.>")] == [
        b"first",
        b"third",
        b"sixth",
        b"eighth",
    ]


async def test_guarded_subject_that_is_taken_counts_as_stored(bus: Bus) -> None:
    """A stream with one message per subject answers 'exceeded': the fill is there already."""
    guard = StreamDefinition(
        name="GUARD", subjects=("fills.>",), description="", max_age_s=0, max_bytes=1 << 24
    )
    await ensure_manifest(
        bus, guard.manifest() | {"discard": "new", "discard_new_per_subject": True, "max_msgs_per_subject": 1}
    )
    outcomes: list[PublishOutcome] = []
    async with OrderedPublisher(bus) as publisher:
        publisher.submit("key", "fills.1", b"first", "1", None, outcomes.append)
        publisher.submit("key", "fills.1", b"again, long after", "2", None, outcomes.append)
        assert await publisher.flush(10) == 0
    assert [(outcome.is_duplicate, outcome.error) for outcome in outcomes] == [(False, None), (True, None)]


async def test_full_publisher_says_so_and_when_there_is_room(broker: EmbeddedServer, bus: Bus) -> None:
    """While the broker is away messages pile up to the capacity; beyond twice of it they are refused, never dropped."""
    room: list[int] = []
    outcomes: list[PublishOutcome] = []
    async with OrderedPublisher(bus, capacity=100) as publisher:
        publisher.on_room(lambda: room.append(publisher.in_flight_count + publisher.queued_count))
        await broker.kill()
        for number in range(99):
            _submit(publisher, 1, number, outcomes.append)
        assert not publisher.is_full
        for number in range(99, 200):
            _submit(publisher, 1, number, outcomes.append)
        assert publisher.is_full
        with pytest.raises(PublishError, match="200 messages wait already"):
            _submit(publisher, 1, 200, outcomes.append)
        await broker.start()
        assert await publisher.flush(20) == 0
        await eventually(lambda: len(room) == 1)
        assert not publisher.is_full
    assert len(outcomes) == 200
    assert 0 <= room[0] <= 50
    assert _by_key(await _stored(bus)) == {b"1": list(range(200))}


async def test_capacity_counts_bytes_too(broker: EmbeddedServer, bus: Bus) -> None:
    """Few large messages fill the publisher as many small ones do."""
    async with OrderedPublisher(bus, capacity_bytes=100_000) as publisher:
        await broker.kill()
        publisher.submit("key", SUBJECT, bytes(99_999), "1")
        assert not publisher.is_full
        publisher.submit("key", SUBJECT, b"x", "2")
        assert publisher.is_full
        await broker.start()
        assert await publisher.flush(20) == 0
        assert not publisher.is_full


async def test_close_says_what_is_left(broker: EmbeddedServer, bus: Bus) -> None:
    """Messages that could not be stored before the deadline are counted and told with an error; nothing runs on."""
    outcomes: list[PublishOutcome] = []
    publisher = await OrderedPublisher(bus).start()
    _submit(publisher, 1, 0, outcomes.append)
    assert await publisher.flush(10) == 0
    await broker.kill()
    for number in range(1, 6):
        _submit(publisher, number % 2, number, outcomes.append)
    assert await publisher.close(deadline_s=0.2) == 5
    assert [outcome.error is None for outcome in outcomes] == [True] + [False] * 5
    with pytest.raises(PublishError, match="closed"):
        _submit(publisher, 1, 6, outcomes.append)
    assert await publisher.close() == 0
    await bus.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_failing_owner_does_not_stop_the_lane(bus: Bus) -> None:
    """What `on_acknowledged` raises is logged; the next message of the key is sent."""

    def failing(_: PublishOutcome) -> None:
        raise ValueError("a bug in a callback")

    async with OrderedPublisher(bus) as publisher:
        for number in range(3):
            _submit(publisher, 1, number, failing)
        assert await publisher.flush(10) == 0
    assert len(await _stored(bus)) == 3


async def test_headers_arrive_as_they_were_at_the_first_send(bus: Bus) -> None:
    """Id and headers are readable by any client; a function is called once, however often the message is sent."""
    heard: list[Message] = []
    calls: list[int] = []

    def headers() -> dict[str, str]:
        calls.append(1)
        return {"Fillwire-Stamps": "1,2,3"}

    await bus.subscribe("orders.>", heard.append)
    async with OrderedPublisher(bus) as publisher:
        publisher.submit("key", SUBJECT, b"{}", "binance:1", headers)
        assert await publisher.flush(10) == 0
    await eventually(lambda: heard)
    assert heard[0].headers == {"Nats-Msg-Id": "binance:1", "Fillwire-Stamps": "1,2,3"}
    assert len(calls) == 1


async def test_submitting_before_start_loses_nothing(bus: Bus) -> None:
    """What is submitted early waits for the start."""
    publisher = OrderedPublisher(bus)
    _submit(publisher, 1, 0, lambda _: None)
    await publisher.start()
    assert await publisher.flush(10) == 0
    assert await publisher.close() == 0
