"""The symbol's filters, applied before an order reaches the engine."""

from fillwire.simulator.binance import refusals
from fillwire.simulator.binance.symbols import MAX_NUM_ALGO_ORDERS
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.orders import STOP_TYPES, Ticket
from fillwire.simulator.exchange.symbols import SymbolRules
from fillwire.simulator.exchange.units import product


def check_price(rules: SymbolRules, price: int) -> None:
    """Refuse a price outside the range or off the tick."""
    if price <= 0 or price > rules.max_price or price % rules.tick:
        raise refusals.filter_failed("PRICE_FILTER")


def check_quantity(rules: SymbolRules, quantity: int) -> None:
    """Refuse a quantity outside the range or off the step."""
    if quantity <= 0 or quantity > rules.max_quantity or quantity % rules.step:
        raise refusals.filter_failed("LOT_SIZE")


def check_filters(account: Account, ticket: Ticket) -> None:
    """Refuse an order that one of the symbol's filters does not let through, and any of an account that may not trade."""
    if not account.may_trade:
        raise refusals.order_refused("This action is disabled on this account.")
    rules = ticket.market.rules
    for price in (ticket.price, ticket.stop_price):
        if price:
            check_price(rules, price)
    if ticket.quote_quantity:
        notional = ticket.quote_quantity
    else:
        check_quantity(rules, ticket.quantity)
        notional = product(ticket.price or ticket.stop_price or ticket.market.last_price, ticket.quantity)
    if notional < rules.min_notional or (ticket.price and notional > rules.max_notional):
        raise refusals.filter_failed("NOTIONAL")
    if account.is_house:
        return
    open_orders = account.open_orders_of(rules.name)
    if len(open_orders) >= rules.max_open_orders:
        raise refusals.filter_failed("MAX_NUM_ORDERS")
    if (
        ticket.type in STOP_TYPES
        and sum(order.type in STOP_TYPES for order in open_orders) >= MAX_NUM_ALGO_ORDERS
    ):
        raise refusals.filter_failed("MAX_NUM_ALGO_ORDERS")
