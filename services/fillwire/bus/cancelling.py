"""Cancellation that always passes, though the client beneath may swallow one: `wait_for` before Python 3.12."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def heeding_cancellation(work: Coroutine[Any, Any, Result]) -> Result:
    """Await `work`, and pass a cancellation on that it swallowed.

    Before Python 3.12 `wait_for`, which the client uses, drops a cancellation that comes together with the answer. A
    task that is being stopped would go on, and whoever waits for its end would wait for ever.
    """
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("a coroutine is awaited by a task")
    cancellations = task.cancelling()
    try:
        return await work
    finally:
        if task.cancelling() > cancellations:
            raise asyncio.CancelledError


async def end_tasks(tasks: set[asyncio.Task[None]], deadline_s: float) -> None:
    """Cancel tasks until they have ended; before Python 3.12 `wait_for` may swallow a cancellation.

    The client's reconnect loop then takes the error beneath for a failed attempt, and would go on for ever.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while tasks and loop.time() < end:
        for task in tasks:
            task.cancel()
        ended, tasks = await asyncio.wait(tasks, timeout=0.02)
        for task in ended:
            if not task.cancelled():
                task.exception()  # nobody else asks for it
