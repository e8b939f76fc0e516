"""The request to stop, and `run` inside a process that goes on afterwards."""

import asyncio
import signal
import threading

from fillwire.domain.errors import BrokerError
from fillwire.runtime.lifecycle import ExitCode, Stop, run


async def test_the_first_reason_stands() -> None:
    """Later requests change nothing: the log says what really began the end."""
    stop = Stop()
    assert (stop.is_requested, stop.reason) == (False, None)
    stop.request("SIGTERM")
    stop.request("something else")
    assert (stop.is_requested, stop.reason, await stop.wait()) == (True, "SIGTERM", "SIGTERM")


async def test_waiting_ends_at_the_time_or_the_request() -> None:
    """`wait_for` answers whether to stop, whichever comes first."""
    stop = Stop()
    assert not await stop.wait_for(0.0)
    asyncio.get_running_loop().call_soon(stop.request, "test")
    assert await stop.wait_for(60)


async def test_a_cancelled_wait_is_cancelled() -> None:
    """The wait swallows its own time limit and nobody else's cancellation."""
    waiting = asyncio.create_task(Stop().wait_for(60))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()


def test_handlers_of_signals_are_put_back() -> None:
    """A process that runs a service inside itself keeps its own Ctrl-C."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    inside = []

    async def main(_stop: Stop) -> None:
        inside.append(signal.getsignal(signal.SIGTERM))

    assert run(main) is ExitCode.OK
    assert inside != [before[1]]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_service_may_run_in_another_thread() -> None:
    """Where handlers cannot be set there are none, and errors come out as everywhere."""
    codes = []

    async def main(_stop: Stop) -> None:
        raise BrokerError("broker away")

    thread = threading.Thread(target=lambda: codes.append(run(main)))
    thread.start()
    thread.join(10)
    assert codes == [ExitCode.FAILED]
