"""What Coinbase Advanced Trade is asked: REST requests as values, and the frames that subscribe."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import orjson

from fillwire.venues.coinbase_advanced.auth import HOST, ORDER_LIFE_S, TokenSigner
from fillwire.venues.questions import Ask
from fillwire.venues.rest import HttpRequest

MAX_ROWS = 250
"""Rows of a full page of orders or fills."""

MAX_CANCELS = 100
"""Orders that one request may cancel."""

BASE = "/api/v3/brokerage"
_JSON = ("Content-Type", "application/json")


def server_time() -> HttpRequest:
    """Return the request for the venue's clock."""
    return HttpRequest(method="GET", path=f"{BASE}/time")


def products() -> HttpRequest:
    """Return the request for all products, tradable or no longer: an order may end after its market did."""
    return HttpRequest(method="GET", path=f"{BASE}/market/products", query="get_all_products=true")


def key_permissions(signer: TokenSigner) -> Ask:
    """Return the request for what the key may do."""
    return _get(signer, "/key_permissions", [])


def open_orders(signer: TokenSigner, product: str | None, cursor: str) -> Ask:
    """Return the request for a page of the open orders. The venue wants this status asked for alone."""
    parameters = [("order_status", "OPEN"), ("limit", str(MAX_ROWS))]
    return _orders(signer, _with_product(parameters, product), cursor)


def orders_created_since(signer: TokenSigner, product: str | None, start: str, cursor: str) -> Ask:
    """Return the request for a page of the orders that were placed since then."""
    parameters = [("start_date", start), ("limit", str(MAX_ROWS))]
    return _orders(signer, _with_product(parameters, product), cursor)


def newest_orders(signer: TokenSigner, product: str, cursor: str) -> Ask:
    """Return the request for a page of the orders of a product, newest first."""
    return _orders(signer, _with_product([("limit", str(MAX_ROWS))], product), cursor)


def orders_by_id(signer: TokenSigner, order_ids: Sequence[str], cursor: str) -> Ask:
    """Return the request for a page of these orders."""
    parameters = [("order_ids", order_id) for order_id in order_ids]
    return _orders(signer, [*parameters, ("limit", str(MAX_ROWS))], cursor)


def order(signer: TokenSigner, order_id: str) -> Ask:
    """Return the request for one order."""
    return _get(signer, f"/orders/historical/{order_id}", [])


def fills_since(signer: TokenSigner, product: str | None, start: str, cursor: str) -> Ask:
    """Return the request for a page of the fills since then."""
    parameters = [("start_sequence_timestamp", start), ("limit", str(MAX_ROWS))]
    return _get(signer, "/orders/historical/fills", _paged(_with_product(parameters, product), cursor))


def fills_of(signer: TokenSigner, order_id: str, cursor: str) -> Ask:
    """Return the request for a page of the fills of an order."""
    parameters = [("order_ids", order_id), ("limit", str(MAX_ROWS))]
    return _get(signer, "/orders/historical/fills", _paged(parameters, cursor))


def place_order(signer: TokenSigner, document: Mapping[str, object]) -> Ask:
    """Return the request that places an order."""
    return _post(signer, "/orders", document)


def cancel_orders(signer: TokenSigner, order_ids: Sequence[str]) -> Ask:
    """Return the request that cancels orders, at most `MAX_CANCELS`."""
    return _post(signer, "/orders/batch_cancel", {"order_ids": list(order_ids)})


def subscribe(signer: TokenSigner, now_ns: int, channel: str) -> bytes:
    """Return the frame that subscribes to a channel, of all products."""
    return orjson.dumps({"type": "subscribe", "channel": channel, "jwt": signer.token(now_ns)})


def _with_product(parameters: list[tuple[str, str]], product: str | None) -> list[tuple[str, str]]:
    return parameters if product is None else [("product_ids", product), *parameters]


def _paged(parameters: list[tuple[str, str]], cursor: str) -> list[tuple[str, str]]:
    return [*parameters, ("cursor", cursor)] if cursor else parameters


def _orders(signer: TokenSigner, parameters: list[tuple[str, str]], cursor: str) -> Ask:
    return _get(signer, "/orders/historical/batch", _paged(parameters, cursor))


def _get(signer: TokenSigner, path: str, parameters: list[tuple[str, str]]) -> Ask:
    query = urlencode(parameters)
    return lambda now_ns: HttpRequest(
        method="GET",
        path=f"{BASE}{path}",
        query=query,
        headers=_signed(signer, now_ns, "GET", path),
    )


def _post(signer: TokenSigner, path: str, document: Mapping[str, object]) -> Ask:
    body = orjson.dumps(document)
    return lambda now_ns: HttpRequest(
        method="POST",
        path=f"{BASE}{path}",
        headers=(_JSON, *_signed(signer, now_ns, "POST", path, ORDER_LIFE_S)),
        body=body,
    )


def _signed(
    signer: TokenSigner, now_ns: int, method: str, path: str, life_s: int | None = None
) -> tuple[tuple[str, str], ...]:
    token = signer.token(now_ns, f"{method} {HOST}{BASE}{path}", life_s)  # without the query
    return (("Authorization", f"Bearer {token}"),)
