"""Tasks that must not end unnoticed, and cancelling them."""

import asyncio

import pytest

from fillwire.runtime.lifecycle import Stop
from fillwire.runtime.supervision import PartFailed, Supervisor, cancel, unless_stopped
from support.hanging import hang


async def test_a_task_that_raises_fails_the_gateway_with_its_cause() -> None:
    """The failure names the task and chains what it raised."""
    supervisor = Supervisor()

    async def broken() -> None:
        raise KeyError("missing")

    supervisor.spawn(broken(), "status")
    with pytest.raises(PartFailed, match="status ended: 'missing'") as caught:
        await supervisor.failed
    assert isinstance(caught.value.__cause__, KeyError)


async def test_a_task_that_returns_fails_the_gateway_too() -> None:
    """It was to run until the end."""
    supervisor = Supervisor()

    async def short() -> None:
        pass

    supervisor.spawn(short(), "keys")
    with pytest.raises(PartFailed, match="keys ended: expected it to run until the end"):
        await supervisor.failed


async def test_a_cancelled_task_is_no_failure() -> None:
    """An orderly stop leaves nothing behind."""
    supervisor = Supervisor()
    task = supervisor.spawn(hang(), "hangs")
    await cancel(task, None)
    assert task.cancelled()
    assert not supervisor.failed.done()
    supervisor.close()
    assert supervisor.failed.cancelled()


async def test_a_swallowed_cancellation_is_repeated() -> None:
    """A task that loses the first cancellation, as wait_for of Python 3.11 can make it, ends by the second."""
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await hang()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 2:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await cancel(task)
    assert task.cancelled()
    assert swallowed == 2


async def test_work_ends_with_the_request_to_stop() -> None:
    """What is under way is cancelled, and has ended when that is said; what was done first is said to be done."""
    stop, steps = Stop(), []

    async def work() -> None:
        steps.append("began")
        stop.request("test")
        try:
            await hang()
        finally:
            steps.append("ended")

    assert not await unless_stopped(stop, work())
    assert steps == ["began", "ended"]
    assert await unless_stopped(Stop(), asyncio.sleep(0))


async def test_what_work_raises_is_raised() -> None:
    """A part that fails ends the service with its own error."""

    async def broken() -> None:
        raise PartFailed("reports ended")

    with pytest.raises(PartFailed, match="reports ended"):
        await unless_stopped(Stop(), broken())


async def test_a_supervisor_may_be_closed_twice() -> None:
    """Who stops a host and then leaves its block does that: with or without a failure, the second time does nothing."""
    quiet, failing = Supervisor(), Supervisor()

    async def short() -> None:
        pass

    await failing.spawn(short(), "short")
    await asyncio.sleep(0)  # until the end is noted
    assert failing.failed.done()
    for supervisor in (quiet, failing, quiet, failing):
        supervisor.close()
    assert quiet.failed.cancelled()
