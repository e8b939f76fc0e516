"""The account stream: what an event of the engine becomes in `trade_updates`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fillwire.simulator.alpaca.amounts import plain
from fillwire.simulator.alpaca.orders import facts_of, is_crypto, nanoseconds, order_document, status_of
from fillwire.simulator.alpaca.times import eastern, rfc3339
from fillwire.simulator.alpaca.ulids import ulid
from fillwire.simulator.alpaca.venue import AlpacaVenue
from fillwire.simulator.exchange.orders import STOP_TYPES, Order
from fillwire.simulator.exchange.recurring_fills import RecurringFill
from fillwire.simulator.exchange.reports import ExecutionReport

Report = ExecutionReport | RecurringFill
FILLS = frozenset({"fill", "partial_fill"})
_MICROSECOND_NS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One message of the stream, without what it gets when it is sent.

    Attributes:
        event: the venue's name of what happened.
        timestamp: when it happened.
        order: the order as it was then.
        more: further members, after the order.
    """

    event: str
    timestamp: str
    order: dict[str, Any]
    more: dict[str, Any]

    def data(self, venue: AlpacaVenue, now_ns: int) -> dict[str, Any]:
        """Return the member `data` of the message, sent at `now_ns`: each sending has an id and a time of its own."""
        sent = {}
        if not venue.manners.is_old_format:
            at_ns = now_ns - now_ns % _MICROSECOND_NS
            sent = {"at": rfc3339(at_ns), "event_id": ulid(at_ns, venue.random)}
        return {**sent, "event": self.event, "timestamp": self.timestamp, "order": self.order, **self.more}


def updates(venue: AlpacaVenue, report: Report) -> list[Update]:
    """Return the messages that tell a step in the life of an order, none for steps that the venue keeps to itself."""
    order = report.order
    step = report.execution_type
    if step == "NEW":
        return _new(venue, report)
    if step == "HELD":
        return [_update(venue, report, "held", status="held")]
    if step == "ACCEPTED":
        return [_update(venue, report, "accepted", status="accepted")]
    if step == "TRADE":
        return [_fill(venue, report)]
    event = status_of(order, report.status, report.reason)
    return [_update(venue, report, event, **_execution(venue, order, event))]


def _new(venue: AlpacaVenue, report: Report) -> list[Update]:
    """Return what is told of an order that begins to work, or waits for its stop price."""
    order = report.order
    facts = facts_of(order)
    new = _update(venue, report, "new", **_execution(venue, order, "new"))
    if facts.parent is None:
        if order.type in STOP_TYPES and report.is_on_book:
            return []  # its stop price has been reached
        return [_update(venue, report, "pending_new", status="pending_new"), new]
    if report.is_on_book:
        return [new]
    # Other legs that wait for a stop price have been held since they were placed.
    return [_update(venue, report, "held", status="held")] if facts.order_class == "oco" else []


def _update(venue: AlpacaVenue, report: Report, event: str, status: str | None = None, **more: Any) -> Update:
    order = report.order
    return Update(
        event=event,
        timestamp=rfc3339(nanoseconds(order, report.time_us)),
        order=order_document(
            venue.ids,
            order,
            status=status or status_of(order, report.status, report.reason),
            executed=report.cumulative,
            executed_quote=report.cumulative_quote,
            updated_us=report.time_us,
            shows_offsets=venue.manners.shows_offsets,
        ),
        more=more,
    )


def _execution(venue: AlpacaVenue, order: Order, step: str) -> dict[str, Any]:
    """Return the id that a step has though nothing was traded in it."""
    return {"execution_id": venue.ids.name(step, order.market.name, order.order_id)}


def _fill(venue: AlpacaVenue, report: Report) -> Update:
    order = report.order
    return _update(
        venue,
        report,
        "fill" if report.status == "FILLED" else "partial_fill",
        price=plain(report.last_price),
        qty=plain(report.last_quantity),
        position_qty=plain(report.position),
        execution_id=venue.ids.trade_id(order.market.name, order.order_id, report.trade_id),
        **_settlement(order, report.time_us),
    )


def _settlement(order: Order, time_us: int) -> dict[str, Any]:
    """Return when the fill is settled: crypto on its day, equities on the next working day."""
    day = eastern(time_us * _MICROSECOND_NS).date()
    if is_crypto(order):
        return {"swap_rate": "1", "settle_date": day.isoformat()}
    day += timedelta(days=1)
    while day.isoweekday() > 5:  # noqa: PLR2004 - Saturday and Sunday
        day += timedelta(days=1)
    return {"settle_date": day.isoformat()}


def bust(venue: AlpacaVenue, order: Order, row: int) -> Update:
    """Take an execution back, as the venue does with erroneous trades, and return the message that tells it."""
    account = order.account
    execution = account.executions.execution(row)
    facts_of(order).busted += execution.quantity
    balances = account.balances
    base, quote = order.market.assets
    sign = -1 if execution.is_buyer else 1
    balances[base].free += sign * execution.quantity
    balances[quote].free -= sign * execution.quote
    name, number = order.market.name, order.order_id
    now_us = venue.clock.now_us()
    position = balances[base]
    state = order.state()
    return Update(
        event="trade_bust",
        timestamp=rfc3339(nanoseconds(order, now_us)),
        order=order_document(
            venue.ids,
            order,
            status=status_of(order, state.status, state.expiry_reason),
            executed=state.executed,
            executed_quote=state.executed_quote,
            updated_us=now_us,
        ),
        more={
            "price": plain(execution.price),
            "qty": plain(-execution.quantity),
            "position_qty": plain(position.free + position.locked),
            "execution_id": venue.ids.name("bust", name, number, execution.trade_id),
            "previous_execution_id": venue.ids.trade_id(name, number, execution.trade_id),
        },
    )
