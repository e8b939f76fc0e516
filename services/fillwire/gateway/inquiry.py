"""Asks a venue's own records of an account: signed, paged to the end, within the venue's limits."""

import time
from collections.abc import Awaitable, Callable, Iterable

from fillwire.domain.ledger import OrderKey
from fillwire.gateway.rationing import RationedRest
from fillwire.venues.records import AccountRecords, ExecutionRow, OrderRow
from fillwire.venues.rest import HttpRequest, HttpResponse

_MS = 1_000_000


class Inquiry:
    """The questions to one account's records. Each raises `VenueError` if the venue does not answer or refuses.

    Args:
        records: what can be asked.
        rest: sends it, within the venue's limits.
        clock_offset_ns: returns venue clock minus ours.
        measure_clock: measures it anew.
        share: how much of the budget of all accounts these questions may use up; see `WeightBudget.spend`.
    """

    def __init__(
        self,
        records: AccountRecords,
        rest: RationedRest,
        clock_offset_ns: Callable[[], int],
        measure_clock: Callable[[], Awaitable[None]],
        share: float = 1.0,
    ) -> None:
        self.records = records
        self._rest = rest
        self._share = share
        self._clock_offset_ns = clock_offset_ns
        self._measure_clock = measure_clock

    @property
    def clock_offset_ns(self) -> int:
        """The venue's clock minus ours, in nanoseconds."""
        return self._clock_offset_ns()

    def now_ns(self) -> int:
        """Return now by the venue's clock."""
        return time.time_ns() + self._clock_offset_ns()

    async def _ask(self, make: Callable[[int], HttpRequest]) -> HttpResponse:
        """Send what `make` returns for the time of sending, which is signed; once more if the venue refuses that time."""
        response = await self._rest.ask(lambda: make(self.now_ns()), self._share)
        if self.records.is_time_refused(response):
            await self._measure_clock()
            response = await self._rest.ask(lambda: make(self.now_ns()), self._share)
        return response

    async def open_orders(self, symbol: str | None = None) -> list[OrderRow]:
        """Return the open orders, of one symbol or of all."""
        records = self.records
        return records.read_orders(await self._ask(lambda now_ns: records.open_orders(now_ns, symbol)))

    async def order(self, key: OrderKey) -> OrderRow | None:
        """Return one order, None if the venue does not know it, or not yet."""
        records = self.records
        return records.read_order(await self._ask(lambda now_ns: records.order(now_ns, key)))

    async def changed_orders(self, symbol: str, since_ns: int) -> list[OrderRow]:
        """Return the orders of a symbol that changed since then, as they are now."""
        found: dict[OrderKey, OrderRow] = {}
        windows = self._windows(since_ns)
        while windows:
            start_ns, end_ns = windows.pop(0)
            rows = await self._changed(symbol, start_ns, end_ns)
            if len(rows) >= self.records.page_size and end_ns - start_ns > _MS:
                # Nobody knows which rows are missing from a full page: ask for each half.
                middle_ns = (start_ns + end_ns) // 2
                windows[:0] = [(start_ns, middle_ns), (middle_ns, end_ns)]
                continue
            for row in rows:
                known = found.get(row.key)
                if known is None or row.updated_ns >= known.updated_ns:
                    found[row.key] = row
        return list(found.values())

    async def _changed(self, symbol: str, start_ns: int, end_ns: int) -> list[OrderRow]:
        records = self.records
        return records.read_orders(
            await self._ask(lambda now_ns: records.changed_orders(now_ns, symbol, start_ns, end_ns))
        )

    async def executions_since(
        self, symbol: str, since_ns: int, known_trade_id: str | None
    ) -> list[ExecutionRow]:
        """Return the executions of a symbol since then, in the venue's order.

        Args:
            symbol: the venue's spelling.
            since_ns: by the venue's clock.
            known_trade_id: an execution at or before `since_ns`, from which the venue can count on without regard to
                windows; None if none is known: then windows are asked one by one until one is not empty.
        """
        rows: list[ExecutionRow] = []
        first = known_trade_id
        if first is None:
            for start_ns, end_ns in self._windows(since_ns):
                rows = await self._executions(symbol, start_ns, end_ns)
                if rows:
                    first = rows[-1].trade_id
                    break
        if first is not None and (known_trade_id is not None or not self._is_over(rows, since_ns)):
            rows += await self._following(symbol, first, None)
        return self._sorted(row for row in rows if row.time_ns >= since_ns)

    def _is_over(self, rows: list[ExecutionRow], since_ns: int) -> bool:
        """Whether the first window was the last and held all."""
        return len(rows) < self.records.page_size and self.now_ns() - since_ns < self.records.window_ns

    async def _executions(self, symbol: str, start_ns: int, end_ns: int) -> list[ExecutionRow]:
        records = self.records
        return records.read_executions(
            await self._ask(lambda now_ns: records.executions(now_ns, symbol, start_ns, end_ns))
        )

    async def executions_of(self, key: OrderKey, after_trade_id: str | None = None) -> list[ExecutionRow]:
        """Return the executions of an order in the venue's order: all, or those after a known one."""
        if after_trade_id is None:
            records = self.records
            rows = records.read_executions(await self._ask(lambda now_ns: records.executions_of(now_ns, key)))
            if len(rows) >= records.page_size:
                rows += await self._following(key[0], rows[-1].trade_id, key[1])
            return self._sorted(rows)
        rows = await self._following(key[0], after_trade_id, key[1])
        return [row for row in self._sorted(rows) if row.trade_id != after_trade_id]

    async def _following(self, symbol: str, trade_id: str, order_id: str | None) -> list[ExecutionRow]:
        """Return the executions from a trade id on, page by page.

        The last trade id of a page is asked for again: the two sides of a self-trade share one.
        """
        records = self.records
        found: list[ExecutionRow] = []
        first = trade_id
        while True:
            page = await self._page(symbol, first, order_id)
            found += page
            if len(page) < records.page_size:
                return found
            last = page[-1].trade_id
            first = records.next_trade_id(last) if last == first else last

    async def _page(self, symbol: str, first: str, order_id: str | None) -> list[ExecutionRow]:
        records = self.records
        return records.read_executions(
            await self._ask(lambda now_ns: records.executions_from(now_ns, symbol, first, order_id))
        )

    def _sorted(self, rows: Iterable[ExecutionRow]) -> list[ExecutionRow]:
        unique = {(row.order_id, row.trade_id): row for row in rows}
        return sorted(unique.values(), key=self.records.trade_order)

    def _windows(self, since_ns: int) -> list[tuple[int, int]]:
        """Return the windows from then until a moment from now: what the venue does meanwhile is in the last one."""
        end_ns = self.now_ns() + 1_000 * _MS
        starts = range(since_ns, end_ns, self.records.window_ns)
        return [(start_ns, min(start_ns + self.records.window_ns, end_ns)) for start_ns in starts]
