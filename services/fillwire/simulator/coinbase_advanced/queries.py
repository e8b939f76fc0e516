"""Operations that show orders and fills."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fillwire.simulator.coinbase_advanced import rows, views
from fillwire.simulator.coinbase_advanced.facts import facts_of
from fillwire.simulator.coinbase_advanced.operations import MAX_LIMIT, Request
from fillwire.simulator.coinbase_advanced.orders import OrderView
from fillwire.simulator.coinbase_advanced.refusals import invalid_argument, not_found
from fillwire.simulator.coinbase_advanced.rows import FillFacts
from fillwire.simulator.exchange.orders import Order

_DEFAULT_FILLS = 100
_FILTERS: Mapping[str, Callable[[OrderView], str]] = {
    "order_ids": lambda seen: seen.order_id,
    "product_ids": lambda seen: seen.product,
    "order_types": lambda seen: seen.type,
    "order_side": lambda seen: seen.side,
    "time_in_forces": lambda seen: seen.time_in_force,
}
"""What orders can be chosen by, besides status and time."""


def _find(request: Request, order_id: str) -> Order | None:
    key = request.venue.names.find_order(order_id)
    return None if key is None else request.signer.orders.get(key)


def order(request: Request) -> Any:
    """Show one order."""
    found = _find(request, request.captures["order_id"])
    if found is None:
        raise not_found("order with this orderID was not found")
    return {"order": rows.order_row(views.queried(request.venue, found))}


class _Filter:
    """Which orders a request asks for.

    Raises:
        Refusal: it asks for what the venue does not show together.
    """

    def __init__(self, request: Request) -> None:
        self._statuses = request.values("order_status")
        if "OPEN" in self._statuses and len(self._statuses) > 1:
            raise invalid_argument("OPEN must be queried alone")
        self._since_us, self._until_us = request.time_us("start_date"), request.time_us("end_date")
        self._values = {name: request.values(name) for name in _FILTERS if request.values(name)}

    def passes(self, seen: OrderView) -> bool:
        """Return whether the request asks for this order."""
        return (
            (not self._statuses or seen.status in self._statuses)
            and (self._since_us is None or seen.created_us >= self._since_us)
            and (self._until_us is None or seen.created_us < self._until_us)
            and all(_FILTERS[name](seen) in values for name, values in self._values.items())
        )


def orders(request: Request) -> Any:
    """List orders, newest first."""
    wanted = _Filter(request)
    limit, cursor = request.limit(MAX_LIMIT), request.cursor()
    known = list(request.signer.orders.values())
    shown: list[OrderView] = []
    for position in range(len(known) if cursor is None else min(cursor, len(known)), 0, -1):
        seen = views.queried(request.venue, known[position - 1])
        if not wanted.passes(seen):
            continue
        if len(shown) == limit:
            return _page(shown, str(position))
        shown.append(seen)
    return _page(shown, "")


def _page(shown: list[OrderView], cursor: str) -> dict[str, Any]:
    return {
        "orders": [rows.order_row(each) for each in shown],
        "sequence": "0",
        "has_next": bool(cursor),
        "cursor": cursor,
    }


def fills(request: Request) -> Any:
    """List fills that REST shows by now, newest first."""
    limit, cursor = request.limit(_DEFAULT_FILLS), request.cursor()
    shown: list[dict[str, Any]] = []
    for row in _fill_rows(request, cursor):
        fact = _fill_facts(request, row)
        wanted = request.values("trade_ids")
        if wanted and fact.trade_id not in wanted:
            continue
        if len(shown) == limit:
            return {"fills": shown, "cursor": str(row + 1)}
        shown.append(rows.fill_row(fact))
    return {"fills": shown, "cursor": ""}


def _fill_rows(request: Request, cursor: int | None) -> Iterator[int]:
    """Yield the rows of executions that are asked for and shown, newest first, from a cursor on."""
    account, venue = request.signer, request.venue
    log, now_us = account.executions, venue.clock.now_us()
    rows: Sequence[int] = range(len(log))
    order_ids, products = request.values("order_ids"), request.values("product_ids")
    if order_ids:
        found = (_find(request, order_id) for order_id in order_ids)
        rows = sorted(row for each in found if each is not None for row in each.rows)
    since_us = request.time_us("start_sequence_timestamp")
    until_us = request.time_us("end_sequence_timestamp")
    if since_us is not None:
        rows = log.since(rows, since_us)
    if until_us is not None:
        rows = log.visible(rows, until_us - 1)
    for row in reversed(rows):
        if (
            (cursor is None or row < cursor)
            and (not products or log.execution(row).symbol in products)
            and venue.is_shown(account, row, now_us)
        ):
            yield row


def _fill_facts(request: Request, row: int) -> FillFacts:
    account, names = request.signer, request.venue.names
    fill = account.executions.execution(row)
    traded = account.orders[fill.symbol, fill.order_id]
    return FillFacts(
        trade_id=names.trade_id(fill.symbol, fill.order_id, fill.trade_id),
        product=fill.symbol,
        order_id=names.order_id(fill.symbol, fill.order_id),
        user_id=names.user_id(account),
        portfolio_id=names.portfolio_id(account),
        is_buy=fill.is_buyer,
        is_maker=fill.is_maker,
        is_in_quote=bool(facts_of(traded).quote_size),
        price=fill.price,
        size=fill.quantity,
        rate=account.maker_rate if fill.is_maker else account.taker_rate,
        time_us=fill.time_us,
    )
