"""What the page is told of events and connections: times in milliseconds and durations in microseconds, which a browser's numbers hold.

Amounts stay decimal strings. Nothing is left out that the viewer may not see: what they may not see never comes here.
"""

from typing import Any, Final

from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.runtime.emission import emitted_ns
from fillwire.wire.decimals import decimal_text
from fillwire.wire.headers import Stamps

_MS: Final = 1_000_000
_US: Final = 1_000

Facts = dict[str, Any]


def milliseconds(time_ns: int | None) -> int | None:
    """Return a time as the page wants it; None stays None."""
    return None if time_ns is None else time_ns // _MS


def order_facts(event: OrderEvent, stamps: Stamps | None, seen_ns: int) -> Facts:
    """Return an order event for the page.

    Args:
        event: the event.
        stamps: times inside the gateway; None if the message brings none.
        seen_ns: when the console had it, or the broker stored it.
    """
    fill = event.last_fill
    return {
        "id": event.event_id,
        "time_ms": milliseconds(event.received_time_ns),
        "user": event.user,
        "exchange": event.exchange,
        "environment": event.environment,
        "pair": event.pair,
        "kind": event.kind,
        "side": event.side,
        "type": event.type,
        "order_id": event.order_id,
        "client_order_id": event.client_order_id,
        "price": None if event.price is None else decimal_text(event.price),
        "quantity": None if event.quantity is None else decimal_text(event.quantity),
        "cumulative_quantity": decimal_text(event.cumulative_quantity),
        "reason": event.reject_reason,
        "source": event.source,
        "fill": None
        if fill is None
        else {
            "trade_id": fill.trade_id,
            "price": decimal_text(fill.price),
            "quantity": decimal_text(fill.quantity),
            "fee": None if fill.fee is None else decimal_text(fill.fee),
            "fee_currency": fill.fee_currency,
            "liquidity": fill.liquidity,
        },
        "stages_us": None if fill is None else _stages_us(event, stamps, seen_ns),
    }


def _stages_us(event: OrderEvent, stamps: Stamps | None, seen_ns: int) -> dict[str, float] | None:
    """Return how long each step of a fill's way took; None where the message brings no stamps.

    Two clocks can differ by more than a step takes: nothing is shown as shorter than nothing.
    """
    if stamps is None:
        return None
    steps = {
        "parse": stamps.parsed_ns - event.received_time_ns,
        "publish": stamps.published_ns - stamps.parsed_ns,
        "broker": seen_ns - stamps.published_ns,
    }
    if event.exchange_time_ns is not None:
        began_ns = emitted_ns(event.exchange_time_ns, stamps.clock_offset_ns, event.received_time_ns)
        steps = {"exchange": event.received_time_ns - began_ns, **steps}
    return {name: max(0, taken_ns) / _US for name, taken_ns in steps.items()}


def connection_facts(event: ConnectionEvent) -> Facts:
    """Return the state of a connection for the page."""
    return {
        "state": event.state,
        "reason": event.reason,
        "attempt": event.attempt,
        "pairs": event.subscription_count,
        "since_ms": milliseconds(event.connected_since_ns),
        "last_event_ms": milliseconds(event.last_event_time_ns),
        "clock_offset_us": None if event.clock_offset_ns is None else event.clock_offset_ns / _US,
        "gateway": event.gateway,
        "reconciled_ms": milliseconds(event.reconciled_ns),
        "missing_since_ms": milliseconds(event.missing_since_ns),
        "breaker": event.breaker,
        "polling_since_ms": milliseconds(event.polling_since_ns),
        "waiting": event.waiting_count,
        "on_disk": event.journal_count,
        "key_trouble": event.key_trouble,
        "is_standing_in": event.is_connected and event.lease is None,
        "is_receiving": event.is_connected,
    }
