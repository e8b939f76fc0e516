"""Realised profit that is kept: of what was read once only what it added up to stays, and only what is new is read.

First in, first out wants trades by the time at which they were made, and they are recorded by the time at which they were
told. So the newest trades are kept apart, where others may still come between them, and are counted anew for each answer;
all older ones are settled. Whatever would change what is settled has everything read again: a trade that was told later,
a recorded one that was changed, another stream in the place of this one.
"""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Final

from sqlalchemy import Connection

from fillwire.domain.enums import Source
from fillwire.domain.identifiers import order_scope
from fillwire.recorder.reports import Books, By, Group, InventoryKey, Profit, ProfitTable
from fillwire.recorder.trades import Recorded, Trade, read_between, read_recorded

SETTLED_AFTER_NS: Final = 120_000_000_000
MAX_OPEN: Final = 10_000  # trades that may be kept apart; of more the oldest are settled


class _Unsettled(Exception):
    """Something that was settled must be counted anew."""


class RunningProfit:
    """What `TradeBook.profit` says of all trades, for several groupings at once. Not to be shared by threads.

    Its memory grows with groups and open lots, not with trades.

    Args:
        user: whose trades; None for everybody's.
        views: the groupings.
        zone: in which a day begins at midnight.
    """

    def __init__(self, user: str | None, views: Sequence[Sequence[By]], *, zone: tzinfo = UTC) -> None:
        self._user = user
        self._views = views
        self._zone = zone
        self.read_count = 0  # trades that were read so far, those that were read again included
        self._begin()

    def _begin(self) -> None:
        self._known: Recorded | None = None
        self._books = Books()
        self._tables = [ProfitTable(by, self._zone) for by in self._views]
        self._settled_ns: dict[InventoryKey, int] = {}
        self._inferred: set[str] = set()
        self._open: list[Trade] = []

    def catch_up(self, connection: Connection, now_ns: int) -> None:
        """Take into account what was recorded since the last time; raises what the database does, and then begins anew."""
        until = read_recorded(connection)
        if self._known is not None and not until.adds_to(self._known):
            self._begin()
        try:
            try:
                self._take(read_between(connection, self._user, self._known, until), now_ns)
            except _Unsettled:
                self._begin()
                self._take(read_between(connection, self._user, None, until), now_ns)
        except BaseException:
            self._begin()
            raise
        self._known = until

    def now(self) -> list[list[tuple[Group, Profit]]]:
        """Return the numbers of each view, as far as was caught up."""
        books = self._books.copy({self._books.key_of(trade) for trade in self._open})
        tables = [table.copy() for table in self._tables]
        for trade in self._open:
            realised = books.apply(trade)
            for table in tables:
                table.add(trade, realised)
        return [table.sorted() for table in tables]

    def _take(self, new: Iterator[Trade], now_ns: int) -> None:
        still_open: deque[Trade] = deque()
        is_first = self._known is None
        # Both are in order, and at one moment what was recorded before comes first.
        for trade in heapq.merge(self._open, self._noted(new, is_first=is_first), key=_time_of):
            if trade.transaction_time_ns < now_ns - SETTLED_AFTER_NS:
                self._settle(trade)
                continue
            still_open.append(trade)
            if len(still_open) > MAX_OPEN:
                self._settle(still_open.popleft())
        self._open = list(still_open)

    def _noted(self, new: Iterator[Trade], *, is_first: bool) -> Iterator[Trade]:
        settled_ns = {} if is_first else dict(self._settled_ns)
        inferred = set() if is_first else set(self._inferred)
        for trade in new:
            self.read_count += 1
            if trade.transaction_time_ns <= settled_ns.get(self._books.key_of(trade), -1):
                raise _Unsettled
            if inferred or trade.source is Source.INFERRED:
                scope = order_scope(trade.account, trade.symbol, trade.order_id)
                if scope in inferred:  # it may be what was inferred before
                    raise _Unsettled
                if trade.source is Source.INFERRED:
                    self._inferred.add(scope)
            yield trade

    def _settle(self, trade: Trade) -> None:
        realised = self._books.apply(trade)
        for table in self._tables:
            table.add(trade, realised)
        self._settled_ns[self._books.key_of(trade)] = trade.transaction_time_ns


def _time_of(trade: Trade) -> int:
    return trade.transaction_time_ns
