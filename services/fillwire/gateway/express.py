"""Asks at once for orders of which a frame has shown more than the log has, beside whatever else is being compared.

At a venue whose stream has no executions each of them waits for this, so it waits for nothing itself: neither for a
sweep that is under way nor for another order's answer.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fillwire.domain.ledger import OrderKey
from fillwire.gateway.pending import Pending
from fillwire.runtime.supervision import cancel

MAX_AT_ONCE = 6
"""Orders of one account that are asked for at the same time; each costs two requests."""

Settle = Callable[[OrderKey], Coroutine[Any, Any, None]]


class Express:
    """Settles the orders of one account of which something is claimed, as soon as it is time for each.

    Args:
        pending: the orders.
        now_s: the loop's clock, in seconds.
        settle: asks for one, and notes in `pending` what came of it; does not raise but when cancelled.
        name: of whom, for debugging.
    """

    def __init__(self, pending: Pending, now_s: Callable[[], float], settle: Settle, name: str) -> None:
        self._pending = pending
        self._now_s = now_s
        self._settle = settle
        self._name = name
        self._wake = asyncio.Event()
        self._in_hand: dict[OrderKey, asyncio.Task[None]] = {}
        self._is_paused = True
        self._task: asyncio.Task[None] | None = None

    def pause(self) -> None:
        """Begin nothing more: everything is being compared, these orders with it."""
        self._is_paused = True

    def resume(self) -> None:
        """Go on."""
        self._is_paused = False
        self.wake()

    def wake(self) -> None:
        """Look again at what is pending; most accounts never have anything here."""
        if self._task is None and self._pending.next_claim_s(()) is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"express {self._name}")
        self._wake.set()

    async def stop(self) -> None:
        """Stop; what is being asked for is given up."""
        await cancel(self._task)
        for task in list(self._in_hand.values()):
            await cancel(task)

    async def _run(self) -> None:
        while True:
            if not self._is_paused:
                self._begin_due()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_s()):
                    await self._wake.wait()
            self._wake.clear()

    def _begin_due(self) -> None:
        for key in self._pending.due_claims():
            if len(self._in_hand) >= MAX_AT_ONCE:
                return
            if key not in self._in_hand:
                self._pending.note_asked(key)
                task = asyncio.get_running_loop().create_task(self._settle(key), name=f"settle {key[1]}")
                self._in_hand[key] = task
                task.add_done_callback(partial(self._end, key))

    def _end(self, key: OrderKey, _task: asyncio.Task[None]) -> None:
        del self._in_hand[key]
        self._wake.set()

    def _next_s(self) -> float | None:
        """Return when to look again, by the loop's clock; None: when woken."""
        if self._is_paused or len(self._in_hand) >= MAX_AT_ONCE:
            return None
        due_s = self._pending.next_claim_s(self._in_hand)
        return None if due_s is None else max(due_s, self._now_s())
