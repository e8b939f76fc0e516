"""Keeps one account's log in step with the venue's own records: at each connection, on a gap, and now and then.

connected ─▶ hold the stream ─▶ read the log ─▶ ask the venue ─▶ publish what is missing ─▶ release ─▶ live
gap ──────▶ ask for the order
audit ────▶ ask for the open orders; those that differ are asked for one by one
sweep ────▶ ask for everything since shortly before the last one
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fillwire.domain.errors import AuthRejected, BrokerError, ConnectionLost, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import Gap, OrderKey
from fillwire.gateway.account_log import AccountLog
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.recollection import Recollection, recollect
from fillwire.gateway.sequencer import Sequencer
from fillwire.gateway.settling import Settler
from fillwire.gateway.supervision import cancel
from fillwire.runtime.logs import get_log
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.symbols import SymbolTable

if TYPE_CHECKING:
    from fillwire.domain.events import ConnectionEvent

_log = get_log(__name__)

_S = 1_000_000_000
# Beyond this many symbols with open orders it costs less to ask for all open orders at once.
_ASK_ONE_BY_ONE = 12
_PENDING_MAX = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePolicy:
    """How the log is kept in step; all in seconds.

    Attributes:
        overlap_s: how far before the last event known to compare anew: longer than the venue's records lag, than a
            silent connection goes unnoticed, and than a gap stays unreported.
        deadline_s: so long an account catches up before it goes live regardless, and something missing is asked for
            before a person is told.
        grace_s: so long a gap may close by itself, for frames change places.
        audit_interval_s: between two questions for the open orders.
        sweep_interval_s: between two questions for everything.
        follow_up_s: after going live everything is asked for again, for the venue's records lag.
        retry_first_s: wait before the first repetition of a question.
        retry_max_s: longest wait between two.
    """

    overlap_s: float = 120.0
    deadline_s: float = 10.0
    grace_s: float = 0.1
    audit_interval_s: float = 15.0
    sweep_interval_s: float = 60.0
    follow_up_s: tuple[float, ...] = (5.0, 30.0)
    retry_first_s: float = 0.25
    retry_max_s: float = 15.0


class Standing(NamedTuple):
    """How the log stands against the venue's records: see `ConnectionEvent`."""

    reconciled_ns: int | None = None
    missing_since_ns: int | None = None


@dataclass(slots=True)
class _Pending:
    """An order that is not settled."""

    first_s: float
    first_ns: int
    due_s: float
    delay_s: float


