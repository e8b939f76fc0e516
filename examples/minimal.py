from fillwire import Strategy


class Greeter(Strategy):
    pairs = ["BTC-USDT"]

    async def on_order_filled(self, order):
        print(f"{order.side} {order.cumulative_quantity} {order.pair} at {order.average_price}", flush=True)
