"""A client of the simulated Coinbase Advanced Trade for tests: signs, sends, and keeps all that the feed says."""

import itertools
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from fillwire.simulator import CoinbaseAdvancedSimulator
from support.coinbase_tokens import make_token
from support.control_client import ControlClient
from support.feed_client import FeedClient

ROOT = "/api/v3/brokerage"


class AdvancedClient(FeedClient, ControlClient):
    """One connection to the feed, and the REST and control APIs."""

    def __init__(self, sim: CoinbaseAdvancedSimulator, algorithm: str = "ES256") -> None:
        super().__init__(sim.websocket_url)
        self._sim = sim
        self._algorithm = algorithm
        self._numbers = itertools.count(1)

    def token(self, uri: str | None = None, age_s: int = 0) -> str:
        """Return a token made `age_s` seconds ago."""
        return make_token(int(time.time()) - age_s, uri, algorithm=self._algorithm)

    async def wish(self, channel: str, kind: str = "subscribe", **members: Any) -> None:
        """Send a subscription with a fresh token."""
        await self.send({"type": kind, "channel": channel, "jwt": self.token(), **members})

    async def subscribe(self, channel: str = "user", **members: Any) -> None:
        """Subscribe, and wait for the acknowledgement and for the whole snapshot."""
        acknowledged, snapshots = len(self.of("subscriptions")), len(self.snapshots())
        await self.wish(channel, **members)
        await self.until(lambda: len(self.of("subscriptions")) > acknowledged)
        if channel == "user":
            await self.until(lambda: len(self.snapshots()) > snapshots and len(self.snapshots()[-1]) < 50)

    def of(self, channel: str) -> list[dict[str, Any]]:
        """Return the frames of a channel."""
        return [frame for frame in self.frames if frame.get("channel") == channel]

    def errors(self) -> list[dict[str, Any]]:
        """Return the error frames."""
        return [frame for frame in self.frames if frame.get("type") == "error"]

    def snapshots(self) -> list[list[dict[str, Any]]]:
        """Return the orders of each message of a snapshot."""
        return [
            event["orders"]
            for frame in self.of("user")
            for event in frame["events"]
            if event["type"] == "snapshot"
        ]

    def updates(self, order_id: str | None = None) -> list[dict[str, Any]]:
        """Return the orders of all updates, or what they say of one."""
        return [
            order
            for frame in self.of("user")
            for event in frame["events"]
            for order in event["orders"]
            if event["type"] == "update" and order_id in {None, order.get("order_id")}
        ]

    def statuses(self, order_id: str) -> list[str]:
        """Return the statuses that updates have shown of an order."""
        return [order["status"] for order in self.updates(order_id)]

    # REST

    async def get(self, path: str, **query: Any) -> tuple[int, Any]:
        """Send an unsigned GET; returns status and body."""
        async with self._session.get(self._sim.rest_url + ROOT + path, params=query) as response:
            return response.status, await response.json()

    async def request(
        self,
        verb: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Any = (),
        token: str | None = None,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a signed request; returns status, body and headers."""
        token = token or self.token(f"{verb} api.coinbase.com{ROOT}{path}")
        url = f"{self._sim.rest_url}{ROOT}{path}" + (f"?{urlencode(query)}" if query else "")
        async with self._session.request(
            verb, URL(url, encoded=True), json=body, headers={"Authorization": f"Bearer {token}"}
        ) as response:
            content = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(content) if is_json else content.decode(), response.headers

    async def ok(self, verb: str, path: str, body: Mapping[str, Any] | None = None, query: Any = ()) -> Any:
        """Send a signed request that must succeed, and return its body."""
        status, document, _headers = await self.request(verb, path, body, query)
        assert status == 200, document
        return document

    def order(self, kind: str = "limit_limit_gtc", side: str = "BUY", **fields: Any) -> dict[str, Any]:
        """Return the body of a request for an order on BTC-USD."""
        amounts = (
            fields if kind.startswith("market") else {"base_size": "0.01", "limit_price": "60000", **fields}
        )
        return {
            "client_order_id": f"client-{next(self._numbers)}",
            "product_id": "BTC-USD",
            "side": side,
            "order_configuration": {kind: amounts},
        }

    async def place(self, kind: str = "limit_limit_gtc", side: str = "BUY", **fields: Any) -> str:
        """Place an order on BTC-USD that must be accepted, and return its id."""
        answer = await self.ok("POST", "/orders", self.order(kind, side, **fields))
        assert answer["success"], answer
        order_id: str = answer["success_response"]["order_id"]
        return order_id

    async def cancel(self, *order_ids: str) -> list[dict[str, Any]]:
        """Cancel orders, and return the results."""
        answer = await self.ok("POST", "/orders/batch_cancel", {"order_ids": order_ids})
        results: list[dict[str, Any]] = answer["results"]
        return results

    async def row(self, order_id: str) -> dict[str, Any]:
        """Return an order."""
        document: dict[str, Any] = (await self.ok("GET", f"/orders/historical/{order_id}"))["order"]
        return document

    async def fills(self, **query: Any) -> list[dict[str, Any]]:
        """Return the first page of fills."""
        document = await self.ok("GET", "/orders/historical/fills", query=query)
        rows: list[dict[str, Any]] = document["fills"]
        return rows

    # Control

    async def move_price(self, price: str, symbol: str = "BTC-USD") -> None:
        """Move the market."""
        await self.control("POST", "price", {"symbol": symbol, "price": price})
