"""A shared reading without a broker: who is given what, when it is acknowledged, and who has to leave."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from fillwire.bus.durables import acknowledged_sequence
from fillwire.bus.messages import Message
from fillwire.sdk.intake import Intake
from fillwire.sdk.marks import AHEAD
from fillwire.sdk.shared import KEPT, LAG, Seat, SharedReading
from support.deliveries import Source
from support.eventually import eventually
from support.order_events import order_event
from support.worker_bench import Recorder, bench

if TYPE_CHECKING:
    from fillwire.bus.connection import Bus
    from fillwire.sdk.claims import Claim
    from fillwire.sdk.groups import Group


class Sitter:
    """Takes what a seat is given, and says which it is done with."""

    def __init__(self, reading: SharedReading, after: int = 0, room: int = AHEAD) -> None:
        self.taken: list[Message] = []
        self.room = room
        seat = reading.join(self._take, after)
        assert seat is not None
        self.seat = seat

    def _take(self, message: Message, _: Seat) -> bool:
        if len(self.taken) >= self.room:
            return False
        self.taken.append(message)
        return True

    def finish(self, sequence: int) -> None:
        """Be done with everything up to this sequence."""
        self.seat.acknowledge(next(message for message in self.taken if message.sequence == sequence))

    @property
    def sequences(self) -> list[int]:
        """What it was given."""
        return [message.sequence for message in self.taken]


@pytest.fixture
def source() -> Source:
    """Where the reading's messages come from."""
    return Source()


@pytest.fixture
async def reading() -> SharedReading:
    """A reading that is given its messages by the test."""
    return SharedReading(
        cast("Bus", None), "ORDERS", "shared", ("orders.x",), ack_wait_s=30, inactive_threshold_s=60
    )


def send(reading: SharedReading, source: Source, count: int) -> None:
    """Hand out so many messages."""
    for _ in range(count):
        reading._receive(source.message(b"{}"))


async def test_an_event_is_acknowledged_when_every_seat_is_done_with_it(
    reading: SharedReading, source: Source
) -> None:
    """In whichever order they finish; one acknowledgement stands for all before it."""
    first, second = Sitter(reading), Sitter(reading)
    send(reading, source, 3)
    assert first.sequences == second.sequences == [1, 2, 3]
    first.finish(3)
    assert source.acked == []
    second.finish(1)
    assert (source.acked, reading.floor) == ([1], 1)
    second.finish(3)
    assert (source.acked, source.acknowledgement_count) == ([1, 2, 3], 2)
    second.finish(2)  # late, and covered
    assert source.acknowledgement_count == 2


async def test_what_nobody_sits_for_is_acknowledged_at_once(reading: SharedReading, source: Source) -> None:
    """Else an abandoned reading would stand still."""
    send(reading, source, 2)
    assert source.acked == [1, 2]


async def test_one_who_comes_late_is_given_what_it_has_not_had(
    reading: SharedReading, source: Source
) -> None:
    """Also of what is acknowledged already; and what is not, waits for it too."""
    early = Sitter(reading)
    send(reading, source, 4)
    early.finish(2)
    late = Sitter(reading, after=1)
    assert late.sequences == [2, 3, 4]
    early.finish(4)
    assert reading.floor == 2
    late.finish(3)
    assert reading.floor == 3


async def test_one_who_is_ahead_of_the_others_keeps_nothing_back(
    reading: SharedReading, source: Source
) -> None:
    """It read alone until now, and further than the reading."""
    early, ahead = Sitter(reading), Sitter(reading, after=3)
    send(reading, source, 4)
    assert ahead.sequences == [4]
    early.finish(3)
    assert reading.floor == 3
    early.finish(4)
    ahead.finish(4)
    assert reading.floor == 4


async def test_one_who_comes_too_late_is_given_no_seat(reading: SharedReading, source: Source) -> None:
    """What it has not had is not kept any more."""
    send(reading, source, KEPT + 2)
    assert reading.join(lambda *_: True, 1) is None
    assert Sitter(reading, after=2, room=KEPT).sequences == list(range(3, KEPT + 3))


async def test_who_leaves_is_waited_for_no_longer(reading: SharedReading, source: Source) -> None:
    """A closed seat is given nothing more, and holds its place until it is left."""
    staying, leaving = Sitter(reading), Sitter(reading)
    send(reading, source, 2)
    staying.finish(2)
    leaving.seat.close()
    send(reading, source, 1)
    staying.finish(3)
    assert (leaving.sequences, source.acked) == ([1, 2], [])
    reading.leave(leaving.seat)
    assert source.acked == [1, 2, 3]
    leaving.finish(2)
    reading.leave(leaving.seat)
    assert source.acknowledgement_count == 1


