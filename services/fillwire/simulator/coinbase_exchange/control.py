"""What the control API can do to Coinbase Exchange alone: what the venue offers by FIX, and not by REST.

POST   /sim/modify          order_id, and price or size or both: change an order that rests; it keeps its id
"""

from typing import Any

from aiohttp import web

from fillwire.simulator.coinbase_exchange.core import ExchangeCore
from fillwire.simulator.exchange.control import Control
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.exchange.units import parse_units


class ExchangeControl(Control):
    """Handlers of the control API."""

    core: ExchangeCore

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [*super().routes(), web.post("/sim/modify", self.wrap(self._modify))]

    async def _modify(self, request: web.Request) -> Any:
        body = await self.body(request)
        order = self._find(str(body["order_id"]))
        price = parse_units(str(body["price"])) if "price" in body else order.price
        size = parse_units(str(body["size"])) if "size" in body else order.quantity
        if price == 0 or price % order.market.rules.tick or size % order.market.rules.step:
            raise ValueError("expected a price and a size that are multiples of the product's increments")
        events = self.core.venue.engine.replace(order, price, size)
        self.core.publisher.publish(events)
        return {"order_id": body["order_id"]}

    def _find(self, name: str) -> Order:
        key = self.core.venue.names.find_order(name)
        for account in self.core.venue.accounts.values():
            if key in account.orders:
                return account.orders[key]
        raise ValueError("unknown order_id")
