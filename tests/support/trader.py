"""Somebody else who trades on the demo account: another program, the venue's app. Acts in the simulator's own engine."""

from typing import TYPE_CHECKING

from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order, Ticket
from fillwire.simulator.exchange.units import parse_units, units_text

if TYPE_CHECKING:
    from fillwire.simulator.exchange.server import Simulator


class Trader:
    """Places, fills and cancels resting orders of one account; everything it causes is published as the venue does it."""

    def __init__(self, simulator: "Simulator", user: str = "demo") -> None:
        self._core = simulator.core
        self._account = simulator.core.venue.accounts[user]

    def place(self, quantity: str, symbol: str = "BTCUSDT", *, client_order_id: str | None = None) -> Order:
        """Place a buy order that rests a tenth below the market."""
        engine = self._core.venue.engine
        market = engine.market(symbol)
        ticket = self._ticket(
            market, quantity, market.last_price * 9 // 10, is_buy=True, client_order_id=client_order_id
        )
        order, events = engine.place(self._account, ticket)
        self._core.publisher.publish(events)
        return order

    def fill(self, order: Order, *quantities: str) -> None:
        """Fill an order in parts of these quantities; without any, what is left of it."""
        for quantity in quantities or (units_text(order.remaining),):
            self._core.publisher.publish(
                self._core.venue.engine.execute_resting(order, parse_units(quantity))
            )

    def cancel(self, order: Order) -> None:
        """Cancel an order, as the app does: under a client order id of its own."""
        self._core.publisher.publish(self._core.venue.engine.cancel(order, "web_cancel"))

    def trade_with_self(self, quantity: str, symbol: str = "BTCUSDT") -> tuple[Order, Order]:
        """Let two orders of the account trade with each other, as far from the market as nobody else quotes."""
        engine = self._core.venue.engine
        market = engine.market(symbol)
        price = market.last_price
        maker, events = engine.place(self._account, self._ticket(market, quantity, price, is_buy=True))
        self._core.publisher.publish(events)
        taker, events = engine.place(self._account, self._ticket(market, quantity, price, is_buy=False))
        self._core.publisher.publish(events)
        return maker, taker

    def _ticket(
        self, market: Market, quantity: str, price: int, *, is_buy: bool, client_order_id: str | None = None
    ) -> Ticket:
        return Ticket(
            market=market,
            is_buy=is_buy,
            type="LIMIT",
            time_in_force="GTC",
            quantity=parse_units(quantity),
            quote_quantity=0,
            price=price - price % market.rules.tick,
            stop_price=0,
            client_order_id=client_order_id or self._core.venue.engine.make_client_id(),
            stp_mode="NONE",
        )
