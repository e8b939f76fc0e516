"""A stream is read back as it is: from any place on, and its newest message from the one who knows it."""

import time

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.credentials import Credentials
from fillwire.bus.durables import Deliver, StartAtSequence, StartAtTime
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import newest_message
from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.errors import BrokerError
from fillwire.wire.headers import MESSAGE_ID

BTC = "orders.alice.binance.live.BTC-USDT.filled"
ETH = "orders.alice.binance.live.ETH-USDT.filled"
OF_ALICE = "orders.alice.binance.live.*.*"


async def store(bus: Bus, *subjects: str) -> None:
    """Store a message on each subject, numbered from 1 in id and body."""
    async with OrderedPublisher(bus) as publisher:
        for number, subject in enumerate(subjects, 1):
            publisher.submit("one key", subject, str(number).encode(), f"id-{number}")
        assert await publisher.flush(10) == 0


async def bodies(bus: Bus, subject: str, deliver: Deliver) -> list[bytes]:
    """What a reading hands out."""
    taken: list[bytes] = []
    count = await read_stream(
        bus, "ORDERS", subject, deliver, lambda message: taken.append(message.data), deadline_s=10
    )
    assert count == len(taken)
    return taken


async def test_the_newest_message_of_a_pattern_is_whole(bus: Bus) -> None:
    """Subject, place, time, headers and body are those that were stored; patterns count as subjects do."""
    began_ns = time.time_ns()
    await store(bus, BTC, ETH, BTC)
    newest = await newest_message(bus, "ORDERS", ETH)
    assert newest is not None
    assert (newest.subject, newest.sequence, newest.data) == (ETH, 2, b"2")
    assert newest.headers[MESSAGE_ID] == "id-2"
    assert began_ns <= newest.stored_time_ns <= time.time_ns()
    of_alice = await newest_message(bus, "ORDERS", OF_ALICE)
    assert of_alice is not None
    assert of_alice.sequence == 3
    assert await newest_message(bus, "ORDERS", "orders.bob.>") is None
    with pytest.raises(BrokerError, match="stream not found"):
        await newest_message(bus, "NONE", ">")


async def test_a_stream_is_read_from_any_place_on(bus: Bus) -> None:
    """By sequence, by time, or the newest of each subject; beyond the end there is nothing, and that takes no time."""
    await store(bus, BTC, ETH, BTC)
    assert await bodies(bus, OF_ALICE, "all") == [b"1", b"2", b"3"]
    assert await bodies(bus, OF_ALICE, "last_per_subject") == [b"2", b"3"]
    assert await bodies(bus, OF_ALICE, "new") == []
    assert await bodies(bus, OF_ALICE, StartAtSequence(2)) == [b"2", b"3"]
    assert await bodies(bus, OF_ALICE, StartAtSequence(4)) == []
    assert await bodies(bus, ETH, StartAtSequence(3)) == []
    second = await newest_message(bus, "ORDERS", ETH)
    assert second is not None
    assert await bodies(bus, OF_ALICE, StartAtTime(second.stored_time_ns)) == [b"2", b"3"]
    assert await bodies(bus, OF_ALICE, StartAtTime(time.time_ns() + 10**9)) == []


async def test_a_reading_whose_consumer_was_given_to_a_server_that_leaves_asks_again(
    bus: Bus, broker: EmbeddedServer
) -> None:
    """Nothing is heard of the first one; the second is another's, and the reading as whole."""
    await store(bus, BTC, ETH, BTC)
    created = list[str]()

    async def pass_on(message: Message) -> None:
        operation = message.subject.removeprefix("LOSSY.API.")
        if operation.startswith("CONSUMER.CREATE"):
            created.append(operation)
            if len(created) == 1:
                return
        await bus.nc.publish(f"$JS.API.{operation}", message.data, reply=message.reply)

    await bus.subscribe("LOSSY.API.>", pass_on)
    lossy = Credentials(api_prefix="LOSSY.API")
    async with await Bus.connect(broker.url, name="lossy", credentials=lossy) as reader:
        assert await bodies(reader, OF_ALICE, "all") == [b"1", b"2", b"3"]
    assert len(created) == 2
    assert created[0] == created[1]
