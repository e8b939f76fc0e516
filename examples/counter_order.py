"""Answer each filled buy with a sell one percent higher. A fill that comes twice places nothing twice."""

from decimal import Decimal

from fillwire import OrderEvent, Side, Strategy


class TakeProfit(Strategy):
    pairs = ["BTC-USDT"]

    async def on_order_filled(self, order: OrderEvent) -> None:
        if order.side is Side.BUY and order.average_price is not None:
            price = (order.average_price * Decimal("1.01")).quantize(Decimal("0.01"))
            answer = await self.place_order(order.pair, "sell", order.cumulative_quantity, price=price)
            print(f"sell {order.cumulative_quantity} at {price}: {answer.outcome}", flush=True)
