"""From where on an account's log is to be compared with the venue's records, and up to when it is known to be whole."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import Ledger
from fillwire.gateway.account_log import AccountLog
from fillwire.gateway.comparing import Comparison
from fillwire.gateway.recollection import Recollection, recollect
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.gateway.standing import Standing, Statement
from fillwire.runtime.logs import get_log

if TYPE_CHECKING:
    from fillwire.domain.events import ConnectionEvent

_log = get_log(__name__)

_S = 1_000_000_000


class Sweeping:
    """Compares everything since a cursor: since the newest event of the log at first, then since shortly before the last time.

    Args:
        account: whose log.
        log: reads it.
        ledger: takes what the log holds.
        compare: asks the venue.
        statement: told how far the log is behind.
        policy: how far back is asked.
        on_swept: called when everything since the newest event of the log has been compared.
        now_ns: the gateway's clock, in nanoseconds since the epoch.

    Attributes:
        floor_ns: executions before it, by the venue's clock, are in the log or before our time.
        is_unread: whether the log is still to be read.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its collaborators
        self,
        account: Account,
        log: AccountLog,
        ledger: Ledger,
        compare: Comparison,
        statement: Statement,
        policy: ReconcilePolicy,
        on_swept: Callable[[], None],
        now_ns: Callable[[], int],
    ) -> None:
        self.floor_ns = 0
        self.is_unread = True
        self._account = account
        self._log = log
        self._ledger = ledger
        self._compare = compare
        self._statement = statement
        self._policy = policy
        self._on_swept = on_swept
        self._now_ns = now_ns
        self._last: ConnectionEvent | None = None
        self._beginning_ns = now_ns()  # and not the first connection: what happens meanwhile is not the past
        self._cursor_ns = self._beginning_ns
        self._proven_ns: int | None = None
        self._unswept: Recollection | None = None

    async def recall(self) -> None:
        """Read how the last holder of the account left it."""
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
                    self._statement.standing = Standing(self._last.reconciled_ns, self._last.missing_since_ns)
                return

    @property
    def is_open(self) -> bool:
        """Whether the log is still to be read, or to be compared since its newest event."""
        return self.is_unread or self._unswept is not None

    @property
    def whole_until_ns(self) -> int:
        """Up to when the log is known to be whole, by the gateway's clock."""
        if self.is_unread:
            return self._proven_ns or self._statement.standing.reconciled_ns or self._cursor_ns
        return self._cursor_ns

    def begin_anew(self) -> None:
        """Have the log read and compared since its newest event."""
        self._unswept, self.is_unread = None, True

    def note_whole(self, at_ns: int) -> None:
        """Note that nothing was missing at this time: what was told before it is of no interest any more."""
        self._last, self._cursor_ns = None, at_ns

    async def sweep_unswept(self) -> None:
        """Compare all since the newest event of the log, if that has not been done to the end.

        Raises:
            VenueError: the venue does not answer or refuses.
            BrokerError: the log cannot be read.
        """
        if self.is_unread:
            await self._read()
        if self._unswept is not None:
            await self._sweep(self._unswept, reads_executions=True)
            self._unswept = None
            self._on_swept()

    async def sweep_recent(self, *, asks_all: bool = True) -> None:
        """Compare all since shortly before the last time; see `Comparison.sweep` for `asks_all`, `sweep_unswept` for errors."""
        proven_ns = self._now_ns() if self._proven_ns is None else self._proven_ns
        offset_ns = self._compare.inquiry.clock_offset_ns
        since_ns = max(self.floor_ns, proven_ns + offset_ns - int(self._policy.overlap_s * _S))
        # The ledger remembers what was published since.
        recent = Recollection(since_ns=since_ns, cursor_ns=proven_ns, symbols=set(self._ledger.symbols()))
        await self._sweep(recent, reads_executions=False, asks_all=asks_all)

    async def _read(self) -> None:
        found = self._unswept = await recollect(
            self._log,
            self._ledger,
            self._last,
            proven_ns=self._proven_ns,
            missing_since_ns=self._statement.standing.missing_since_ns,
            beginning_ns=self._beginning_ns,
            offset_ns=self._compare.inquiry.clock_offset_ns,
            overlap_s=self._policy.overlap_s,
        )
        self.floor_ns = found.since_ns if not self.floor_ns else min(self.floor_ns, found.since_ns)
        self.is_unread = False
        self._note_cursor(found.cursor_ns)
        _log.info(
            "log_read",
            account=str(self._account),
            since_s=round((self._compare.inquiry.now_ns() - found.since_ns) / _S, 1),
            symbols=len(found.symbols),
            orders=len(self._ledger),
        )

    def _note_cursor(self, cursor_ns: int) -> None:
        """Tell how far the log is behind, before what is found of that makes the log look younger than it is."""
        self._cursor_ns = cursor_ns
        if self._now_ns() - cursor_ns > self._policy.overlap_s * _S / 2:
            self._statement.tell_behind(cursor_ns)

    async def _sweep(self, found: Recollection, *, reads_executions: bool, asks_all: bool = True) -> None:
        began_ns = self._now_ns()
        await self._compare.sweep(
            found, reads_executions=reads_executions, asks_all=asks_all, retry_s=self._policy.retry_first_s
        )
        self._proven_ns = began_ns
