"""Who may dial a venue, and when: after what it has banned, behind its circuit breaker, within the connect budget.

During an outage of the venue all its accounts together dial as one account would: when some of them have failed in a
row, the breaker opens, and from then on one of them tries at the pace of `reconnect` while the others wait.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fillwire.domain.enums import BreakerState
from fillwire.domain.errors import AuthRejected, SubscriptionRejected, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.gateway.ban import Ban
from fillwire.gateway.budget import ConnectBudget
from fillwire.runtime.backoff import Backoff
from fillwire.runtime.breaker import Breaker
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

# Fewer may each have trouble of their own, and their own waits do.
ACCOUNTS_DOWN = 3
# Who waits shorter than this is not worth an event.
_TELL_AFTER_S = 1.0

OnWait = Callable[[str], None]
"""Told once in one sentence why an attempt has to wait, if it has to wait noticeably."""


class Admission:
    """One environment of a venue, as all of its accounts dial it. First come, first served.

    Args:
        where: name of exchange and environment, for people.
        ban: until when nothing may be dialled.
        budget: how many connections may be dialled.
        backoff: for how long the breaker stays open each time; without limit of retries.
    """

    def __init__(self, where: str, ban: Ban, budget: ConnectBudget, backoff: Backoff) -> None:
        self._where = where
        self._ban = ban
        self._budget = budget
        self._backoff = backoff
        self._open_s = self._next_open_s()
        self._breaker = Breaker(ACCOUNTS_DOWN)
        self._failing: set[Account] = set()
        self._loop = asyncio.get_running_loop()
        self._queue = asyncio.Lock()  # fair: the one that holds it is the next to dial
        self._changed = asyncio.Event()

    @property
    def state(self) -> BreakerState:
        """Where the venue's breaker is."""
        return self._breaker.state(self._loop.time())

    @asynccontextmanager
    async def attempt(self, account: Account, on_wait: OnWait) -> AsyncIterator[None]:
        """Wait for the turn to dial, and dial inside the block: how the block ends is how the attempt went."""
        ticket = await self._enter(on_wait)
        try:
            yield
        except (AuthRejected, SubscriptionRejected):  # an answer: the venue is there
            self._note_success(ticket)
            raise
        except Throttled as error:  # so is this, and it says itself when to come again
            self._ban.note(error)
            self._breaker.abandoned(ticket)
            raise
        except VenueError as error:
            self._note_failure(account, ticket, error)
            raise
        except BaseException:
            self._breaker.abandoned(ticket)
            raise
        else:
            self._note_success(ticket)
        finally:
            self._changed.set()

    async def _enter(self, on_wait: OnWait) -> int:
        telling = self._loop.call_later(_TELL_AFTER_S, lambda: on_wait(self._sentence()))
        try:
            async with self._queue:
                while True:
                    ticket = await self._admitted()
                    try:
                        await self._budget.wait()
                    except BaseException:
                        self._breaker.abandoned(ticket)
                        raise
                    if self._breaker.admits(ticket) and not self._ban.connects_in_s:
                        return ticket
                    self._breaker.abandoned(ticket)
        finally:
            telling.cancel()

    async def _admitted(self) -> int:
        """Wait until the breaker lets one in, and return its ticket; only the first in the queue waits here."""
        while True:
            now_s = self._loop.time()
            wait_s = max(self._ban.connects_in_s, self._breaker.wait_s(now_s))
            if wait_s <= 0 and (ticket := self._breaker.admit(now_s)) is not None:
                return ticket
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if math.isinf(wait_s) else wait_s):
                    await self._changed.wait()

    def _sentence(self) -> str:
        banned_s = self._ban.connects_in_s
        if banned_s > 0:
            return self._ban.sentence(banned_s)
        if self.state is BreakerState.CLOSED:
            return f"more attempts to connect to {self._where} than the venue allows in a minute: they take turns"
        state = self.state.replace("_", " ")
        return (
            f"the circuit breaker of {self._where} is {state}: {self._breaker.failed_count} attempts failed"
        )

    def _note_success(self, ticket: int) -> None:
        if self._breaker.state(self._loop.time()) is not BreakerState.CLOSED:
            _log.info("venue_breaker_closed", where=self._where)
        self._breaker.succeeded(ticket)
        self._failing.clear()
        self._backoff.reset()
        self._open_s = self._next_open_s()

    def _note_failure(self, account: Account, ticket: int, error: VenueError) -> None:
        """Count a failure; one account's failures count once until the breaker is open."""
        now_s = self._loop.time()
        if self._breaker.state(now_s) is BreakerState.CLOSED and account in self._failing:
            return
        self._failing.add(account)
        open_s = self._open_s
        if self._breaker.failed(ticket, now_s, open_s):
            self._open_s = self._next_open_s()
            _log.warning("venue_breaker_open", where=self._where, seconds=round(open_s, 3), error=error)

    def _next_open_s(self) -> float:
        delay_s = self._backoff.next_delay_s()
        if delay_s is None:
            raise AssertionError("expected a backoff without limit of retries")
        return delay_s
