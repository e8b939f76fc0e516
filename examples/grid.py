"""A grid whose parameters stand in the file, and which tells what it has earned whenever an order is filled."""

from decimal import Decimal

from fillwire import OrderEvent
from fillwire.strategies import GridConfig, GridStrategy


class MyGrid(GridStrategy):
    pairs = ["BTC-USDT"]

    def __init__(self, lower: Decimal = Decimal(60000), upper: Decimal = Decimal(68000)) -> None:
        config = GridConfig(pair="BTC-USDT", lower=lower, upper=upper, levels=9, quantity=Decimal("0.001"))
        super().__init__(config, name="my-grid")

    async def on_fill(self, order: OrderEvent) -> None:
        await super().on_fill(order)
        books = self.books
        print(
            f"{order.side} {order.cumulative_quantity} at {order.average_price}; "
            f"{books.round_count} rounds, realised {books.realised.get('USDT', 0)} USDT",
            flush=True,
        )
