"""When a reading of a stream is complete: by what its consumer says, and by what the stream's leader says."""

import pytest

from fillwire.bus.log import _Reading
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError

AT_ONCE = 0.0


def delivery(number: int, *, sequence: int, pending: int) -> Message:
    """The consumer's delivery of that number."""
    reply = f"$JS.ACK.ORDERS.read.1.{sequence}.{number}.1700000000000000000.{pending}"
    return Message(b"orders.a", reply.encode(), b"", b"", lambda _: None)


async def test_a_replica_that_lags_is_waited_for() -> None:
    """The consumer has delivered all that its replica holds; the leader holds more, so the reading goes on."""
    taken: list[int] = []
    reading = _Reading("orders", 2, 9, lambda message: taken.append(message.sequence))
    reading.take(delivery(1, sequence=4, pending=1))
    reading.take(delivery(2, sequence=7, pending=0))
    assert not await reading.is_finished(AT_ONCE)
    reading.take(delivery(3, sequence=8, pending=1))
    assert not await reading.is_finished(AT_ONCE)
    reading.take(delivery(4, sequence=9, pending=0))
    assert await reading.is_finished(AT_ONCE)
    assert taken == [4, 7, 8, 9]


async def test_a_replica_that_has_nothing_yet_is_waited_for() -> None:
    """That there is nothing to read counts only if the leader says so, too."""
    reading = _Reading("orders", 0, 5, lambda _: None)
    assert not await reading.is_finished(AT_ONCE)
    reading.take(delivery(1, sequence=5, pending=0))
    assert await reading.is_finished(AT_ONCE)
    assert await _Reading("orders", 0, 0, lambda _: None).is_finished(AT_ONCE)


async def test_a_leader_of_the_past_does_not_shorten_the_reading() -> None:
    """What the consumer has yet to deliver is read, whatever the leader knew."""
    reading = _Reading("orders", 2, 4, lambda _: None)
    reading.take(delivery(1, sequence=4, pending=1))
    assert not await reading.is_finished(AT_ONCE)
    reading.take(delivery(2, sequence=5, pending=0))
    assert await reading.is_finished(AT_ONCE)


async def test_a_message_that_was_removed_is_not_waited_for() -> None:
    """The last message goes while it is read: what is left is complete, as soon as it has come."""
    reading = _Reading("orders", 2, 9, lambda _: None)
    reading.take(delivery(1, sequence=4, pending=1))
    reading.revise(goal=12, pending=1)
    assert not await reading.is_finished(AT_ONCE)
    reading.revise(goal=4, pending=1)
    assert not await reading.is_finished(AT_ONCE)
    reading.revise(goal=4, pending=0)
    assert await reading.is_finished(AT_ONCE)


async def test_a_message_that_got_lost_ends_the_reading() -> None:
    """A delivery is missing, as after a lost connection: nobody may take the rest for all."""
    reading = _Reading("orders", 2, 9, lambda _: None)
    reading.take(delivery(2, sequence=9, pending=0))
    with pytest.raises(BrokerError, match="the reading of orders was cut off"):
        await reading.is_finished(AT_ONCE)
