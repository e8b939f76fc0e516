"""From an order of the engine to what may be seen of it."""

from dataclasses import replace

from fillwire.simulator.coinbase_advanced.facts import facts_of
from fillwire.simulator.coinbase_advanced.orders import OrderView
from fillwire.simulator.coinbase_advanced.venue import AdvancedVenue
from fillwire.simulator.exchange.orders import STOP_TYPES, Order, OrderState, visible_state
from fillwire.simulator.exchange.tallies import Tally

TIME_IS_UP = "TIME_IS_UP"
"""Why the engine ended an order that was good till a date."""
BY_USER = "User requested cancel"
_CANCEL_REASONS = {
    ("CANCELED", ""): BY_USER,
    ("EXPIRED_IN_MATCH", ""): "Self trade prevention",
    ("EXPIRED", "INSUFFICIENT_LIQUIDITY"): "Insufficient liquidity",
    ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED"): "Immediate or cancel",
    ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED"): "Fill or kill",
    ("EXPIRED", "REJECTED"): "Insufficient funds",
}


def _status(state: OrderState) -> str:
    if state.is_open:
        return "OPEN"
    if state.status == "FILLED":
        return "FILLED"
    return "EXPIRED" if state.expiry_reason == TIME_IS_UP else "CANCELLED"


def _trigger_status(order: Order, state: OrderState) -> str:
    if order.type not in STOP_TYPES:
        return "INVALID_ORDER_TYPE"
    return "STOP_PENDING" if state.working_us < 0 else "STOP_TRIGGERED"


def view(venue: AdvancedVenue, order: Order, state: OrderState, tally: Tally) -> OrderView:
    """Return what may be seen of an order.

    Args:
        venue: which names it.
        order: of the engine.
        state: the order's, now or some time ago.
        tally: sums over its executions until then.
    """
    facts, account = facts_of(order), order.account
    wanted = facts.configuration
    return OrderView(
        order_id=venue.names.order_id(order.market.name, order.order_id),
        client_order_id=order.client_order_id,
        product=order.market.name,
        quote=order.market.rules.quote,
        portfolio_id=venue.names.portfolio_id(account),
        user_id=venue.names.user_id(account),
        is_buy=order.is_buy,
        type=wanted.type,
        time_in_force=wanted.time_in_force,
        status=_status(state),
        limit_price=order.price,
        stop_price=order.stop_price,
        base_size=0 if facts.quote_size else state.quantity,
        quote_size=facts.quote_size,
        is_post_only=wanted.is_post_only,
        filled=state.executed,
        filled_value=tally.value,
        fees=tally.fees,
        fills=tally.fills,
        held=order.locked if state.is_open else 0,
        created_us=order.created_us,
        expires_us=wanted.ends_us,
        last_fill_us=tally.last_us,
        trigger_status=_trigger_status(order, state),
        cancel_reason=_CANCEL_REASONS.get((state.status, state.expiry_reason), ""),
        configuration=wanted.document,
        edits=facts.edits,
    )


def now(venue: AdvancedVenue, order: Order) -> OrderView:
    """Return what may be seen of an order now."""
    return view(venue, order, order.state(), venue.tallies.of(order))


def queried(venue: AdvancedVenue, order: Order) -> OrderView:
    """Return what a query sees of an order, which is pending until it is old enough to be seen."""
    now_us, lag_us = venue.clock.now_us(), venue.query_lag_us
    state = visible_state(order, now_us, lag_us)
    if state is None:
        return pending(venue, order)
    if not lag_us:
        return now(venue, order)
    tally = Tally()
    tally.add(order.account, order.account.executions.visible(order.rows, now_us - lag_us))
    return view(venue, order, state, tally)


def pending(venue: AdvancedVenue, order: Order) -> OrderView:
    """Return what may be seen of an order before the engine has taken it."""
    first = OrderState(
        client_order_id=order.client_order_id,
        quantity=order.quantity,
        executed=0,
        executed_quote=0,
        prevented=0,
        status="NEW",
        updated_us=order.created_us,
        working_us=-1,
        is_working=False,
        expiry_reason="",
    )
    return replace(view(venue, order, first, Tally()), status="PENDING")
