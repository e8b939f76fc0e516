"""Hypothesis strategies for the frames of a Coinbase Advanced connection: what orders go through, and what can go wrong."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

NOW_NS = 1_778_051_340 * 10**9  # 2026-05-06T07:09:00Z
PRODUCTS = {"SOL-USD": "SOL-USD", "BTC-USDC": "BTC-USDC", "BIT-28JUN24-CDE": "BIT-28JUN24-CDE", "É": "é"}
IDS = ["o1", "o2", "9b1d-é", "x" * 40]
STATUSES = [
    "PENDING",
    "QUEUED",
    "OPEN",
    "OPEN",
    "OPEN",
    "CANCEL_QUEUED",
    "EDIT_QUEUED",
    "UNKNOWN_ORDER_STATUS",
]
ENDINGS = ["FILLED", "CANCELLED", "EXPIRED", "FAILED"]
_AMOUNTS = ["0", "0.5", "0.50", "1", "1.25", "2.000000000000000001", "3"]
_TIMES = [
    "2026-05-06T07:08:09.123456789Z",
    "2026-05-06T07:08:08Z",
    "2026-05-06T07:10:00Z",
    "2026-05-06T09:08:08.5+02:00",
]
_OTHERS: dict[str, Any] = {
    "completion_percentage": "25.00",
    "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
    "number_of_fills": "1",
    "outstanding_hold_amount": "2",
    "post_only": "false",
    "product_type": "SPOT",
    "retail_portfolio_id": "3e625b74",
    "total_fees": "0.303",
    "end_time": "0001-01-01T00:00:00Z",
    "zz": {"new": [1, {"a": None}]},
}


@dataclass(frozen=True, slots=True)
class Note:
    """What the records show of an order between two frames."""

    order_id: str
    executed: Decimal
    price: Decimal | None
    quantity: Decimal | None
    is_open: bool


@st.composite
def orders(draw: DrawFn) -> dict[str, Any]:
    """An order that keeps all rules by itself."""
    status = draw(st.sampled_from([*STATUSES, *ENDINGS]))
    executed = draw(st.sampled_from(_AMOUNTS[1:] if status == "FILLED" else _AMOUNTS))
    order: dict[str, Any] = {
        "avg_price": "0" if Decimal(executed) == 0 else draw(st.sampled_from(["101", "0.0001"])),
        "cancel_reason": draw(st.sampled_from(["", "User requested cancel", 'a"b\\é'])),
        "client_order_id": draw(st.sampled_from(["", "cli-77", "ö"])),
        "cumulative_quantity": executed,
        "filled_value": draw(st.sampled_from(["", "0", "50.5"])),
        "leaves_quantity": draw(st.sampled_from(["0", "", "1.5", "2"])),
        "limit_price": draw(st.sampled_from(["", "0", "100", "100.00", "101"])),
        "order_id": draw(st.sampled_from(IDS)),
        "order_side": draw(st.sampled_from(["BUY", "SELL"])),
        "order_type": draw(
            st.sampled_from(["LIMIT", "Limit", "MARKET", "Stop Limit", "STOP_LIMIT_ORDER_TYPE", "TWAP"])
        ),
        "product_id": draw(st.sampled_from(sorted(PRODUCTS))),
        "reject_reason": draw(st.sampled_from(["", "REJECT_REASON_UNSPECIFIED", "too poor"])),
        "status": status,
        "stop_price": draw(st.sampled_from(["", "0", "99"])),
        "time_in_force": draw(
            st.sampled_from(["GOOD_UNTIL_CANCELLED", "GOOD_UNTIL_DATE_TIME", "UNKNOWN_TIME_IN_FORCE", ""])
        ),
        "trigger_status": draw(st.sampled_from(["INVALID_ORDER_TYPE", "STOP_PENDING", "STOP_TRIGGERED"])),
        "creation_time": draw(st.sampled_from([*_TIMES, "0001-01-01T00:00:00Z", ""])),
    }
    optional = ["filled_value", "leaves_quantity", "limit_price", "stop_price", "time_in_force"]
    optional += ["trigger_status", "creation_time", "cancel_reason", "reject_reason", "client_order_id"]
    for name in draw(st.sets(st.sampled_from(optional), max_size=3)):
        order[name] = None if draw(st.booleans()) else order[name]
        if order[name] is not None:
            del order[name]
    if draw(st.integers(0, 4)) == 0:
        order |= _OTHERS
    if draw(st.integers(0, 4)) == 0:
        order["reject_Reason"] = order.pop("reject_reason", "")
    return order


@st.composite
def events(draw: DrawFn) -> dict[str, Any]:
    """An event of the channel `user`; now and then a full part of a snapshot."""
    kind = draw(st.sampled_from(["update", "update", "update", "snapshot", "patch"]))
    found = draw(st.lists(orders(), max_size=2))
    if found and draw(st.integers(0, 19)) == 0:
        found = found[:1] * draw(st.sampled_from([49, 50]))
    event: dict[str, Any] = {"type": kind, "orders": found}
    if draw(st.booleans()):
        event["positions"] = []
    if not found:
        event["orders"] = draw(st.sampled_from([None, []]))
    return event


@st.composite
def frames(draw: DrawFn, number: int) -> dict[str, Any]:
    """A numbered frame of any channel."""
    rest: dict[str, Any] = {"timestamp": draw(st.sampled_from(_TIMES[:2])), "sequence_num": number}
    if draw(st.booleans()):
        rest = {"client_id": ""} | rest
    match draw(st.sampled_from(["user", "user", "user", "user", "heartbeats", "subscriptions"])):
        case "heartbeats":
            counter = draw(st.sampled_from([7, "7"]))
            beat = {"current_time": "2024-10-04 07:04:40 +0000 UTC", "heartbeat_counter": counter}
            return {"channel": "heartbeats"} | rest | {"events": [beat]}
        case "subscriptions":
            channels = draw(
                st.sampled_from([{}, {"user": ["3e62"]}, {"user": ["x"], "heartbeats": ["heartbeats"]}])
            )
            return {"channel": "subscriptions"} | rest | {"events": [{"subscriptions": channels}]}
        case _:
            found = draw(st.lists(events(), min_size=draw(st.integers(0, 1)), max_size=1))
            return {"channel": "user"} | rest | {"events": found}


def compact(frame: dict[str, Any]) -> bytes:
    """Return a frame without white space, as the venue sends it."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()


