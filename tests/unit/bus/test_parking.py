"""Messages that wait out a backoff, by a clock that jumps."""

import asyncio

from fillwire.bus.encoding import BACKOFF_FIRST_S, Outgoing
from fillwire.bus.parking import BACKOFF_MAX_S, Parking
from support.jumping_loop import JumpingLoop


def _message(key: str) -> Outgoing:
    return Outgoing(key, "orders.x", b"{}", key, None, None)


def test_each_message_waits_twice_as_long_as_before_up_to_a_bound() -> None:
    """The wait is the message's own: another that comes later is let go earlier if it has waited less."""
    released: list[tuple[str, float]] = []

    async def play() -> None:
        loop = asyncio.get_running_loop()

        def release(due: list[Outgoing]) -> None:
            for outgoing in due:
                released.append((outgoing.key, loop.time()))
                if outgoing.key == "often" and loop.time() < 10:
                    parking.park(outgoing)

        parking = Parking(release)
        parking.park(_message("often"))
        await asyncio.sleep(8)  # of a clock that jumps
        parking.park(_message("once"))
        await asyncio.sleep(8)  # of a clock that jumps
        assert parking.parked == []

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())
    often = [time for key, time in released if key == "often"]
    waits = [after - before for before, after in zip([0.0, *often], often, strict=False)]
    assert [round(wait, 6) for wait in waits[:3]] == [BACKOFF_FIRST_S * factor for factor in (1, 2, 4)]
    assert round(max(waits), 6) == round(waits[-1], 6) == BACKOFF_MAX_S
    assert [round(time - 8, 6) for key, time in released if key == "once"] == [BACKOFF_FIRST_S]


def test_what_is_cleared_is_not_let_go() -> None:
    """A publisher that closes takes its messages with it."""
    released: list[Outgoing] = []

    async def play() -> None:
        parking = Parking(released.extend)
        parking.park(_message("a"))
        assert [outgoing.key for outgoing in parking.parked] == ["a"]
        parking.clear()
        await asyncio.sleep(60)  # of a clock that jumps

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())
    assert released == []
