"""Brings one order of the log in step with the venue's records: what is missing is rebuilt, checked and published."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from fillwire.domain.amounts import difference
from fillwire.domain.ledger import KnownOrder, OrderKey
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.sequencer import Arrival, Sequencer
from fillwire.runtime.logs import get_log
from fillwire.venues.records import (
    AccountRecords,
    ExecutionRow,
    ForgetfulRecords,
    OrderReport,
    OrderRow,
    RecordedReport,
)
from fillwire.wire.codec import decode_order

if TYPE_CHECKING:
    from fillwire.domain.events import OrderEvent

_log = get_log(__name__)

_CHUNK = 500
_ZERO = Decimal(0)


class Settler:
    """Settles orders.

    An order is settled when the executions that the log has add up to the quantity that the venue says was executed,
    and the log says how it ended. Executions are published only when they add up: a lagging answer publishes nothing.

    Args:
        sequencer: what is rebuilt goes through it, as what the stream brings does.
        room: awaited now and then, until there is room for more events.
        now_ns: the gateway's clock.
        on_settled: told of each order that is settled, as the records show it.
    """

    def __init__(
        self,
        sequencer: Sequencer,
        room: Callable[[], Awaitable[None]],
        now_ns: Callable[[], int],
        on_settled: Callable[[OrderRow], None],
    ) -> None:
        self._on_settled = on_settled
        self._sequencer = sequencer
        self._ledger = sequencer.ledger
        self._room = room
        self._now_ns = now_ns
        self.rebuilt_count = 0

    async def settle(  # noqa: PLR0913, PLR0917 - the order, and what is known of it
        self,
        inquiry: Inquiry,
        key: OrderKey,
        pair: str,
        since_ns: int,
        order: OrderRow | None = None,
        rows: Sequence[ExecutionRow] | None = None,
    ) -> bool:
        """Return whether the order is settled; what could be, has been published.

        Args:
            inquiry: the venue's records.
            key: which order.
            pair: our name of its symbol.
            since_ns: executions before this time are in the log, or before the time from which on the account is
                followed, unless the ledger knows better.
            order: the order as the venue has just shown it, None to ask.
            rows: its executions from `since_ns` on as the venue has just shown them, None to ask.

        Raises:
            VenueError: the venue does not answer or refuses.
        """
        if order is None:
            order = await inquiry.order(key) or await self._forgotten(inquiry, key)
        if order is None:  # not yet: what the stream tells precedes the records
            return False
        is_settled, order = await self._settle(inquiry, key, pair, since_ns, order, rows)
        if is_settled:
            known = self._ledger.get(key)
            if known is not None and known.client_order_id is not None:
                order = replace(order, client_order_id=known.client_order_id)  # the records may have another
            self._on_settled(order)
        return is_settled

    async def _forgotten(self, inquiry: Inquiry, key: OrderKey) -> OrderRow | None:
        """Return what became of an order that is open by the log, where the venue does not keep every order."""
        known, records = self._ledger.get(key), inquiry.records
        if known is None or known.last is None or not isinstance(records, ForgetfulRecords):
            return None
        last = decode_order(cast("OrderReport", known.last).json)
        return await inquiry.answer(records.forgotten(last))

    async def _settle(  # noqa: PLR0913, PLR0917 - as above
        self,
        inquiry: Inquiry,
        key: OrderKey,
        pair: str,
        since_ns: int,
        order: OrderRow,
        rows: Sequence[ExecutionRow] | None,
    ) -> tuple[bool, OrderRow]:
        """Return whether the order is settled, and the order as it was shown last."""
        known = self._ledger.get(key)
        if known is None and order.updated_ns < since_ns and not rows:
            self._adopt(order)
            return not self._sequencer.is_waiting(key), order
        new = None if rows is None else self._beyond(inquiry.records, known, rows)
        if new is None or _sum(known, new) != order.executed:
            if known is not None and known.cumulative >= order.executed and not new:
                return await self._publish(inquiry, pair, order, known, []), order
            rows = await inquiry.executions_of(key, None if known is None else known.last_trade_id)
            known = self._ledger.get(key)  # the stream goes on meanwhile
            if known is None:
                rows = self._adopt_before(key, order, rows, since_ns)
                known = self._ledger.get(key)
            new = self._beyond(inquiry.records, known, rows)
            if new is None or _sum(known, new) > order.executed:  # executions since the order was shown
                order = await inquiry.order(key) or order
                known = self._ledger.get(key)
                new = self._beyond(inquiry.records, known, rows)
            elif known is not None and known.last_trade_id and _sum(known, new) < order.executed:
                # One may be missing before the last that is known, where frames do not tell what is executed in all.
                rows = await inquiry.executions_of(key)
                known = self._ledger.get(key)
                new = self._beyond(inquiry.records, known, rows)
        if new and any(row.time_ns > order.updated_ns for row in new):
            # Shown before the last of them: one may be missing, and the others add up to the same by chance.
            order = await inquiry.order(key) or order
            known = self._ledger.get(key)
            new = self._beyond(inquiry.records, known, rows or ())
        if new is None or (new and _sum(known, new) != order.executed):
            return False, order
        if not new and _sum(known, []) < order.executed:
            return False, order
        is_ours = order.created_ns >= since_ns
        return await self._publish(inquiry, pair, order, known, new, is_ours=is_ours), order

    def _beyond(
        self, records: AccountRecords, known: KnownOrder | None, rows: Sequence[ExecutionRow]
    ) -> list[ExecutionRow] | None:
        """Return the executions that are not published; None if they cannot be told apart."""
        if known is None or not known.cumulative:
            return list(rows)
        if not known.has_forgotten:
            return [row for row in rows if not self._ledger.has(known.key, records.event_id(row))]
        if known.last_trade_id is not None and known.last_trade_id.isdigit():
            last = int(known.last_trade_id)  # the venue counts
            return [row for row in rows if not row.trade_id.isdigit() or int(row.trade_id) > last]
        total = _ZERO
        for index, row in enumerate(rows):
            if total == known.cumulative:
                return list(rows[index:])
            total = difference(total, -row.quantity)
        return [] if total == known.cumulative else None

    def _adopt(self, order: OrderRow) -> None:
        if order.ending is None:
            self._ledger.adopt(order.key, order.executed, order.client_order_id)
            self._sequencer.retry(order.key)

    def _adopt_before(
        self, key: OrderKey, order: OrderRow, rows: Sequence[ExecutionRow], since_ns: int
    ) -> list[ExecutionRow]:
        """Take the executions before `since_ns` for published, and return the others."""
        before = [row for row in rows if row.time_ns < since_ns]
        if before:
            self._ledger.adopt(key, _sum(None, before), order.client_order_id)
        return list(rows[len(before) :])

    async def _publish(  # noqa: PLR0913, PLR0917 - what was found out
        self,
        inquiry: Inquiry,
        pair: str,
        order: OrderRow,
        known: KnownOrder | None,
        rows: Sequence[ExecutionRow],
        is_ours: bool = False,
    ) -> bool:
        records = inquiry.records
        received_ns = self._now_ns()
        events: list[OrderEvent | None] = []
        if known is None and is_ours:
            events.append(records.opening(pair, order, received_ns))
        cumulative = _ZERO if known is None else known.cumulative
        events += records.fills(pair, order, rows, cumulative, received_ns)
        if known is None or known.ending is None:
            executed = _sum(known, rows)
            if executed == order.executed:
                events.append(records.ending(pair, order, received_ns))
        client_order_id = None if known is None else known.client_order_id
        for number, event in enumerate(filter(None, events), 1):
            self.rebuilt_count += 1
            if client_order_id is not None and event.client_order_id != client_order_id:
                event = replace(event, client_order_id=client_order_id)  # noqa: PLW2901 - the same event, its own id
            self._sequencer.settle(Arrival(RecordedReport.of(event), received_ns, 0))
            if number % _CHUNK == 0:
                await self._room()
        if rows:
            _log.info("executions_recovered", symbol=order.symbol, order_id=order.order_id, count=len(rows))
        if self._ledger.get(order.key) is None:
            self._adopt(order)
        self._sequencer.retry(order.key)
        return not self._sequencer.is_waiting(order.key)


def _sum(known: KnownOrder | None, rows: Sequence[ExecutionRow]) -> Decimal:
    total = _ZERO if known is None else known.cumulative
    for row in rows:
        total = difference(total, -row.quantity)
    return total
