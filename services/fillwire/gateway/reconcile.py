"""Keeps one account's log in step with the venue's own records: at each connection, on a gap, and now and then.

connected ─▶ hold the stream ─▶ read the log ─▶ ask the venue ─▶ publish what is missing ─▶ release ─▶ live
gap ──────▶ ask for the order
audit ────▶ ask for the open orders; those that differ are asked for one by one
sweep ────▶ ask for everything since shortly before the last one
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable

from fillwire.domain.errors import AuthRejected, BrokerError, ConnectionLost, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import Gap, OrderKey
from fillwire.gateway.account_log import AccountLog
from fillwire.gateway.agenda import Agenda
from fillwire.gateway.comparing import Comparison
from fillwire.gateway.express import Express
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.left_out import LeftOut
from fillwire.gateway.pending import Claim, Pending
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.gateway.sequencer import Sequencer
from fillwire.gateway.settling import Settler
from fillwire.gateway.standing import Standing, Statement
from fillwire.gateway.storing import Storing
from fillwire.gateway.sweeping import Sweeping
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel
from fillwire.venues.records import OrderRow
from fillwire.venues.symbols import SymbolTable

_log = get_log(__name__)


class Reconciler:
    """Reconciles one account.

    Args:
        account: whose log.
        log: reads it.
        sequencer: takes what is rebuilt, and tells of gaps.
        policy: how it is done.
        room: awaited until there is room for more events.
        pairs: returns the pairs that bots listen to, which may have no events yet.
        stored: awaited until the broker has everything that was published by then.
        alert: tells a person, once for each time that something stays missing.
        on_standing: called when `standing` has changed for another reason than a connection.
        on_settled: told of each order that is in step with the records, as they show it.
        now_ns: the gateway's clock, in nanoseconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        account: Account,
        log: AccountLog,
        sequencer: Sequencer,
        policy: ReconcilePolicy,
        *,
        room: Callable[[], Awaitable[None]],
        pairs: Callable[[], Iterable[str]],
        stored: Callable[[], Awaitable[object]],
        alert: Callable[[str], None],
        on_standing: Callable[[], None],
        on_settled: Callable[[OrderRow], None],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._account = account
        self._log = log
        self._sequencer = sequencer
        self._ledger = sequencer.ledger
        self._policy = policy
        self._statement = Statement(alert, on_standing)
        self._now_ns = now_ns
        self._loop = asyncio.get_running_loop()
        self._pending = Pending(self._loop.time, now_ns, policy.retry_first_s, policy.retry_max_s)
        self._left_out = LeftOut(self._loop.time, policy.retry_first_s, policy.retry_max_s)
        settler = Settler(sequencer, room, now_ns, on_settled)
        self._compare = Comparison(account, sequencer, settler, self._pending, self._left_out, pairs)
        self._agenda = Agenda(
            self._loop.time,
            audit_interval_s=policy.audit_interval_s,
            sweep_interval_s=policy.sweep_interval_s,
            follow_up_s=policy.follow_up_s,
        )
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._express = Express(self._pending, self._loop.time, self._settle_claimed, str(account))
        self._storing = Storing(stored, self._wake.set, f"stored {account}")
        self._sweeping = Sweeping(
            account, log, self._ledger, self._compare, self._statement, policy, self._express.resume, now_ns
        )
        self._task: asyncio.Task[None] | None = None
        self._is_live = False
        self._failures = 0

    @property
    def standing(self) -> Standing:
        """How the log stands against the venue's records."""
        return self._statement.standing

    @property
    def unsettled_count(self) -> int:
        """Orders, and symbols, on which the log and the records do not agree yet."""
        return len(self._pending) + len(self._left_out)

    @property
    def unsettled_s(self) -> float:
        """For how long the oldest of those has not been settled, in seconds; 0.0 if there is none."""
        return 0.0 if self._oldest_s is None else max(0.0, self._loop.time() - self._oldest_s)

    # -- told by the session and the sequencer

    async def recall(self) -> None:
        """Read how the last holder of the account left it; before anything new is told of the connection."""
        await self._sweeping.recall()

    async def catch_up(self, inquiry: Inquiry, symbols: SymbolTable, *, is_successor: bool) -> None:
        """Bring the log in step, with a new connection that is subscribed.

        The stream is held back meanwhile, `deadline_s` at most. What is not settled by then stays pending and is asked
        for until it is. A successor takes over from a connection that still receives: nothing is held back, and a sweep
        follows.

        Raises:
            AuthRejected: the venue refuses the key.
        """
        self._compare.use(inquiry, symbols)
        if self._task is None:
            self._task = self._loop.create_task(self._work(), name=f"reconcile {self._account}")
        if is_successor:
            self._agenda.sweep_too()
            self._wake.set()
            return
        self._is_live = False
        self._express.pause()
        self._sequencer.hold()
        began_ns = self._now_ns()
        self._sweeping.begin_anew()
        self._storing.expect()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._policy.deadline_s):
                    await self._until_settled()
                    # Who is told that the account is reconciled finds it in the log.
                    await self._storing.wait()
        finally:
            self._sequencer.release()
            if not self._sweeping.is_unread:  # else nobody knows yet what is in the log
                self._express.resume()
        self._is_live = True
        self._agenda.begin()
        if self._is_unsettled or self._storing.is_open:
            self._statement.note_missing(*self._what_is_missing())
        else:
            self._sweeping.note_whole(began_ns)
            self._statement.note_in_step(began_ns)
        self._wake.set()

    async def poll(self, inquiry: Inquiry, symbols: SymbolTable) -> None:
        """Bring the log in step once, without a connection: what the records show by now is published when this returns.

        Raises:
            VenueError: the venue does not answer or refuses; what was found before that is published.
            BrokerError: the log cannot be read.
        """
        self._compare.use(inquiry, symbols)
        self._storing.expect()
        async with self._lock:
            began_ns = self._now_ns()
            if self._sweeping.is_open:
                await self._sweeping.sweep_unswept()
            else:
                await self._sweeping.sweep_recent(asks_all=self._agenda.take_all())
            await self._compare.sweep_left_out(self._policy.retry_first_s, is_due=False)
            await self._compare.settle_pending(self._sweeping.floor_ns, is_due=False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._policy.deadline_s):
                await self._storing.wait()
        if self._storing.is_open:
            self._statement.tell_missing(*self._what_is_missing())
        elif self._is_unsettled:
            self._tell_standing()
        else:
            self._sweeping.note_whole(began_ns)
            self._statement.tell_in_step(began_ns)

    def lost(self) -> None:
        """Note that the account has no connection: only what is missing already is asked for."""
        self._is_live = False

    async def stop(self) -> None:
        """Stop."""
        await cancel(self._task)
        await self._express.stop()
        await self._storing.stop()

    def note_gap(self, gap: Gap) -> None:
        """Have the order repaired, unless the gap closes by itself in a moment."""
        self._suspect(gap.order, self._policy.grace_s)

    def note_doubt(self, key: OrderKey, after_s: float | None = None, claim: Claim | None = None) -> None:
        """Have the order looked up.

        Args:
            key: which order.
            after_s: in so many seconds; None for the time in which frames change places.
            claim: what the log must have of it: until then the records are asked again.
        """
        self._suspect(key, self._policy.grace_s if after_s is None else after_s, claim)

    def note_loss(self, reason: str) -> None:
        """Have everything compared: events of the stream were lost, nobody knows which."""
        _log.warning("events_lost", account=str(self._account), reason=reason)
        if self._is_live:  # else everything is compared anyway
            self._agenda.begin_again()
            self._wake.set()

    def _suspect(self, key: OrderKey, after_s: float, claim: Claim | None = None) -> None:
        if claim is None and key in self._pending:  # each event behind a gap tells of it again
            return
        known = self._ledger.get(key)
        if claim is not None and known is not None and key not in self._pending and claim.is_met(known):
            return
        if not self._pending.add(key, after_s, claim):
            # Nothing is lost by it: the sweep finds all of them.
            self._agenda.sweep_instead()
        self._wake.set()
        self._express.wake()

    async def _settle_claimed(self, key: OrderKey) -> None:
        try:
            await self._compare.settle_claimed(key, self._sweeping.floor_ns)
        except (VenueError, BrokerError) as error:
            _log.warning("order_not_settled", account=str(self._account), order_id=key[1], error=error)
            self._pending.postpone(key)
        except Exception as error:  # noqa: BLE001 - as below
            _log.error("reconciler_failed", account=str(self._account), error=error)
            self._pending.postpone(key)
        self._wake.set()  # what is told of the account may have changed

    @property
    def _is_unsettled(self) -> bool:
        return self.unsettled_count > 0 or self._sweeping.is_open

    # -- catching up

    async def _until_settled(self) -> None:
        """Go on until everything is settled."""
        delay_s = self._policy.retry_first_s
        while True:
            try:
                async with self._lock:
                    await self._sweeping.sweep_unswept()
                    await self._compare.sweep_left_out(self._policy.retry_first_s, is_due=False)
                    await self._compare.settle_pending(self._sweeping.floor_ns, is_due=False)
            except AuthRejected:
                raise
            except (VenueError, BrokerError) as error:
                _log.warning("not_reconciled_yet", account=str(self._account), error=error)
            if not self._is_unsettled:
                return
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, 2.0)

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Name pairs by this table from now on."""
        self._compare.use_symbols(symbols)

    # -- in the background

    async def _work(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_s()):
                    await self._wake.wait()
            self._wake.clear()
            try:
                async with self._lock:
                    await self._do_due()
                self._failures = 0
            except (VenueError, BrokerError) as error:
                self._failures += 1
                _log.warning("not_reconciled_yet", account=str(self._account), error=error)
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not end the account's repair
                self._failures += 1
                _log.error("reconciler_failed", account=str(self._account), error=error)
            self._tell_standing()
            if self._failures:
                delay_s = self._policy.retry_first_s * 2 ** min(self._failures, 10)
                await asyncio.sleep(min(delay_s, self._policy.retry_max_s))

    def _next_s(self) -> float:
        """Return when there is something to do next, by the loop's clock."""
        now_s = self._loop.time()
        times = [self._pending.next_due_s, self._left_out.next_due_s]
        if self._is_live:
            times.append(self._agenda.next_s)
            if self._sweeping.is_open:
                times.append(now_s)
        if not self._statement.is_alerted and self._oldest_s is not None:
            times.append(self._oldest_s + self._policy.deadline_s)
        return max(now_s + 0.01, min((at_s for at_s in times if at_s is not None), default=now_s + 3600.0))

    @property
    def _oldest_s(self) -> float | None:
        """Return since when the oldest of what is not settled is known not to be, by the loop's clock."""
        since_s = (self._pending.oldest_s, self._left_out.oldest_s)
        return min((at_s for at_s in since_s if at_s is not None), default=None)

    async def _do_due(self) -> None:
        await self._compare.settle_pending(self._sweeping.floor_ns, is_due=True)
        await self._compare.sweep_left_out(self._policy.retry_first_s, is_due=True)
        if not self._is_live:
            return
        failure: VenueError | None = None
        try:
            await self._sweeping.sweep_unswept()
            if self._agenda.is_sweep_due:
                await self._sweep_due()
        except (ConnectionLost, Throttled, AuthRejected):
            raise  # the audit would meet the same
        except VenueError as error:
            failure = error
        if self._agenda.is_audit_due:
            await self._compare.audit(self._policy.grace_s * 5)
            self._agenda.note_audit()
        if failure is not None:
            raise failure

    async def _sweep_due(self) -> None:
        self._agenda.note_sweep()  # before it: what is wanted meanwhile is wanted after it
        try:
            await self._sweeping.sweep_recent()
        except Exception:
            self._agenda.sweep_too()
            raise

    # -- what is told

    def _what_is_missing(self) -> tuple[int, str]:
        """Return since when something is missing, by the gateway's clock, and what."""
        within = f"within {self._policy.deadline_s:g} s"
        marks = (self._pending.oldest_ns, self._left_out.cursor_ns, self._now_ns())
        first_ns = min(mark for mark in marks if mark is not None)
        if self._sweeping.is_open or self._storing.is_open:
            first_ns = self._sweeping.whole_until_ns
        if not self._is_unsettled:
            return first_ns, f"the broker did not store {within} what was found"
        names = [str(some) for some in (self._pending, self._left_out) if len(some)]
        what = " and ".join(names) or "the venue's records"
        return first_ns, f"{what} could not be compared {within}; asked for again until they can be"

    def _tell_standing(self) -> None:
        oldest_s = self._oldest_s
        overdue = oldest_s is not None and self._loop.time() - oldest_s >= self._policy.deadline_s
        if overdue or (self._is_live and self._sweeping.is_open):
            if not self._statement.is_alerted:
                self._statement.tell_missing(*self._what_is_missing())
                self._storing.expect()
        elif not self._is_unsettled and self._is_live and self._statement.is_out_of_step:
            if self._storing.is_open:
                self._storing.begin()
            else:
                whole_ns = self._now_ns()
                self._sweeping.note_whole(whole_ns)
                self._statement.tell_in_step(whole_ns)