async def test_who_has_no_room_has_to_leave(reading: SharedReading, source: Source) -> None:
    """What it could not take is not lost: its place is before it."""
    small = Sitter(reading, room=1)
    send(reading, source, 2)
    assert (small.seat.left.is_set(), small.seat.done) == (True, 0)


async def test_who_is_far_behind_has_to_leave_when_others_wait(
    reading: SharedReading, source: Source
) -> None:
    """As long as all are busy nobody is slowed down by anybody."""
    quick, slow, hanging = Sitter(reading), Sitter(reading), Sitter(reading)
    send(reading, source, LAG)
    quick.finish(LAG - 1)
    for _ in range(3):
        reading._look_for_laggards()
    assert not hanging.seat.left.is_set()
    quick.finish(LAG)
    slow.finish(1)
    reading._look_for_laggards()
    assert not hanging.seat.left.is_set()  # the first time it is noted
    reading._look_for_laggards()
    assert hanging.seat.left.is_set()
    assert not slow.seat.left.is_set()


async def test_a_stream_that_counts_anew_is_followed(reading: SharedReading, source: Source) -> None:
    """It lost its end, or was made anew: what is done of the old count says nothing of the new one."""
    sitter = Sitter(reading)
    send(reading, source, 5)
    source.sequence, source.acked = 0, []
    reply = b"$JS.ACK.ORDERS.d.1.1.1.1800000000000000000.0"
    acked: list[bytes] = []
    reading._receive(Message(b"orders.x", reply, b"{}", b"", acked.append))
    sitter.finish(5)
    assert (acked, source.acked, reading.floor) == ([], [], 0)
    sitter.seat.acknowledge(sitter.taken[-1])
    assert (len(acked), reading.floor) == (1, 1)


class RestingClaim:
    """A bot's own durable that has nothing left, of which one hears late."""

    is_movable = True
    is_lost = False
    handled_sequence = 0

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.reading: str | None = None

    async def info(self) -> dict[str, Any]:
        """Return that everything up to the first event is done."""
        self.asked.set()
        await self.answers.wait()
        return {"ack_floor": {"stream_seq": 1}, "delivered": {"stream_seq": 1}, "num_ack_pending": 0}

    async def has_done(self, sequence: int) -> bool:
        """See above."""
        return acknowledged_sequence(await self.info()) >= sequence

    async def sit(self, reading: str) -> None:
        """Note it."""
        self.reading = reading


class OneReading:
    """A group whose reading runs, and whose log ends with the first event."""

    def __init__(self, reading: SharedReading) -> None:
        self._reading = reading

    async def reading(self) -> SharedReading:
        """Return it."""
        return self._reading


async def test_what_comes_while_a_bot_asks_whether_it_may_sit_is_not_missed(reading: SharedReading) -> None:
    """The reading had handed it to others before the bot's durable said that it had nothing left."""

    async def first_event() -> int:
        return 1

    claim = RestingClaim()
    async with bench(Recorder()) as made:
        reading.newest_sequence = first_event  # type: ignore[assignment]  # without a broker
        reading._receive(made.source.event(order_event(order_id="1", trade=1)))
        intake = Intake(
            "bot",
            made.worker,
            cast("Claim", claim),
            cast("Group", OneReading(reading)),
            lambda _: pytest.fail("it has nothing to read alone"),
            lambda _: pytest.fail("its durable is there"),
        )
        opening = asyncio.create_task(intake.open())
        await claim.asked.wait()
        reading._receive(made.source.event(order_event(order_id="2", trade=2)))
        claim.answers.set()
        await opening
        await made.settled(2)
        recorder = made.worker.bot.listener
        assert isinstance(recorder, Recorder)
        assert [order for what, order in recorder.told if what == "fill"] == ["2"]
        await eventually(lambda: claim.reading == "shared")
        assert intake.is_seated
        assert intake._task is not None
        intake._task.cancel()


async def test_a_bot_that_is_ahead_of_the_reading_is_not_told_again(reading: SharedReading) -> None:
    """Another process told it of what this reading has not come to: it sits down behind that."""

    async def newest() -> int:
        return 1

    claim = RestingClaim()
    claim.answers.set()
    claim.handled_sequence = 1
    async with bench(Recorder()) as made:
        reading.newest_sequence = newest  # type: ignore[assignment]  # without a broker
        intake = Intake(
            "bot",
            made.worker,
            cast("Claim", claim),
            cast("Group", OneReading(reading)),
            lambda _: pytest.fail("it has nothing to read alone"),
            lambda _: pytest.fail("its durable is there"),
        )
        await intake.open()
        for number in (1, 2):
            reading._receive(made.source.event(order_event(order_id=str(number), trade=number)))
        await made.settled(2)
        recorder = made.worker.bot.listener
        assert isinstance(recorder, Recorder)
        assert [order for what, order in recorder.told if what == "fill"] == ["2"]
        assert intake._task is not None
        intake._task.cancel()
