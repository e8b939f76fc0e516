"""One order of a Coinbase Advanced frame, for the oracle: read, checked, and in our words."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fillwire.domain.enums import Kind, OrderType, Side, TimeInForce
from support.alpaca_oracle_reader import time_ns
from support.binance_oracle_reader import Reader, refuse

VENUE_EPOCH_NS = 1_420_070_400 * 10**9  # 2015
MAX_AHEAD_NS = 60 * 10**9
ENDINGS = {
    "FILLED": Kind.FILLED,
    "CANCELLED": Kind.CANCELLED,
    "EXPIRED": Kind.EXPIRED,
    "FAILED": Kind.REJECTED,
}
ACCEPTED = ("PENDING", "QUEUED", "OPEN")
_STATUSES = (*ACCEPTED, "CANCEL_QUEUED", "EDIT_QUEUED", "UNKNOWN_ORDER_STATUS", *ENDINGS)
_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LIMIT": OrderType.STOP_LOSS_LIMIT,
    "STOP": OrderType.STOP_LOSS,
    "BRACKET": OrderType.BRACKET,
    "TWAP": OrderType.TWAP,
    "SCALED": OrderType.SCALED,
    "LIQUIDATION": OrderType.LIQUIDATION,
}
_FORCES = {
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "GOOD_UNTIL_DATE_TIME": TimeInForce.GTD,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
    "UNKNOWN_TIME_IN_FORCE": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as a frame shows it."""

    product: str
    order_id: str
    client_order_id: str | None
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None
    status: str
    price: Decimal | None
    stop_price: Decimal | None
    quantity: Decimal | None
    executed: Decimal
    quote: Decimal | None
    average: Decimal | None
    is_triggered: bool
    created_ns: int | None
    reason: str | None


def read_order(reader: Reader, received_ns: int, symbols: Mapping[str, str]) -> Order:
    """Return an order; refuses one that cannot be so."""
    fields = _decoded(reader)
    kind = _type_name(fields["order_type"])
    _refuse_unknown(fields, kind, symbols)
    reader.refuse_absurd()
    _refuse_contradictions(fields, received_ns)
    executed, leaves, status = fields["executed"], fields["leaves"], fields["status"]
    force = fields["time_in_force"]
    shows_quantity = status not in ENDINGS and kind != "MARKET" and leaves
    return Order(
        product=fields["product_id"],
        order_id=fields["order_id"],
        client_order_id=fields["client_order_id"] or None,
        side=Side(fields["order_side"].lower()),
        type=_TYPES[kind],
        time_in_force=_FORCES[force] if force else None,
        status=status,
        price=fields["limit_price"] or None,
        stop_price=fields["stop_price"] or None,
        quantity=executed + leaves if shows_quantity else None,
        executed=executed,
        quote=fields["filled_value"],
        average=fields["avg_price"] or None,
        is_triggered=fields["trigger_status"] != "STOP_PENDING",
        created_ns=fields["created_ns"],
        reason=_reason(fields),
    )


def _decoded(reader: Reader) -> dict[str, Any]:
    """Return the fields that are read, in the order in which their defects are told."""
    fields: dict[str, Any] = {}
    for name in ("order_id", "product_id"):
        fields[name] = reader.text(name) or refuse("missing_field")
    fields["client_order_id"] = reader.text("client_order_id", is_mandatory=False)
    for name in ("order_side", "order_type"):
        fields[name] = reader.text(name)
    fields["time_in_force"] = reader.text("time_in_force", is_mandatory=False)
    fields["status"] = reader.text("status")
    for name in ("limit_price", "stop_price"):
        fields[name] = _amount(reader, name)
    fields["executed"] = reader.amount("cumulative_quantity").value
    for name in ("leaves_quantity", "avg_price", "filled_value"):
        fields[name] = _amount(reader, name)
    fields["leaves"] = fields["leaves_quantity"]
    fields["trigger_status"] = reader.text("trigger_status", is_mandatory=False)
    created = reader.text("creation_time", is_mandatory=False)
    is_said = created and created != "0001-01-01T00:00:00Z"
    fields["created_ns"] = read_time(reader, "creation_time") if is_said else None
    fields["cancel_reason"] = reader.text("cancel_reason", is_mandatory=False)
    rejected = reader.text("reject_reason", is_mandatory=False)
    fields["reject_reason"] = rejected or reader.text("reject_Reason", is_mandatory=False)
    return fields


def _refuse_unknown(fields: Mapping[str, Any], kind: str, symbols: Mapping[str, str]) -> None:
    if fields["status"] not in _STATUSES:
        refuse("unknown_status")
    if fields["order_side"] not in {"BUY", "SELL"}:
        refuse("unknown_side")
    if kind not in _TYPES:
        refuse("unknown_order_type")
    if fields["time_in_force"] and fields["time_in_force"] not in _FORCES:
        refuse("unknown_time_in_force")
    if fields["product_id"] not in symbols:
        refuse("unknown_symbol")


def _refuse_contradictions(fields: Mapping[str, Any], received_ns: int) -> None:
    if fields["created_ns"] is not None:
        check_time(fields["created_ns"], received_ns)
    for name in ("limit_price", "stop_price", "executed", "leaves", "avg_price", "filled_value"):
        if fields[name] is not None and fields[name] < 0:
            refuse("negative_amount")
    if not fields["executed"]:
        if fields["status"] == "FILLED":
            refuse("filled_short")
    elif not fields["avg_price"]:
        refuse("fill_without_price")


def _reason(fields: Mapping[str, Any]) -> str | None:
    ending = ENDINGS.get(fields["status"])
    rejected = fields["reject_reason"]
    if ending is Kind.REJECTED and rejected and rejected != "REJECT_REASON_UNSPECIFIED":
        return str(rejected)
    return (
        fields["cancel_reason"] or None if ending in {Kind.REJECTED, Kind.CANCELLED, Kind.EXPIRED} else None
    )


def _type_name(text: str) -> str:
    """Return the one spelling of an order type: only words that need it are changed."""
    if any(letter == " " or "a" <= letter <= "z" for letter in text):
        text = _upper(text).replace(" ", "_")
    return text.removesuffix("_ORDER_TYPE")


def _upper(text: str) -> str:
    return "".join(letter.upper() if letter.isascii() else letter for letter in text)


def _amount(reader: Reader, key: str) -> Decimal | None:
    """Return an amount, None where it is left out or empty."""
    if reader.text(key, is_mandatory=False) in {None, ""}:
        return None
    value: Decimal = reader.amount(key).value
    return value


def read_time(reader: Reader, key: str) -> int:
    """Return a mandatory time in nanoseconds."""
    text = reader.text(key)
    try:
        return time_ns(text)
    except ValueError:
        refuse("invalid_time")


def check_time(at_ns: int, received_ns: int) -> None:
    """Refuse a time before the venue began or after now."""
    if not VENUE_EPOCH_NS <= at_ns <= received_ns + MAX_AHEAD_NS:
        refuse("time_out_of_range")
