"""Executions as account activities: late, in pages, and without an order within one millisecond."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from fillwire.simulator.alpaca.amounts import plain
from fillwire.simulator.alpaca.operations import Answer, Operation, Request
from fillwire.simulator.alpaca.refusals import unprocessable
from fillwire.simulator.alpaca.times import eastern_stamp, read_eastern_stamp, rfc3339
from fillwire.simulator.alpaca.venue import AlpacaVenue
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.orders import Order

_PAGE = 100
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_LAG_STEPS = 997


def activity_id(venue: AlpacaVenue, account: Account, row: int) -> str:
    """Return the id of an execution's activity: its millisecond in New York and a UUID that tells nothing."""
    stamp = eastern_stamp(account.executions.time_us[row] * 1_000)
    return f"{stamp}::{venue.ids.name('activity', account.user, row)}"


def _is_visible(venue: AlpacaVenue, account: Account, row: int, now_us: int) -> bool:
    """Return whether the execution is in the records yet: each is late by a time of its own."""
    lag_us = int(venue.manners.activity_lag_s * 1_000_000) * (row * 389 % _LAG_STEPS) // _LAG_STEPS
    return account.executions.time_us[row] + venue.query_lag_us + lag_us <= now_us


def _totals(order: Order) -> dict[int, int]:
    """Return what the order had executed after each of its executions, by their rows."""
    executions = order.account.executions
    total, totals = 0, {}
    for row in order.rows:
        total += executions.execution(row).quantity
        totals[row] = total
    return totals


class _Rows:
    """Rows as the answer shows them; what is computed per order is computed once."""

    def __init__(self, venue: AlpacaVenue, account: Account) -> None:
        self._venue = venue
        self._account = account
        self._totals: dict[Order, dict[int, int]] = {}

    def row(self, number: int) -> dict[str, Any]:
        """Return one execution."""
        account = self._account
        execution = account.executions.execution(number)
        order = account.orders[execution.symbol, execution.order_id]
        if order not in self._totals:
            self._totals[order] = _totals(order)
        total = self._totals[order][number]
        leaves = max(0, order.quantity - total)
        document = {
            "id": activity_id(self._venue, account, number),
            "activity_type": "FILL",
            "transaction_time": rfc3339(execution.time_us * 1_000),
            "type": "partial_fill" if leaves else "fill",
            "price": plain(execution.price),
            "qty": plain(execution.quantity),
            "side": "buy" if execution.is_buyer else "sell",
            "symbol": execution.symbol,
            "leaves_qty": plain(leaves),
            "order_id": self._venue.ids.order_id(execution.symbol, execution.order_id),
            "cum_qty": plain(total),
            "order_status": "partially_filled" if leaves else "filled",
        }
        return document | ({"swap_rate": "1"} if "/" in execution.symbol else {})


def _reached_us(token: str | None) -> list[int]:
    """Return the milliseconds of which a page's last row may be, in microseconds; none without a token."""
    if not token:
        return []
    try:
        times = read_eastern_stamp(token.partition("::")[0])
    except ValueError:
        times = []
    if not times:
        raise unprocessable(f"invalid page_token: {token}")
    return [time_ns // 1_000 for time_ns in times]


def _candidates(request: Request) -> list[int]:
    """Return the rows that the filters let through, oldest first."""
    account = request.account
    log = account.executions
    query = request.query
    rows: Sequence[int] = range(len(log))
    order_id = query.get("order_id")
    if order_id:
        order = request.venue.find_order(account, order_id)
        rows = [] if order is None else order.rows
    after, until = request.time_ns("after"), request.time_ns("until")
    reached = _reached_us(query.get("page_token"))
    day = query.get("date")
    if day and (_DATE.fullmatch(day) is None or after is not None or until is not None):
        raise unprocessable("date must be YYYY-MM-DD, and cannot be combined with after and until")
    if after is not None:
        rows = list(log.since(rows, after // 1_000))
    if reached and request.query.get("direction") == "asc":
        rows = list(log.since(rows, min(reached)))
    elif reached:
        rows = list(log.visible(rows, max(reached) + 999))
    now_us = request.venue.clock.now_us()
    return [
        row
        for row in rows
        if (after is None or log.time_us[row] * 1_000 > after)
        and (until is None or log.time_us[row] * 1_000 < until)
        and (not day or eastern_stamp(log.time_us[row] * 1_000).startswith(day.replace("-", "")))
        and _is_visible(request.venue, account, row, now_us)
    ]


def _in_order(venue: AlpacaVenue, account: Account, rows: list[int], *, is_ascending: bool) -> Iterator[int]:
    """Yield rows by their ids: by millisecond, and within one by chance."""
    times = account.executions.time_us
    for _moment, group in groupby(rows if is_ascending else reversed(rows), lambda row: times[row] // 1_000):
        yield from sorted(group, key=lambda row: activity_id(venue, account, row), reverse=not is_ascending)


def _fills(request: Request) -> Answer:
    venue, account = request.venue, request.account
    is_ascending = request.choice("direction", ("desc", "asc")) == "asc"
    size = request.number("page_size", _PAGE, _PAGE)
    token = request.query.get("page_token", "")
    shown = _Rows(venue, account)
    rows: list[dict[str, Any]] = []
    for row in _in_order(venue, account, _candidates(request), is_ascending=is_ascending):
        name = activity_id(venue, account, row) if token else ""
        if token and venue.manners.skips_rows and name.startswith(token.partition("::")[0]):
            continue
        if token and (name <= token if is_ascending else name >= token):
            continue
        rows.append(shown.row(row))
        if len(rows) == size:
            break
    return Answer(result=rows)


def activities_of_type(request: Request) -> Answer:
    """List the activities of one type; there are executions, and nothing else."""
    if request.path["activity_type"] == "FILL":
        return _fills(request)
    return Answer(result=[])


def activities(request: Request) -> Answer:
    """List the activities of some types, or of all."""
    types = request.query.get("activity_types", "FILL").split(",")
    return _fills(request) if "FILL" in types else Answer(result=[])


OPERATIONS = (
    Operation("activities", "GET", "/v2/account/activities", activities),
    Operation("activities.type", "GET", "/v2/account/activities/{activity_type}", activities_of_type),
)
