"""Waiting for a condition, with a deadline, instead of sleeping."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable


async def eventually(
    condition: Callable[[], object] | Callable[[], Awaitable[object]],
    deadline_s: float = 10.0,
    what: str = "",
) -> None:
    """Return once `condition`, plain or async, is true; fail at the deadline."""
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                result = condition()
                if await result if isawaitable(result) else result:
                    return
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {deadline_s:g} s: {what or condition}") from None
