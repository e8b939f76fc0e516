"""Fills without Fillwire installed: the subjects are ordinary NATS subjects, the events plain JSON.

A core subscription is quick and forgets: it misses what happens while it is away, and sees resends twice (drop repeated
`event_id`s). A durable JetStream consumer on the stream ORDERS misses nothing.

python plain_nats.py nats://127.0.0.1:4222 alice
"""

import asyncio
import json
import sys

import nats
from nats.aio.msg import Msg


async def main(url: str, user: str) -> None:
    client = await nats.connect(url)
    seen: set[str] = set()

    async def receive(message: Msg) -> None:
        order = json.loads(message.data)
        if order["event_id"] not in seen:
            seen.add(order["event_id"])
            print(
                f"{order['kind']} {order['side']} {order['cumulative_quantity']} {order['pair']}", flush=True
            )

    await client.subscribe(f"orders.{user}.*.*.*.filled", cb=receive)
    await client.flush()
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
