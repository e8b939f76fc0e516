"""Answers what bots ask about orders: from the venue's own records, within its limits, and never by a guess.

The records may lag behind what was just placed. So an order that they do not show is asked for again, and what a gateway
sent a moment ago counts as unknown and not as missing. What the log knows of the end of an order goes before records that
still show it open.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from fillwire.domain.client_order_ids import label_of
from fillwire.domain.enums import Kind
from fillwire.domain.errors import ConfigError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import KnownOrder
from fillwire.domain.orders import OpenOrders, OpenOrdersQuery, OrderQuery, Outcome, TradeOrder
from fillwire.domain.rules import RulesAnswer, RulesQuery
from fillwire.gateway.batching import Batches
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.placements import Earlier, Placements
from fillwire.venues.records import ForgetfulRecords, OrderRow
from fillwire.venues.symbols import SymbolTable
from fillwire.wire.commands import encode_command

T = TypeVar("T")

# An order that the records do not show is asked for so often, as far apart.
LOOKUPS = 3
LAG_RETRY_S = 0.25
# Questions that may wait for the venue at once: the rest of what an account is asked is left to orders.
MAX_WAITING = 128
# A larger answer does not fit a message.
MAX_ANSWER_BYTES = 900_000

_LOOK_S = 0.02
_LATE = "the venue did not answer in time"
_UNDER_WAY = "it was asked for a moment ago, and may still be carried out"
_NOT_SHOWN = "the venue does not show it, though its events do"
_NO_SUCH_ORDER = "the venue knows no such order"
_FORGETS = (
    f"{_NO_SUCH_ORDER}; it forgets those that were cancelled without an execution, see the order events"
)

Ask = Callable[[], Coroutine[Any, Any, tuple[Inquiry, SymbolTable]]]
"""Returns what can be asked of the account's records now; raises `VenueError` or `ConfigError`."""
Known = Callable[[str, str | None, str | None], KnownOrder | None]
"""Returns what the log says of an order of a symbol, named by the venue's id or by the client's."""


class Queries:
    """Asks the records of one account for its bots; each question is answered within `timeout_s`.

    Args:
        account: whose records.
        ask: see `Ask`.
        known: see `Known`.
        placements: says whether an order may be on its way.
        timeout_s: longest time until an answer, in seconds.
    """

    def __init__(
        self, account: Account, ask: Ask, known: Known, placements: Placements, timeout_s: float
    ) -> None:
        self._account = account
        self._ask = ask
        self._known = known
        self._placements = placements
        self._timeout_s = timeout_s
        self._waiting = 0
        self._batches: Batches[str | None, list[OrderRow]] = Batches(self._list)

    async def stop(self) -> None:
        """Ask no more."""
        await self._batches.stop()

    async def _bounded(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        if self._waiting >= MAX_WAITING:
            work.close()
            raise VenueError(self._account.exchange, f"not asked: {MAX_WAITING} questions wait for the venue")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout_s if timeout_s is None else timeout_s):
                return await work
        except TimeoutError:
            raise VenueError(self._account.exchange, _LATE) from None
        finally:
            self._waiting -= 1

    # -- one order

    async def order(self, query: OrderQuery, timeout_s: float | None = None) -> TradeOrder:
        """Return an order as the records show it: `rejected` if the venue knows none such, `unknown` if nobody says.

        Args:
            query: which order.
            timeout_s: None for the usual one.
        """
        try:
            return await self._bounded(self._order(query), timeout_s)
        except (VenueError, ConfigError) as error:
            return _nothing_of(query, Outcome.UNKNOWN, _reason(error))

    async def _order(self, query: OrderQuery) -> TradeOrder:
        inquiry, symbols = await self._ask()
        symbol = symbols.symbols.get(query.pair)
        if symbol is None:
            return _nothing_of(query, Outcome.REJECTED, not_listed(query.pair))
        if query.order_id is None and query.client_order_id is None:
            return _nothing_of(query, Outcome.REJECTED, "expected order_id or client_order_id, found neither")
        for lookup in range(LOOKUPS):
            if lookup:
                await asyncio.sleep(LAG_RETRY_S)
            row = await _look(inquiry, symbol, query)
            if row is not None:
                known = self._known(row.symbol, row.order_id, None)
                return _shown(symbols.pairs.get(row.symbol, query.pair), _newest(row, known), query)
        known = self._known(symbol, query.order_id, query.client_order_id)
        if known is not None:
            return _remembered(query, known)
        own_id = query.client_order_id
        if own_id is not None and await self._placements.earlier(self._account, own_id) is Earlier.UNDER_WAY:
            return _nothing_of(query, Outcome.UNKNOWN, _UNDER_WAY)
        forgets = isinstance(inquiry.records, ForgetfulRecords)
        return _nothing_of(query, Outcome.REJECTED, _FORGETS if forgets else _NO_SUCH_ORDER)

    async def forgets(self) -> bool:
        """Return whether the venue forgets orders that were cancelled without an execution."""
        try:
            inquiry, _ = await self._ask()
        except (VenueError, ConfigError):
            return False
        return isinstance(inquiry.records, ForgetfulRecords)

    async def ended(self, query: OrderQuery, timeout_s: float) -> TradeOrder | None:
        """Return how an order has ended by the log; None if it knows no such order, or of no end by then."""
        try:
            _, symbols = await self._ask()
            symbol = symbols.symbols.get(query.pair, "")
            async with asyncio.timeout(timeout_s):
                while True:
                    known = self._known(symbol, query.order_id, query.client_order_id)
                    if known is None or known.ending is not None:
                        return None if known is None else _remembered(query, known)
                    await asyncio.sleep(_LOOK_S)
        except (TimeoutError, VenueError, ConfigError):
            return None

    # -- open orders

    async def open_orders(self, query: OpenOrdersQuery) -> OpenOrders:
        """Return the open orders that are asked for, or why they are not known."""
        try:
            answer = await self._bounded(self._open_orders(query))
        except (VenueError, ConfigError) as error:
            return OpenOrders(orders=None, reason=_reason(error))
        size = len(encode_command(answer))
        if size > MAX_ANSWER_BYTES:
            count = len(answer.orders or ())
            reason = (
                f"{count} open orders are {size} bytes, expected no more than {MAX_ANSWER_BYTES}: ask by pair"
            )
            return OpenOrders(orders=None, reason=reason)
        return answer

    async def _open_orders(self, query: OpenOrdersQuery) -> OpenOrders:
        inquiry, symbols = await self._ask()
        symbol = None if query.pair is None else symbols.symbols.get(query.pair)
        if query.pair is not None and symbol is None:
            return OpenOrders(orders=None, reason=not_listed(query.pair))
        rows = await self._batches.get(symbol if inquiry.records.asks_by_symbol else None)
        found: list[TradeOrder] = []
        for row in sorted(rows, key=lambda row: row.created_ns):
            known = self._known(row.symbol, row.order_id, None)
            newest = _newest(row, known)
            if (
                newest.ending is not None
                or (symbol is not None and row.symbol != symbol)
                or not _has_label(newest.client_order_id, query.label)
            ):
                continue
            pair = symbols.pairs.get(row.symbol)
            if pair is None:
                raise VenueError(
                    self._account.exchange, f"symbol {row.symbol} of an open order is not known yet"
                )
            found.append(_shown(pair, newest))
        return OpenOrders(orders=tuple(found))

    async def _list(self, symbol: str | None) -> list[OrderRow]:
        inquiry, _ = await self._ask()
        rows = await inquiry.open_orders(symbol)
        unread = inquiry.take_unread()
        if unread:
            names = ", ".join(f"{order_id} of {symbol}" for symbol, order_id in unread)
            raise VenueError(self._account.exchange, f"open orders cannot be read: {names}")
        return rows

    # -- rules

    async def rules(self, query: RulesQuery) -> RulesAnswer:
        """Return what the orders of a pair are checked against, or why that is not known."""
        try:
            _, symbols = await self._bounded(self._ask())
        except (VenueError, ConfigError) as error:
            return RulesAnswer(rules=None, reason=_reason(error))
        rules = symbols.rules_of(query.pair)
        return RulesAnswer(rules=rules, reason=not_listed(query.pair) if rules is None else None)


