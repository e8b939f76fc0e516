"""An order as answers and updates show it, and what the venue alone knows of one."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fillwire.simulator.alpaca.amounts import average, plain
from fillwire.simulator.alpaca.times import NEW_YORK_SUMMER, SECOND_NS, rfc3339
from fillwire.simulator.exchange.ids import UuidIds
from fillwire.simulator.exchange.orders import STOP_TYPES, Order

TERMINAL = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})
_TYPES = {"LIMIT": "limit", "MARKET": "market", "STOP_LOSS": "stop", "STOP_LOSS_LIMIT": "stop_limit"}
_STATUSES = {
    "NEW": "new",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED_IN_MATCH": "canceled",
}
_AGED_DAYS = 90
_CLOSE_HOUR_UTC = 21
SESSION_END = "SESSION_END"
"""Why an order expired that was good for the day."""


@dataclass(slots=True, kw_only=True)
class Facts:
    """What the venue alone knows of an order.

    Attributes:
        time_in_force: as the client named it.
        notional: amount that was ordered instead of a quantity, in units; 0 for none.
        waits: whether the order is accepted and not yet routed, because its market is closed.
        cancel_asked_us: when a client asked to cancel it, None if nobody did.
        order_class: simple where it is empty, else bracket, oco or oto.
        legs: the orders that depend on this one.
        parent: the order on which this one depends.
        replaces: id of the order whose place it takes.
        replaced_by: id of the order that took its place.
        busted: quantity of executions that were taken back, in units.
    """

    time_in_force: str = "gtc"
    notional: int = 0
    extended_hours: bool = False
    waits: bool = False
    cancel_asked_us: int | None = None
    order_class: str = ""
    legs: list[Order] = field(default_factory=list)
    parent: Order | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    busted: int = 0


def facts_of(order: Order) -> Facts:
    """Return the facts of an order, those of a plain one if it was not placed by a client."""
    facts = order.facts
    if not isinstance(facts, Facts):
        facts = order.facts = Facts()
    return facts


def group_of(order: Order) -> list[Order]:
    """Return the order with all that depend on it, or on which it depends."""
    parent = facts_of(order).parent or order
    return [parent, *facts_of(parent).legs]


def is_crypto(order: Order) -> bool:
    """Return whether the order is about a crypto pair."""
    return "/" in order.market.name


def nanoseconds(order: Order, time_us: int) -> int:
    """Return a time of the order's life in nanoseconds, with digits of its own below the microsecond."""
    return time_us * 1_000 + (order.order_id * 7_919 + 1) % 1_000


def status_of(order: Order, status: str, expiry_reason: str) -> str:
    """Return the venue's word for a state of the engine."""
    if status == "EXPIRED":
        return {SESSION_END: "expired", "REJECTED": "rejected"}.get(expiry_reason, "canceled")
    facts = facts_of(order)
    if status == "CANCELED" and facts.replaced_by is not None:
        return "replaced"
    if status == "NEW" and facts.waits:
        return "accepted"
    if status == "NEW" and facts.parent is not None and order.working_us < 0:
        return "held"
    return _STATUSES[status]


def _expires_ns(order: Order, facts: Facts) -> int:
    moment = order.created_us // 1_000_000
    close = moment - moment % 86_400 + _CLOSE_HOUR_UTC * 3_600
    if facts.time_in_force == "gtc":
        close += _AGED_DAYS * 86_400
    elif close < moment:
        close += 86_400
    return close * SECOND_NS


def order_document(  # noqa: PLR0913 - the changing part of an order
    ids: UuidIds,
    order: Order,
    *,
    status: str,
    executed: int,
    executed_quote: int,
    updated_us: int,
    shows_offsets: bool = False,
) -> dict[str, Any]:
    """Return an order in a state. `shows_offsets` writes times as some older servers did, in New York's."""
    facts = facts_of(order)
    rules = order.market.rules
    created_ns, updated_ns = nanoseconds(order, order.created_us), nanoseconds(order, updated_us)
    offset = NEW_YORK_SUMMER if shows_offsets else timedelta()
    ended = rfc3339(updated_ns)
    kind = _TYPES[order.type]
    return {
        "id": ids.order_id(order.market.name, order.order_id),
        "client_order_id": order.client_order_id,
        "created_at": rfc3339(created_ns, offset),
        "updated_at": rfc3339(updated_ns, offset),
        "submitted_at": rfc3339(created_ns, offset),
        "filled_at": ended if status == "filled" else None,
        "expired_at": ended if status == "expired" else None,
        "cancel_requested_at": None
        if facts.cancel_asked_us is None
        else rfc3339(nanoseconds(order, facts.cancel_asked_us)),
        "canceled_at": ended if status == "canceled" else None,
        "failed_at": ended if status == "rejected" else None,
        "replaced_at": ended if status == "replaced" else None,
        "replaced_by": facts.replaced_by,
        "replaces": facts.replaces,
        "asset_id": ids.name("asset", rules.name),
        "symbol": rules.name,
        "asset_class": "crypto" if is_crypto(order) else "us_equity",
        "notional": plain(facts.notional) if facts.notional else None,
        "qty": None if facts.notional else plain(order.quantity),
        "filled_qty": plain(executed - facts.busted),
        "filled_avg_price": average(executed_quote, executed),
        "order_class": facts.order_class,
        "order_type": kind,
        "type": kind,
        "side": "buy" if order.is_buy else "sell",
        "position_intent": "buy_to_open" if order.is_buy else "sell_to_close",
        "time_in_force": facts.time_in_force,
        "limit_price": plain(order.price) if order.price else None,
        "stop_price": plain(order.stop_price) if order.type in STOP_TYPES else None,
        "status": status,
        "extended_hours": facts.extended_hours,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "expires_at": rfc3339(_expires_ns(order, facts)),
    }
