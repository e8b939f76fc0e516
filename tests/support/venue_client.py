"""A client of the simulated Binance for tests: signs, sends, and keeps responses apart from events."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fillwire.simulator import BinanceSimulator
from support.binance_keys import API_KEY, ED25519_API_KEY, ED25519_PEM, HMAC_SECRET
from support.control_client import ControlClient
from support.feed_client import DEADLINE_S, SocketClient


def hmac_signature(payload: str, secret: str = HMAC_SECRET) -> str:
    """Return the HMAC signature of a payload."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def ed25519_signature(payload: str) -> str:
    """Return the Ed25519 signature of a payload."""
    key = load_pem_private_key(ED25519_PEM.encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return base64.b64encode(key.sign(payload.encode())).decode()


def now_ms() -> int:
    """Return the time in milliseconds."""
    return time.time_ns() // 1_000_000


def signed(params: Mapping[str, Any], api_key: str = API_KEY, secret: str = HMAC_SECRET) -> dict[str, Any]:
    """Return parameters with key, time and signature; the Ed25519 key is recognised by its name."""
    full = {"timestamp": now_ms(), **params, "apiKey": api_key}
    payload = "&".join(f"{name}={full[name]}" for name in sorted(full))
    is_ed25519 = api_key == ED25519_API_KEY
    return full | {"signature": ed25519_signature(payload) if is_ed25519 else hmac_signature(payload, secret)}


class VenueClient(SocketClient, ControlClient):
    """One WebSocket connection to the simulator, and its REST and control APIs.

    Attributes:
        events: event frames in the order of their arrival.
        notices: frames that are neither response nor event of a subscription.
        log: `event` and `response` in the order of their arrival.
    """

    def __init__(
        self, sim: BinanceSimulator, query: str = "", api_key: str = API_KEY, secret: str = HMAC_SECRET
    ) -> None:
        super().__init__(sim.websocket_url + query)
        self._sim = sim
        self._api_key = api_key
        self._secret = secret
        self._ids = itertools.count(1)
        self._responses: dict[Any, asyncio.Future[dict[str, Any]]] = {}
        self.events: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        self.log: list[str] = []

    def _keep(self, frame: dict[str, Any]) -> None:
        if "event" in frame and "subscriptionId" in frame:
            self.events.append(frame)
            self.log.append("event")
        elif frame.get("id") in self._responses:
            self.log.append("response")
            self._responses.pop(frame["id"]).set_result(frame)
        else:
            self.notices.append(frame)

    async def send(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request as it is, and return the whole response."""
        request_id = next(self._ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._responses[request_id] = future
        body: dict[str, Any] = {"id": request_id, "method": method}
        if params is not None:
            body["params"] = dict(params)
        await self.socket.send_json(body)
        async with asyncio.timeout(DEADLINE_S):
            return await future

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a signed request, and return the whole response."""
        return await self.send(method, signed(params, self._api_key, self._secret))

    async def ok(self, method: str, **params: Any) -> Any:
        """Send a signed request that must succeed, and return its result."""
        response = await self.call(method, **params)
        assert response["status"] == 200, response
        return response["result"]

    async def subscribe(self) -> int:
        """Subscribe by signature, and return the subscription's id."""
        result = await self.ok("userDataStream.subscribe.signature")
        number: int = result["subscriptionId"]
        return number

    async def place(
        self, side: str = "BUY", quantity: str = "0.01", price: str = "60000", **more: Any
    ) -> Any:
        """Place a limit order on BTCUSDT that must be accepted."""
        return await self.ok(
            "order.place",
            **{
                "symbol": "BTCUSDT",
                "side": side,
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": quantity,
                "price": price,
                **more,
            },
        )

    def reports(self) -> list[dict[str, Any]]:
        """Return the execution reports that have arrived, without their wrapper."""
        return [frame["event"] for frame in self.events if frame["event"]["e"] == "executionReport"]

    # REST

    async def get(self, path: str, **query: Any) -> tuple[int, Any]:
        """Send an unsigned GET; returns status and body."""
        async with self._session.get(self._sim.rest_url + path, params=query) as response:
            return response.status, await response.json()

    async def rest(
        self,
        verb: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a signed request; returns status, body and headers."""
        text = urlencode({**(query or {}), **more, "timestamp": now_ms()})
        signature = hmac_signature(text + body)
        url = f"{self._sim.rest_url}{path}?{text}&signature={quote(signature)}"
        async with self._session.request(
            verb,
            url,
            data=body or None,
            headers={
                "X-MBX-APIKEY": self._api_key,
                "Content-Type": "application/x-www-form-urlencoded",
                **(headers or {}),
            },
        ) as response:
            return response.status, await response.json(), response.headers
