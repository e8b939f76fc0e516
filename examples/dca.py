"""Averaging down whose parameters stand in the file, and which tells when a cycle has begun and ended."""

from decimal import Decimal

from fillwire import OrderEvent
from fillwire.strategies import DCAConfig, DCAStrategy


class MyDCA(DCAStrategy):
    pairs = ["BTC-USDT"]

    def __init__(self) -> None:
        config = DCAConfig(
            pair="BTC-USDT",
            base_order=Decimal("0.001"),
            safety_order=Decimal("0.001"),
            safety_orders=3,
            deviation=Decimal("0.01"),
            step_scale=Decimal("1.2"),
            volume_scale=Decimal("1.5"),
            take_profit=Decimal("0.01"),
        )
        super().__init__(config, name="my-dca")

    async def on_fill(self, order: OrderEvent) -> None:
        rounds = self.state.books.round_count if self.state else 0
        await super().on_fill(order)
        if self.books.round_count > rounds:
            print(
                f"cycle {self.books.round_count} earned {self.books.realised['USDT']} USDT in all", flush=True
            )
        else:
            print(f"{order.side} {order.cumulative_quantity} at {order.average_price}", flush=True)
