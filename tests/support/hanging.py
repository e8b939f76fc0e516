"""What hangs."""

import asyncio
from typing import Never


async def hang() -> Never:
    """Never return, as a callback that hangs: only being cancelled ends it."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable: nobody sets the event")