def not_listed(pair: str) -> str:
    """Return the sentence for a pair that the venue does not have."""
    return f"pair {pair} is not listed: expected BASE-QUOTE such as BTC-USDT"


async def _look(inquiry: Inquiry, symbol: str, query: OrderQuery) -> OrderRow | None:
    if query.order_id is not None:
        return await inquiry.order((symbol, query.order_id))
    return await inquiry.order_named(symbol, query.client_order_id or "")


def _has_label(client_order_id: str | None, label: str | None) -> bool:
    return label is None or (client_order_id is not None and label_of(client_order_id) == label)


def _newest(row: OrderRow, known: KnownOrder | None) -> OrderRow:
    """Return the row, or what the log knows of the order if that is further in its life."""
    if known is None:
        return row
    is_behind = known.cumulative > row.executed
    return replace(
        row,
        client_order_id=row.client_order_id or known.client_order_id,
        executed=known.cumulative if is_behind else row.executed,
        executed_quote=None if is_behind else row.executed_quote,
        ending=row.ending or known.ending,
    )


def _shown(pair: str, row: OrderRow, query: OrderQuery | None = None) -> TradeOrder:
    own_id = row.client_order_id or (None if query is None else query.client_order_id)
    return TradeOrder(
        outcome=Outcome.ACCEPTED,
        pair=pair,
        client_order_id=own_id,
        order_id=row.order_id,
        venue_status=row.status,
        cumulative_quantity=row.executed,
        reason=row.reject_reason,
        kind=row.ending or (Kind.PARTIALLY_FILLED if row.executed else Kind.NEW),
        side=row.side,
        type=row.type,
        quantity=row.quantity,
        price=row.price,
        time_in_force=row.time_in_force,
        cumulative_quote=row.executed_quote,
    )


def _remembered(query: OrderQuery, known: KnownOrder) -> TradeOrder:
    """Return what the log knows of an order that the venue does not show: its end, if that was told."""
    if known.ending is None:
        return _nothing_of(query, Outcome.UNKNOWN, _NOT_SHOWN)
    return TradeOrder(
        outcome=Outcome.ACCEPTED,
        pair=query.pair,
        client_order_id=known.client_order_id or query.client_order_id,
        order_id=known.key[1],
        cumulative_quantity=known.cumulative,
        kind=known.ending,
    )


def _nothing_of(query: OrderQuery, outcome: Outcome, reason: str) -> TradeOrder:
    return TradeOrder(
        outcome=outcome,
        pair=query.pair,
        client_order_id=query.client_order_id,
        order_id=query.order_id,
        reason=reason,
    )


def _reason(error: VenueError | ConfigError) -> str:
    return error.reason if isinstance(error, VenueError) else str(error)