class Reconciler:
    """Reconciles one account.

    Args:
        account: whose log.
        log: reads it.
        sequencer: takes what is rebuilt, and tells of gaps.
        policy: how it is done.
        room: awaited until there is room for more events.
        pairs: returns the pairs that bots listen to, which may have no events yet.
        stored: awaited until the broker has everything that was published.
        alert: tells a person, once for each time that something stays missing.
        on_standing: called when `standing` has changed for another reason than a connection.
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
        stored: Callable[[], Awaitable[None]],
        alert: Callable[[str], None],
        on_standing: Callable[[], None],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._account = account
        self._log = log
        self._sequencer = sequencer
        self._ledger = sequencer.ledger
        self._policy = policy
        self._pairs = pairs
        self._stored = stored
        self._alert = alert
        self._on_standing = on_standing
        self._now_ns = now_ns
        self._settler = Settler(sequencer, room, now_ns)
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._inquiry: Inquiry | None = None
        self._symbols: SymbolTable | None = None
        self._last: ConnectionEvent | None = None
        self._floor_ns = 0
        self._proven_ns: int | None = None
        self._pending: dict[OrderKey, _Pending] = {}
        self._unswept: Recollection | None = None
        self._unswept_since_s = 0.0
        self._is_unread = False
        self._is_live = False
        self._is_alerted = False
        self._sweeps_at_s: list[float] = []
        self._audit_at_s = 0.0
        self._all_at_s = 0.0
        self._failures = 0
        self.standing = Standing()

    # -- told by the session and the sequencer

    async def recall(self) -> None:
        """Read how the last holder of the account left it; before anything new is told of the connection."""
        delay_s = self._policy.retry_first_s
        while True:
            try:
                self._last = await self._log.last_connection()
            except BrokerError as error:
                _log.warning("last_state_not_read", account=str(self._account), error=error)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, self._policy.retry_max_s)
            else:
                if self._last is not None:
                    self.standing = Standing(self._last.reconciled_ns, self._last.missing_since_ns)
                return

    async def catch_up(self, inquiry: Inquiry, symbols: SymbolTable, *, is_successor: bool) -> None:
        """Bring the log in step, with a new connection that is subscribed.

        The stream is held back meanwhile, `deadline_s` at most. What is not settled by then stays pending and is asked
        for until it is. A successor takes over from a connection that still receives: nothing is held back, and a sweep
        follows.

        Raises:
            AuthRejected: the venue refuses the key.
        """
        self._inquiry, self._symbols = inquiry, symbols
        now_s = self._loop.time()
        if self._task is None:
            self._task = self._loop.create_task(self._work(), name=f"reconcile {self._account}")
        if is_successor:
            self._sweeps_at_s.insert(0, now_s)
            self._wake.set()
            return
        self._is_live = False
        self._sequencer.hold()
        began_ns = self._now_ns()
        self._unswept, self._is_unread, self._unswept_since_s = None, True, now_s
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._policy.deadline_s):
                    await self._until_settled()
                    await self._stored()  # who is told that the account is reconciled finds it in the log
        finally:
            self._sequencer.release()
        self._is_live = True
        now_s = self._loop.time()
        self._audit_at_s = now_s + self._policy.audit_interval_s
        self._sweeps_at_s = [now_s + after_s for after_s in self._policy.follow_up_s]
        if self._is_unsettled:
            self._tell_missing()
        else:
            self.standing = Standing(began_ns)
        self._wake.set()

    async def poll(self, inquiry: Inquiry, symbols: SymbolTable) -> None:
        """Bring the log in step once, without a connection: what the records show by now is published when this returns.

        Raises:
            VenueError: the venue does not answer or refuses; what was found before that is published.
            BrokerError: the log cannot be read.
        """
        self._inquiry, self._symbols = inquiry, symbols
        async with self._lock:
            began_ns = self._now_ns()
            self._is_unread |= not self._floor_ns
            if self._is_unread or self._unswept is not None:
                await self._sweep_unswept()
            else:
                await self._sweep(self._recent(), reads_executions=False, asks_all=self._is_all_due())
            await self._settle_pending(is_due=False)
        await self._stored()
        if self._is_unsettled:
            self._tell_standing()
        else:
            self._is_alerted = False
            was_missing = self.standing.missing_since_ns is not None
            self.standing = Standing(began_ns)
            if was_missing:
                self._on_standing()

    def _is_all_due(self) -> bool:
        """Whether it is time to ask for the open orders of all symbols again, which costs as much as a dozen symbols."""
        now_s = self._loop.time()
        if now_s < self._all_at_s:
            return False
        self._all_at_s = now_s + self._policy.sweep_interval_s
        return True

    def lost(self) -> None:
        """Note that the account has no connection: only what is missing already is asked for."""
        self._is_live = False

    async def stop(self) -> None:
        """Stop."""
        await cancel(self._task)

    def note_gap(self, gap: Gap) -> None:
        """Have the order repaired, unless the gap closes by itself in a moment."""
        self._suspect(gap.order, self._policy.grace_s)

    def note_doubt(self, key: OrderKey) -> None:
        """Have the order looked up."""
        self._suspect(key, self._policy.grace_s)

    def _suspect(self, key: OrderKey, after_s: float) -> None:
        if key not in self._pending:
            if len(self._pending) >= _PENDING_MAX:
                # Nothing is lost by it: the sweep finds all of them.
                self._sweeps_at_s = [0.0, *self._sweeps_at_s[-1:]]
            else:
                now_s = self._loop.time()
                due_s = now_s + after_s
                self._pending[key] = _Pending(now_s, self._now_ns(), due_s, self._policy.retry_first_s)
            self._wake.set()

    @property
    def _is_unsettled(self) -> bool:
        return bool(self._pending) or self._unswept is not None or self._is_unread

    # -- catching up

    async def _until_settled(self) -> None:
        """Go on until everything is settled."""
        delay_s = self._policy.retry_first_s
        while True:
            try:
                async with self._lock:
                    await self._sweep_unswept()
                    await self._settle_pending(is_due=False)
            except AuthRejected:
                raise
            except (VenueError, BrokerError) as error:
                _log.warning("not_reconciled_yet", account=str(self._account), error=error)
            if not self._is_unsettled:
                return
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, 2.0)

    async def _sweep_unswept(self) -> None:
        """Compare all since the cursor, if that has not been done to the end; raises why it cannot be."""
        if self._is_unread:
            found = self._unswept = await recollect(
                self._log,
                self._ledger,
                self._last,
                proven_ns=self._proven_ns,
                missing_since_ns=self.standing.missing_since_ns,
                now_ns=self._now_ns(),
                offset_ns=self._ready()[0].clock_offset_ns,
                overlap_s=self._policy.overlap_s,
            )
            self._floor_ns = found.since_ns if not self._floor_ns else min(self._floor_ns, found.since_ns)
            self._is_unread = False
            _log.info(
                "log_read",
                account=str(self._account),
                since_s=round((self._ready()[0].now_ns() - found.since_ns) / _S, 1),
                symbols=len(found.symbols),
                orders=len(self._ledger),
            )
        if self._unswept is not None:
            await self._sweep(self._unswept, reads_executions=True)
            self._unswept = None

    async def _sweep(self, found: Recollection, *, reads_executions: bool, asks_all: bool = True) -> None:
        """Compare everything since the cursor; orders that are not settled are pending after it.

        Args:
            found: from where to compare, and which symbols.
            reads_executions: read the executions of each symbol at once, as is cheap where many were missed. Without it
                an order's are asked for only if its executed quantity differs from the ledger's, so that a sweep over a
                healthy stream costs by orders and not by executions.
            asks_all: ask for the open orders of all symbols, also of those that nobody knows of yet.
        """
        inquiry, table = self._ready()
        began_ns = self._now_ns()
        believed = {known.key for known in self._ledger.open_orders()}
        symbols = set(found.symbols) | self._sequencer.buffered_symbols
        symbols |= {symbol for symbol, _ in (*believed, *self._pending)}
        symbols |= {table.symbols[pair] for pair in self._pairs() if pair in table.symbols}
        rows = await self._open_orders(None if asks_all else symbols)
        symbols |= {symbol for symbol, _ in rows}
        for symbol in sorted(symbols):
            changed = {row.key: row for row in await inquiry.changed_orders(symbol, found.since_ns)}
            executions: dict[OrderKey, list[ExecutionRow]] = {}
            if reads_executions:
                _, last_trade_id = found.last_trades.get(symbol, (0, None))
                for row in await inquiry.executions_since(symbol, found.since_ns, last_trade_id):
                    executions.setdefault(row.order, []).append(row)
            here = {key for key in (*rows, *believed) if key[0] == symbol}
            for key in sorted(here | changed.keys() | executions.keys(), key=_by_age):
                shown = changed.get(key) or rows.get(key)
                own = executions.get(key, []) if reads_executions else None
                if not await self._settle(key, found.since_ns, shown, own):
                    self._suspect(key, self._policy.retry_first_s)
                else:
                    self._pending.pop(key, None)
        self._proven_ns = began_ns

    async def _settle(
        self,
        key: OrderKey,
        since_ns: int,
        order: OrderRow | None = None,
        rows: list[ExecutionRow] | None = None,
    ) -> bool:
        inquiry, table = self._ready()
        pair = table.pairs.get(key[0])
        if pair is None:
            _log.warning("symbol_without_pair", account=str(self._account), symbol=key[0])
            return False
        try:
            return await self._settler.settle(inquiry, key, pair, since_ns, order, rows)
        except (ConnectionLost, Throttled, AuthRejected):
            raise  # the next question would meet the same
        except VenueError as error:  # about this order alone: it must not keep the others waiting
            _log.warning("order_not_settled", account=str(self._account), order_id=key[1], error=error)
            return False

    def _ready(self) -> tuple[Inquiry, SymbolTable]:
        if self._inquiry is None or self._symbols is None:
            raise AssertionError("nothing is asked before the first connection")
        return self._inquiry, self._symbols

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Name pairs by this table from now on."""
        self._symbols = symbols

    # -- repair

    async def _settle_pending(self, *, is_due: bool) -> None:
        """Ask for the orders that are pending: all of them, or those whose time has come."""
        for key, pending in list(self._pending.items()):
            if is_due and pending.due_s > self._loop.time():
                continue
            if await self._settle(key, self._floor_ns):
                if self._pending.get(key) is pending:
                    del self._pending[key]
            else:
                pending.due_s = self._loop.time() + pending.delay_s
                pending.delay_s = min(pending.delay_s * 2, self._policy.retry_max_s)

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
        times = [pending.due_s for pending in self._pending.values()]
        if self._is_live:
            times += [self._audit_at_s, *self._sweeps_at_s[:1]]
            if self._unswept is not None or self._is_unread:
                times.append(now_s)
        if not self._is_alerted and self._pending:
            times.append(min(pending.first_s for pending in self._pending.values()) + self._policy.deadline_s)
        return max(now_s + 0.01, min(times, default=now_s + 3600.0))

    async def _do_due(self) -> None:
        await self._settle_pending(is_due=True)
        if not self._is_live:
            return
        await self._sweep_unswept()
        now_s = self._loop.time()
        if self._sweeps_at_s and self._sweeps_at_s[0] <= now_s:
            await self._sweep(self._recent(), reads_executions=False)
            self._sweeps_at_s.pop(0)
            if not self._sweeps_at_s:
                self._sweeps_at_s.append(self._loop.time() + self._policy.sweep_interval_s)
        if self._audit_at_s <= now_s:
            await self._audit()
            self._audit_at_s = self._loop.time() + self._policy.audit_interval_s

    def _recent(self) -> Recollection:
        """Return from where to sweep: the ledger remembers what was published since."""
        proven_ns = self._now_ns() if self._proven_ns is None else self._proven_ns
        offset_ns = self._ready()[0].clock_offset_ns
        since_ns = max(self._floor_ns, proven_ns + offset_ns - int(self._policy.overlap_s * _S))
        return Recollection(since_ns=since_ns, symbols=set(self._ledger.symbols()))

    async def _open_orders(self, symbols: Collection[str] | None) -> dict[OrderKey, OrderRow]:
        """Return the open orders of some symbols, and of others too where that is cheaper; None for all."""
        inquiry, _ = self._ready()
        one_by_one = symbols is not None and len(symbols) <= _ASK_ONE_BY_ONE
        rows: dict[OrderKey, OrderRow] = {}
        for symbol in sorted(symbols) if symbols is not None and one_by_one else (None,):
            rows |= {row.key: row for row in await inquiry.open_orders(symbol)}
        return rows

    async def _audit(self) -> None:
        """Compare the orders believed open with those that are: a frame that never came shows in no other."""
        believed = {known.key: known for known in self._ledger.open_orders()}
        rows = await self._open_orders({symbol for symbol, _ in believed})
        for key in {*believed, *rows}:
            known, row = self._ledger.get(key), rows.get(key)
            if (
                known is None
                or (row is None and known.ending is None)
                or (row and row.executed > known.cumulative)
            ):
                # What is on its way by the stream comes first.
                self._suspect(key, self._policy.grace_s * 5)

    # -- what is told

    def _tell_missing(self) -> None:
        """Say since when something is missing; alert once."""
        first_ns = min((pending.first_ns for pending in self._pending.values()), default=self._now_ns())
        if self._is_unread or self._unswept is not None:
            first_ns = self._proven_ns or self.standing.reconciled_ns or first_ns
        known_ns = self.standing.missing_since_ns
        self.standing = Standing(
            self.standing.reconciled_ns, first_ns if known_ns is None else min(known_ns, first_ns)
        )
        if not self._is_alerted:
            self._is_alerted = True
            names = ", ".join(f"{symbol} {order_id}" for symbol, order_id in list(self._pending)[:5])
            what = f"{len(self._pending)} orders, such as {names}" if names else "the venue's records"
            self._alert(
                f"executions may be missing: {what} could not be compared within {self._policy.deadline_s:g} s; "
                "asked for again until they can be"
            )

    def _tell_standing(self) -> None:
        now_s = self._loop.time()
        overdue = any(
            now_s - pending.first_s >= self._policy.deadline_s for pending in self._pending.values()
        )
        if overdue or (self._is_live and (self._is_unread or self._unswept is not None)):
            if self.standing.missing_since_ns is None:
                self._tell_missing()
                self._on_standing()
        elif not self._is_unsettled and self._is_live and self._is_missing_or_new:
            self._is_alerted = False
            self.standing = Standing(self._now_ns())
            self._on_standing()

    @property
    def _is_missing_or_new(self) -> bool:
        return self.standing.missing_since_ns is not None or self.standing.reconciled_ns is None


def _by_age(key: OrderKey) -> tuple[int, str]:
    return len(key[1]), key[1]  # as numbers, without reading them as such
