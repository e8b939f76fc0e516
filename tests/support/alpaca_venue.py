"""Frames and records of Alpaca as its documents show them, for tests without a venue."""

from typing import Any
from urllib.parse import parse_qs

import orjson

from fillwire.domain.identifiers import Account
from fillwire.venues.alpaca.auth import Key
from fillwire.venues.alpaca.instruments import read_symbols
from fillwire.venues.rest import HttpRequest, HttpResponse

ACCOUNT = Account("alice", "alpaca", "paper")
KEY = Key("PKTEST", "very-secret")
ORDER_ID = "0d3c4b5a-1111-4222-8333-000000000001"
SYMBOLS = read_symbols(
    orjson.dumps([{"class": "crypto", "symbol": "BTC/USD"}, {"class": "us_equity", "symbol": "AAPL"}])
)


def order(**changes: Any) -> dict[str, Any]:
    """Return an order object as REST and the stream show it."""
    return {
        "id": ORDER_ID,
        "client_order_id": "bot-1",
        "created_at": "2026-06-01T14:30:00.000000001Z",
        "updated_at": "2026-06-01T14:30:02.5Z",
        "submitted_at": "2026-06-01T14:30:00Z",
        "replaced_by": None,
        "replaces": None,
        "asset_class": "us_equity",
        "symbol": "AAPL",
        "notional": None,
        "qty": "100",
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "order_type": "limit",
        "type": "limit",
        "side": "buy",
        "time_in_force": "day",
        "limit_price": "200.5",
        "stop_price": None,
        "status": "new",
        "legs": None,
    } | changes


def update(event: str, at: str = "2026-06-01T14:30:02.505Z", *, last: Any = None, **changes: Any) -> bytes:
    """Return a trade update; `last` is (execution id, price, quantity) of an execution."""
    data: dict[str, Any] = {"at": at, "event": event, "timestamp": at, "order": order(**changes)}
    if last is not None:
        data |= dict(zip(("execution_id", "price", "qty"), last, strict=True))
    return orjson.dumps({"stream": "trade_updates", "data": data})


def fill_row(number: int, quantity: str, cumulative: str, **changes: Any) -> dict[str, Any]:
    """Return an execution as a row of activities."""
    return {
        "id": f"20260601103001{number:03d}::{number:08d}-0000-4000-8000-000000000000",
        "activity_type": "FILL",
        "transaction_time": f"2026-06-01T14:30:01.{number:03d}Z",
        "type": "partial_fill",
        "price": "200.4",
        "qty": quantity,
        "side": "buy",
        "symbol": "AAPL",
        "leaves_qty": "0",
        "order_id": ORDER_ID,
        "cum_qty": cumulative,
        "order_status": "partially_filled",
    } | changes


def answer(document: object, status: int = 200, **headers: str) -> HttpResponse:
    """Return an answer of the venue; `_` in a header's name stands for a hyphen."""
    return HttpResponse(
        status=status,
        body=b"" if document is None else orjson.dumps(document),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


class Activities:
    """The venue's executions, paged as it pages them: the next page begins behind the token's millisecond."""

    def __init__(self, rows: list[dict[str, Any]], size: int = 100) -> None:
        self.rows = rows
        self.size = size

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        asked_for = {name: value[0] for name, value in parse_qs(request.query).items()}
        rows = [row for row in self.rows if asked_for.get("order_id") in {None, row["order_id"]}]
        if asked_for["direction"] == "desc":
            rows.reverse()
        if token := asked_for.get("page_token"):
            moment = token.partition("::")[0]
            index = next(number for number, row in enumerate(rows) if row["id"] == token) + 1
            while index < len(rows) and rows[index]["id"].startswith(moment):
                index += 1  # the defect that was reported of the venue
            rows = rows[index:]
        return answer(rows[: self.size])
