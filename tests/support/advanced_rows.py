"""Rows of Coinbase Advanced Trade's REST interface as its documents show them, and answers made of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from fillwire.venues.rest import HttpResponse

ORDER: Mapping[str, Any] = MappingProxyType(
    {
        "order_id": "4c22e9e1-54cc-449d-97da-8f6ca6782e3e",
        "product_id": "BTC-USD",
        "user_id": "e0b87645-7245-5705-8f29-6550318cda60",
        "order_configuration": {
            "limit_limit_gtd": {
                "base_size": "0.5",
                "limit_price": "20000.00",
                "end_time": "2024-08-30T13:07:40.823884203Z",
                "post_only": False,
            }
        },
        "side": "BUY",
        "client_order_id": "113b22a6-1fb3-4187-9d0d-a4476e91913c",
        "status": "OPEN",
        "time_in_force": "GOOD_UNTIL_DATE_TIME",
        "created_time": "2024-08-30T13:07:25.942018Z",
        "completion_percentage": "0",
        "filled_size": "0",
        "average_filled_price": "0",
        "fee": "",
        "number_of_fills": "0",
        "filled_value": "0",
        "pending_cancel": False,
        "size_in_quote": False,
        "total_fees": "0",
        "trigger_status": "INVALID_ORDER_TYPE",
        "order_type": "LIMIT",
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "settled": False,
        "product_type": "SPOT",
        "reject_message": "",
        "cancel_message": "",
        "last_fill_time": None,
    }
)

FILL: Mapping[str, Any] = MappingProxyType(
    {
        "entry_id": "b88b82cc89e326a2778874795102cbafd08dd979a2a7a3c69603fc4c23c2e010",
        "trade_id": "cdc39e45-bbd3-44ec-bf02-61742dfb16a1",
        "order_id": "4c22e9e1-54cc-449d-97da-8f6ca6782e3e",
        "trade_time": "2024-08-30T13:07:26.091377090Z",
        "trade_type": "FILL",
        "price": "20000",
        "size": "0.2",
        "commission": "4.8",
        "product_id": "BTC-USD",
        "sequence_timestamp": "2024-08-30T13:07:26.092520Z",
        "liquidity_indicator": "MAKER",
        "size_in_quote": False,
        "user_id": "e0b87645-7245-5705-8f29-6550318cda60",
        "side": "BUY",
    }
)


def answer(document: object, status: int = 200, **more: Any) -> HttpResponse:
    """Return an answer with this document, or these bytes."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return HttpResponse(status=status, body=body, **more)


def order_answer(**changes: Any) -> HttpResponse:
    """Return the answer to a question for the order, with some values changed."""
    return answer({"order": dict(ORDER) | changes})


def orders_page(*changes: dict[str, Any], cursor: str = "", has_next: bool = False) -> HttpResponse:
    """Return a page of orders, each with some values changed."""
    orders = [dict(ORDER) | each for each in changes]
    return answer({"orders": orders, "sequence": "0", "has_next": has_next, "cursor": cursor})


def fills_page(*changes: dict[str, Any], cursor: str = "") -> HttpResponse:
    """Return a page of fills, each with some values changed."""
    return answer({"fills": [dict(FILL) | each for each in changes], "cursor": cursor})
