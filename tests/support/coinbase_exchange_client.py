"""A client of the simulated Coinbase Exchange for tests: signs, sends, and keeps all that the feed says."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from fillwire.simulator import CoinbaseExchangeSimulator
from support.coinbase_keys import EXCHANGE_API_KEY, EXCHANGE_PASSPHRASE, EXCHANGE_SECRET
from support.control_client import ControlClient
from support.feed_client import FeedClient


def signature(text: str, secret: str = EXCHANGE_SECRET) -> str:
    """Return the signature of a text."""
    digest = hmac.new(base64.b64decode(secret), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def proof(timestamp: str | None = None, api_key: str = EXCHANGE_API_KEY) -> dict[str, str]:
    """Return the members that sign a subscription."""
    timestamp = timestamp or f"{time.time():.3f}"
    return {
        "signature": signature(f"{timestamp}GET/users/self/verify"),
        "key": api_key,
        "passphrase": EXCHANGE_PASSPHRASE,
        "timestamp": timestamp,
    }


class ExchangeClient(FeedClient, ControlClient):
    """One connection to the feed, and the REST and control APIs."""

    def __init__(self, sim: CoinbaseExchangeSimulator) -> None:
        super().__init__(sim.websocket_url)
        self._sim = sim

    async def subscribe(
        self, *channels: Any, products: tuple[str, ...] = ("BTC-USD",), signs: bool = True
    ) -> dict[str, Any]:
        """Subscribe, and return the acknowledgement."""
        seen = len(self.of("subscriptions"))
        await self.send(
            {
                "type": "subscribe",
                "product_ids": list(products),
                "channels": list(channels),
                **(proof() if signs else {}),
            }
        )
        await self.until(lambda: len(self.of("subscriptions")) > seen)
        return self.of("subscriptions")[-1]

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the frames of these types."""
        return [frame for frame in self.frames if frame["type"] in kinds]

    def events(self) -> list[dict[str, Any]]:
        """Return the frames about orders."""
        return self.of("received", "open", "match", "done", "change", "activate")

    def steps(self, order_id: str) -> list[str]:
        """Return the types of the frames about an order."""
        members = ("order_id", "maker_order_id", "taker_order_id")
        return [
            frame["type"]
            for frame in self.events()
            if any(frame.get(member) == order_id for member in members)
        ]

    # REST

    async def get(self, path: str, **query: Any) -> tuple[int, Any]:
        """Send an unsigned GET; returns status and body."""
        async with self._session.get(self._sim.rest_url + path, params=query) as response:
            return response.status, await response.json()

    async def request(
        self,
        verb: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Any = (),
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a signed request; returns status, body and headers."""
        text = f"{path}?{urlencode(query)}" if query else path
        data = "" if body is None else json.dumps(body)
        timestamp = f"{time.time():.3f}"
        signed = {
            "CB-ACCESS-KEY": EXCHANGE_API_KEY,
            "CB-ACCESS-SIGN": signature(f"{timestamp}{verb}{text}{data}"),
            "CB-ACCESS-TIMESTAMP": timestamp,
            "CB-ACCESS-PASSPHRASE": EXCHANGE_PASSPHRASE,
            "Content-Type": "application/json",
            **(headers or {}),
        }
        async with self._session.request(
            verb, URL(self._sim.rest_url + text, encoded=True), data=data or None, headers=signed
        ) as response:
            content = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(content) if is_json else content, response.headers

    async def ok(self, verb: str, path: str, body: Mapping[str, Any] | None = None, query: Any = ()) -> Any:
        """Send a signed request that must succeed, and return its body."""
        status, document, _headers = await self.request(verb, path, body, query)
        assert status == 200, document
        return document

    async def place(
        self, side: str = "buy", size: str = "0.01", price: str | None = "60000", **more: Any
    ) -> Any:
        """Place an order on BTC-USD that must be accepted; no price makes it a market order."""
        body = {"type": "limit" if price else "market", "side": side, "product_id": "BTC-USD", "size": size}
        if price:
            body["price"] = price
        body |= more
        return await self.ok("POST", "/orders", {name: value for name, value in body.items() if value})

    async def cancel(self, order_id: str) -> Any:
        """Cancel an order that is open."""
        return await self.ok("DELETE", f"/orders/{order_id}")

    async def fills(self, **query: Any) -> list[dict[str, Any]]:
        """Return a page of fills."""
        rows: list[dict[str, Any]] = await self.ok("GET", "/fills", query=query)
        return rows

    # Control

    async def move_price(self, price: str, symbol: str = "BTC-USD") -> None:
        """Move the market."""
        await self.control("POST", "price", {"symbol": symbol, "price": price})
