"""Fills without a strategy class: an async listener, subscribed from a program of your own.

python async_listener.py nats://127.0.0.1:4222 alice
"""

import asyncio
import sys

from fillwire import ConnectionEvent, OrderEvent, Orders


class Printer:
    async def on_order_filled(self, order: OrderEvent) -> None:
        print(f"filled {order.side} {order.cumulative_quantity} {order.pair}", flush=True)

    async def on_order_partially_filled(self, order: OrderEvent) -> None:
        print(f"partially filled {order.cumulative_quantity} of {order.quantity} {order.pair}", flush=True)

    async def on_order_cancelled(self, order: OrderEvent) -> None:
        print(f"cancelled {order.order_id}", flush=True)

    async def on_websocket_connected(self, connection: ConnectionEvent) -> None:
        print(f"connected to {connection.exchange}", flush=True)

    async def on_websocket_disconnected(self, connection: ConnectionEvent) -> None:
        print(f"disconnected from {connection.exchange}", flush=True)

    async def on_websocket_error(self, connection: ConnectionEvent) -> None:
        print(f"trouble with {connection.exchange}: {connection.reason}", flush=True)


async def main(url: str, user: str) -> None:
    async with Orders(url, user=user, exchange="binance", environment="live") as orders:
        await orders.subscribe_to_order_fills("BTC-USDT", Printer())
        status = await orders.get_websocket_status()
        print(
            f"listening; {status.exchange} is {'connected' if status.is_connected else 'not connected'}",
            flush=True,
        )
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
