"""Requests to ToyX as values. Nothing in one depends on when it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import orjson

from fillwire.domain.enums import OrderType
from fillwire.domain.errors import OrderRejected
from fillwire.domain.orders import OrderRequest
from fillwire.venues.questions import Ask
from fillwire.venues.rest import HttpRequest
from fillwire.wire.decimals import decimal_text

PAGE = 100
TIME = HttpRequest(method="GET", path="/time")
SYMBOLS = HttpRequest(method="GET", path="/symbols")


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, and what is asked with it; nothing of it prints."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def login(self) -> bytes:
        """The frame that logs in."""
        return orjson.dumps({"op": "login", "key": self.api_key, "secret": self.secret})

    def ask(
        self, method: str, path: str, query: Mapping[str, object] | None = None, body: bytes = b""
    ) -> Ask:
        """Return a request of the account's."""
        request = HttpRequest(
            method=method,
            path=path,
            query=urlencode(query or {}),
            headers=(("X-Key", self.api_key), ("X-Secret", self.secret)),
            body=body,
        )
        return lambda _now_ns: request

    def order(self, order_id: str, method: str = "GET") -> Ask:
        """Return the request about one order."""
        return self.ask(method, f"/orders/{quote(order_id, safe='')}")

    def place(self, symbol: str, request: OrderRequest) -> Ask:
        """Return the request that places an order.

        Raises:
            OrderRejected: the venue has no such order.
        """
        if request.type not in {OrderType.LIMIT, OrderType.MARKET}:
            raise OrderRejected(
                "toyx", f"not sent: expected an order of type limit or market, was {request.type}"
            )
        document = {
            "client_id": request.client_order_id,
            "symbol": symbol,
            "side": request.side,
            "kind": request.type,
            "tif": request.time_in_force,
            "price": None if request.price is None else decimal_text(request.price),
            "quantity": decimal_text(request.quantity),
        }
        return self.ask("POST", "/orders", body=orjson.dumps(document))
