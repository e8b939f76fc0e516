"""The physical limit: a hand-written reader of the same venue, one process, no broker, no parsing, no bot.

It subscribes like the gateway, and does nothing with a frame but note when it came and when it was emitted.
"""

import asyncio
import hashlib
import hmac
import time

import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from fillwire.cli.accounting import summarise_ms
from fillwire.simulator.binance.demo import DEMO_HMAC_API_KEY, DEMO_HMAC_SECRET


class BareReader(WSListener):
    """Counts executions and keeps their latencies; `done` is set after `count`."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.latencies_ns: list[int] = []
        self.subscribed = asyncio.Event()
        self.done = asyncio.Event()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take one frame."""
        if frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            return
        payload = frame.get_payload_as_bytes()
        if b'"x":"TRADE"' in payload:
            at = payload.index(b'"E":') + 4
            emitted_us = int(payload[at : at + 16])
            self.latencies_ns.append(time.time_ns() - emitted_us * 1000)
            if len(self.latencies_ns) == self.count:
                self.done.set()
        elif b'"subscriptionId"' in payload and b'"status":200' in payload:
            self.subscribed.set()


async def read(websocket_url: str, count: int) -> tuple[BareReader, WSTransport]:
    """Return a subscribed reader that expects `count` executions."""
    transport, reader = await ws_connect(
        lambda: BareReader(count), f"{websocket_url}?timeUnit=MICROSECOND", enable_auto_pong=False
    )
    assert isinstance(reader, BareReader)
    payload = f"apiKey={DEMO_HMAC_API_KEY}&timestamp={time.time_ns() // 1_000_000}"
    signature = hmac.new(DEMO_HMAC_SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    params = dict(part.split("=") for part in payload.split("&"))
    request = {"id": 1, "method": "userDataStream.subscribe.signature"}
    request["params"] = {**params, "timestamp": int(params["timestamp"]), "signature": signature}
    transport.send(WSMsgType.TEXT, orjson.dumps(request))
    async with asyncio.timeout(10):
        await reader.subscribed.wait()
    return reader, transport


def summary(reader: BareReader) -> dict[str, float]:
    """Return the reader's latencies in milliseconds."""
    return summarise_ms(reader.latencies_ns)
