"""The same with plain methods; `blocking=True` gives them a thread, so that they may take their time.

python sync_listener.py nats://127.0.0.1:4222 alice
"""

import asyncio
import sys
import time

from fillwire import ConnectionEvent, OrderEvent, Orders


class Ledger:
    def on_order_filled(self, order: OrderEvent) -> None:
        time.sleep(0.01)  # a slow database
        print(f"booked {order.side} {order.cumulative_quantity} {order.pair}", flush=True)

    def on_order_partially_filled(self, order: OrderEvent) -> None:
        print(f"noted {order.cumulative_quantity} of {order.quantity} {order.pair}", flush=True)

    def on_order_cancelled(self, order: OrderEvent) -> None:
        print(f"closed {order.order_id}", flush=True)

    def on_websocket_connected(self, connection: ConnectionEvent) -> None:
        print(f"connected to {connection.exchange}", flush=True)

    def on_websocket_disconnected(self, connection: ConnectionEvent) -> None:
        print(f"disconnected from {connection.exchange}", flush=True)

    def on_websocket_error(self, connection: ConnectionEvent) -> None:
        print(f"trouble with {connection.exchange}: {connection.reason}", flush=True)


async def main(url: str, user: str) -> None:
    async with Orders(url, user=user) as orders:
        await orders.subscribe_to_order_fills("BTC-USDT", Ledger(), blocking=True)
        print("listening", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
