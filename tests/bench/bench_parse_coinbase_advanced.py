"""What a frame of Coinbase Advanced costs until it is a validated event and its JSON bytes: ours and msgspec.

As `bench_parse` measures Binance's; msgspec checks types and closed sets only and encodes what it decoded. The frames say
that an order was accepted: of what was executed there is no event to be made, only a question for the venue's records.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import msgspec
import orjson

from bench.bench_parse import by_msgspec, compared
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import ExecutionReport, Parser

_FRAMES = 100
_NOW_NS = 1_795_000_000 * 10**9


class _Order(msgspec.Struct, frozen=True):
    """An order with every field that an event is made of."""

    order_id: str
    client_order_id: str
    product_id: str
    order_side: Literal["BUY", "SELL"]
    order_type: str
    time_in_force: Literal["GOOD_UNTIL_CANCELLED", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"]
    status: Literal["PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED"]
    limit_price: Decimal
    stop_price: str
    leaves_quantity: Decimal
    cumulative_quantity: Decimal
    avg_price: Decimal
    filled_value: Decimal
    trigger_status: str
    creation_time: str
    cancel_reason: str
    reject_reason: str


class _Event(msgspec.Struct, frozen=True):
    """Some orders."""

    type: Literal["snapshot", "update"]
    orders: list[_Order]


class _Frame(msgspec.Struct, frozen=True):
    """The envelope."""

    channel: Literal["user"]
    timestamp: str
    sequence_num: int
    events: list[_Event]


def frames(count: int) -> list[bytes]:
    """Return so many orders that were accepted, each another, with the fields that the venue sends."""
    made = []
    for number in range(count):
        order = {
            "avg_price": "0",
            "cancel_reason": "",
            "client_order_id": f"x-{number:032x}",
            "completion_percentage": "0.00",
            "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
            "cumulative_quantity": "0",
            "filled_value": "0",
            "leaves_quantity": f"{number + 1}.25",
            "limit_price": f"{10_000 + number}.50",
            "number_of_fills": "0",
            "order_id": f"5d1c9b1a-90a5-4d7b-8d52-{number:012x}",
            "order_side": "BUY",
            "order_type": "LIMIT",
            "outstanding_hold_amount": "2",
            "post_only": "false",
            "product_id": "SOL-USD",
            "product_type": "SPOT",
            "reject_reason": "",
            "retail_portfolio_id": "3e625b74-1c4e-5967-ad38-4d26f30d4439",
            "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
            "status": "OPEN",
            "stop_price": "",
            "time_in_force": "GOOD_UNTIL_CANCELLED",
            "total_fees": "0",
            "total_value_after_fees": "0",
            "trigger_status": "INVALID_ORDER_TYPE",
            "creation_time": f"2026-05-06T07:08:{number % 60:02d}.123456Z",
            "end_time": "0001-01-01T00:00:00Z",
            "start_time": "0001-01-01T00:00:00Z",
        }
        envelope = {"channel": "user", "timestamp": "2026-05-06T07:09:09.123456789Z", "sequence_num": number}
        made.append(orjson.dumps(envelope | {"events": [{"type": "update", "orders": [order]}]}))
    return made


def _ours() -> Callable[[bytes], object]:
    account = Account("alice", "coinbase-advanced", "live")
    parser = Parser(account, {"SOL-USD": "SOL-USD"})
    left = _FRAMES

    def read(frame: bytes) -> object:
        nonlocal parser, left
        if not left:  # what it knows of a frame it tells no more
            parser, left = Parser(account, {"SOL-USD": "SOL-USD"}), _FRAMES
        left -= 1
        (report,) = parser.parse(frame, _NOW_NS)
        assert isinstance(report, ExecutionReport)  # as the gateway tells events from controls
        return report.event_id, report.json, report.pair, report.kind

    return read


def run() -> dict[str, Any]:
    """Return the cost of an order's frame by each way, in microseconds of CPU, and how much less ours is."""
    return compared(frames(_FRAMES), {"fillwire": _ours(), "msgspec": by_msgspec(_Frame)})
