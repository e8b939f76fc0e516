"""Requests to Coinbase Exchange's REST interface. The venue counts private ones by the second, and fills apart."""

from collections.abc import Mapping
from urllib.parse import urlencode

import orjson

from fillwire.domain.enums import OrderType
from fillwire.domain.errors import OrderRejected
from fillwire.domain.orders import OrderRequest
from fillwire.venues.coinbase_exchange.auth import Signer, timestamp
from fillwire.venues.rest import HttpRequest
from fillwire.wire.decimals import decimal_text

MAX_ROWS = 100
"""Rows of a page of orders."""
MAX_FILLS = 1_000
"""Rows that are asked for of a page of fills."""
FULL_FILLS = 100
"""Rows of a page of fills behind which there may be more: the venue may give no more than it gives unasked."""
PER_SECOND, BURST = 30, 60
"""What may be asked in a second in the unit of the weights here, and at once after a pause."""
# 15 private requests in a second, of them 10 for fills.
_WEIGHT, _WEIGHT_OF_FILLS = 2, 3


def server_time() -> HttpRequest:
    """Return the request for the venue's clock."""
    return HttpRequest(method="GET", path="/time", weight=_WEIGHT_OF_FILLS)


def products() -> HttpRequest:
    """Return the request for the venue's products."""
    return HttpRequest(method="GET", path="/products", weight=_WEIGHT_OF_FILLS)


def order(signer: Signer, now_ns: int, name: str) -> HttpRequest:
    """Return the request for one order, by its id or by `client:` and the client's."""
    return _signed(signer, now_ns, "GET", f"/orders/{name}")


def orders(
    signer: Signer, now_ns: int, product: str | None, statuses: tuple[str, ...], after: str | None
) -> HttpRequest:
    """Return the request for a page of orders, newest first; `after` is the cursor of the page before."""
    query = [("status", status) for status in statuses]
    query += [("limit", str(MAX_ROWS)), ("sortedBy", "created_at"), ("sorting", "desc")]
    query += [] if product is None else [("product_id", product)]
    query += [] if after is None else [("after", after)]
    return _signed(signer, now_ns, "GET", "/orders", urlencode(query))


def fills(
    signer: Signer, now_ns: int, *, product: str | None = None, order_id: str | None = None, after: str | None
) -> HttpRequest:
    """Return the request for a page of fills, newest first, of a product or of an order."""
    scope = ("product_id", product) if order_id is None else ("order_id", order_id)
    query: list[tuple[str, object]] = [scope, ("limit", MAX_FILLS)]
    query += [] if after is None else [("after", after)]
    return _signed(signer, now_ns, "GET", "/fills", urlencode(query), weight=_WEIGHT_OF_FILLS)


def place_order(signer: Signer, now_ns: int, order: Mapping[str, object]) -> HttpRequest:
    """Return the request that places an order."""
    return _signed(signer, now_ns, "POST", "/orders", body=orjson.dumps(order))


def cancel_order(signer: Signer, now_ns: int, name: str, product: str) -> HttpRequest:
    """Return the request that cancels an order, by its id or by `client:` and the client's."""
    return _signed(signer, now_ns, "DELETE", f"/orders/{name}", urlencode({"product_id": product}))


def order_document(symbol: str, client_oid: str, request: OrderRequest) -> dict[str, object]:
    """Return an order as the venue takes it.

    Raises:
        OrderRejected: the venue has no orders of that type.
    """
    document: dict[str, object] = {
        "side": str(request.side),
        "product_id": symbol,
        "client_oid": client_oid,
        "size": decimal_text(request.quantity),
    }
    match request.type:
        case OrderType.MARKET:
            return document | {"type": "market"}
        case OrderType.LIMIT | OrderType.LIMIT_MAKER if request.price is not None:
            document |= {"type": "limit", "price": decimal_text(request.price)}
            if request.time_in_force is not None:
                document["time_in_force"] = request.time_in_force.upper()
            if request.type is OrderType.LIMIT_MAKER:
                document["post_only"] = True
            return document
        case _:
            raise OrderRejected(
                "coinbase",
                f"not sent: an order of type {request.type} {'without price ' if request.price is None else ''}"
                "cannot be placed: expected market, or limit or limit_maker with a price",
            )


def _signed(  # noqa: PLR0913 - the parts of a request
    signer: Signer,
    now_ns: int,
    method: str,
    path: str,
    query: str = "",
    *,
    body: bytes = b"",
    weight: int = _WEIGHT,
) -> HttpRequest:
    time = timestamp(now_ns)
    target = f"{path}?{query}" if query else path
    headers = (
        ("CB-ACCESS-KEY", signer.api_key),
        ("CB-ACCESS-SIGN", signer.sign(time, method, target, body)),
        ("CB-ACCESS-TIMESTAMP", time),
        ("CB-ACCESS-PASSPHRASE", signer.passphrase),
        ("Content-Type", "application/json"),
    )
    return HttpRequest(method=method, path=path, query=query, body=body, headers=headers, weight=weight)