@st.composite
def stories(draw: DrawFn) -> list[bytes | Note]:
    """What a connection receives, in order: frames, some lost or late, and what the records show meanwhile."""
    number = draw(st.integers(0, 3))
    story: list[bytes | Note] = []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.integers(0, 3)) == 0:
            story.append(draw(notes()))
        frame = draw(frames(number))
        story.append(compact(frame) if draw(st.integers(0, 3)) else json.dumps(frame).encode())
        number = max(0, number + draw(st.sampled_from([1, 1, 1, 1, 2, 0, -1])))
    return story


@st.composite
def notes(draw: DrawFn) -> Note:
    """What the records show of an order."""
    amounts = st.sampled_from(_AMOUNTS).map(Decimal)
    some = st.one_of(st.none(), amounts.filter(bool))
    return Note(draw(st.sampled_from(IDS)), draw(amounts), draw(some), draw(some), draw(st.booleans()))


_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 10**20, [], {}, "", "x", "-1", "1e5", "01", "0" * 40, "9" * 30, "OPEN", "FILLED",
    "2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", [{}], [[]], {"a": 1},
]  # fmt: skip


@st.composite
def damaged(draw: DrawFn) -> bytes:
    """A frame in which a value, a key or a byte is not what it should be."""
    frame = draw(frames(0))
    target: Any = frame
    for _ in range(draw(st.integers(0, 4))):
        inner = list(target.values()) if isinstance(target, dict) else target
        choices = [value for value in inner if isinstance(value, dict | list) and value]
        if not choices:
            break
        target = draw(st.sampled_from(choices))
    if isinstance(target, dict):
        key = draw(st.sampled_from(sorted(target)))
        if draw(st.booleans()):
            del target[key]
        else:
            target[key] = draw(st.sampled_from(_VALUES))
    elif target:
        target[draw(st.integers(0, len(target) - 1))] = draw(st.sampled_from(_VALUES))
    text = (compact(frame) if draw(st.booleans()) else json.dumps(frame).encode()).decode()
    match draw(st.integers(0, 5)):
        case 0:
            position = draw(st.integers(0, len(text) - 1))
            text = text[:position] + draw(st.characters(codec="utf-8")) + text[position + 1 :]
        case 1:
            text = text[: draw(st.integers(0, len(text)))]
        case 2:
            text = text.replace('"status"', '"order_id":"twice","status"', 1)
        case _:
            pass
    return text.encode()
