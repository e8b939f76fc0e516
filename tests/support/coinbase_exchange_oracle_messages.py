"""Messages about orders, for the oracle of Coinbase Exchange: read field by field, refused by the venue's rules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from support.binance_oracle_reader import Pairs, Reader, refuse
from support.coinbase_exchange_oracle_events import Trade

ORDER_MESSAGES = {"received", "open", "match", "done", "change", "activate"}
VENUE_EPOCH_NS = 1_388_534_400 * 10**9
MAX_AHEAD_NS = 60 * 10**9
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """A message about an order of ours; `side` is the order's own."""

    kind: str
    symbol: str
    order_id: str
    side: str
    sequence: int
    time_ns: int
    values: Mapping[str, Any]

    def trade(self, *, is_told: bool) -> Trade:
        """Return the trade that a match is."""
        values = self.values
        return Trade(
            values["trade_id"],
            values["price"],
            values["size"],
            values["is_maker"],
            self.sequence,
            self.time_ns,
            is_told,
        )

    @property
    def remaining(self) -> Decimal | None:
        """What remains of the order by the message, None if it does not say."""
        if self.kind == "done" and self.values["reason"] == "filled":
            return Decimal(0)
        remaining: Decimal | None = self.values.get({"change": "old_size"}.get(self.kind, "remaining"))
        return remaining


def is_own(document: Pairs) -> bool:
    """Return whether a frame is about an order of ours."""
    names = ("user_id", "profile_id", "maker_user_id", "taker_user_id")
    return any(document.get(name) is not None for name in names)


def read_instant(reader: Reader, key: str) -> int:
    """Return a mandatory time of RFC 3339 in nanoseconds."""
    match = _TIME.fullmatch(reader.text(key))
    if match is None:
        return refuse("invalid_time")
    try:
        moment = datetime.fromisoformat(match[1] + match[3])
    except ValueError:
        return refuse("invalid_time")
    difference = moment - _EPOCH
    seconds = difference.days * 86_400 + difference.seconds
    time_ns = seconds * 10**9 + int((match[2] or "").ljust(9, "0")[:9])
    return time_ns if -(2**63) <= time_ns < 2**63 else refuse("invalid_time")


def read_message(kind: str, reader: Reader, symbols: Mapping[str, str], venue_now_ns: int) -> Message:
    """Return the message, in the order of defects: undecodable, unknown, contradicting."""
    symbol = reader.text("product_id")
    if kind == "activate":
        time_ns, sequence = int(reader.amount("timestamp").value * 10**9 // 1), -1
    else:
        time_ns = read_instant(reader, "time")
        sequence = int(reader.integer("sequence"))
    for key in ("user_id", "profile_id", "maker_profile_id", "taker_profile_id"):
        reader.text(key, is_mandatory=False)
    side = reader.text("side")
    order_id, values = _BODIES[kind](reader)
    if side not in {"buy", "sell"}:
        refuse("unknown_side")
    if symbol not in symbols:
        refuse("unknown_symbol")
    reader.refuse_absurd()
    if not VENUE_EPOCH_NS <= time_ns <= venue_now_ns + MAX_AHEAD_NS:
        refuse("time_out_of_range")
    if kind != "activate" and sequence < 0:
        refuse("negative_id")
    if not order_id:
        refuse("missing_field")
    _refuse_contradictions(kind, values)
    if kind == "match" and not values["is_maker"]:
        side = {"buy": "sell", "sell": "buy"}[side]
    if kind == "activate":
        waits_for_loss = (values["stop"], side) in {("loss", "sell"), ("entry", "buy")}
        values["order_type"] = "stop_loss_limit" if waits_for_loss else "take_profit_limit"
    return Message(kind, symbol, order_id, side, sequence, time_ns, values)


def _refuse_contradictions(kind: str, values: Mapping[str, Any]) -> None:
    if kind == "match":
        if values["is_maker"] and values["is_taker"]:
            refuse("self_trade")
        if values["trade_id"] < 0:
            refuse("negative_id")
    if any(isinstance(value, Decimal) and value < 0 for value in values.values()):
        refuse("negative_amount")
    if kind == "match" and not values["size"]:
        refuse("fill_without_quantity")
    if kind == "match" and not values["price"]:
        refuse("fill_without_price")
    if kind == "done" and values["reason"] == "filled" and values["remaining"]:
        refuse("filled_short")


def _amount(reader: Reader, key: str, *, is_mandatory: bool = False) -> Decimal | None:
    amount = reader.amount(key, is_mandatory=is_mandatory)
    return None if amount is None else amount.value


def _word(word: Any, words: set[str], code: str) -> Any:
    return word if word in words else refuse(code)


def _received(reader: Reader) -> tuple[str, dict[str, Any]]:
    order_id = reader.text("order_id")
    ids = [reader.text(key, is_mandatory=False) for key in ("client_oid", "client-oid")]
    order_type = reader.text("order_type")
    quantity, price, funds = (_amount(reader, key) or None for key in ("size", "price", "funds"))
    return order_id, {
        "client_order_id": (ids[1] if ids[0] is None else ids[0]) or None,
        "order_type": _word(order_type, {"limit", "market"}, "unknown_order_type"),
        "quantity": quantity,
        "price": price,
        "funds": funds,
        "quote_quantity": None if quantity else funds,
    }


def _open(reader: Reader) -> tuple[str, dict[str, Any]]:
    order_id = reader.text("order_id")
    reader.amount("price")
    return order_id, {"remaining": _amount(reader, "remaining_size", is_mandatory=True)}


def _match(reader: Reader) -> tuple[str, dict[str, Any]]:
    maker, taker = reader.text("maker_order_id"), reader.text("taker_order_id")
    trade_id = int(reader.integer("trade_id"))
    price, size = (_amount(reader, key, is_mandatory=True) for key in ("price", "size"))
    for key in ("maker_fee_rate", "taker_fee_rate"):
        reader.amount(key, is_mandatory=False)
    is_maker, is_taker = (
        reader.text(key, is_mandatory=False) is not None for key in ("maker_user_id", "taker_user_id")
    )
    if not is_maker and not is_taker:
        refuse("missing_field")
    values = {"trade_id": trade_id, "price": price, "size": size, "is_maker": is_maker, "is_taker": is_taker}
    return maker if is_maker else taker, values


def _done(reader: Reader) -> tuple[str, dict[str, Any]]:
    order_id, reason = reader.text("order_id"), reader.text("reason")
    remaining = _amount(reader, "remaining_size")
    cancel_reason = reader.text("cancel_reason", is_mandatory=False) or None
    reader.amount("price", is_mandatory=False)
    _word(reason, {"filled", "canceled"}, "unknown_status")
    return order_id, {"reason": reason, "remaining": remaining, "cancel_reason": cancel_reason}


def _change(reader: Reader) -> tuple[str, dict[str, Any]]:
    order_id, reason = reader.text("order_id"), reader.text("reason", is_mandatory=False)
    old_size, new_size, price = (_amount(reader, key) for key in ("old_size", "new_size", "price"))
    reader.amount("old_price", is_mandatory=False)
    new_price = _amount(reader, "new_price")
    for key in ("old_funds", "new_funds"):
        reader.amount(key, is_mandatory=False)
    _word(reason, {None, "STP", "modify_order"}, "unknown_execution_type")  # type: ignore[arg-type]
    price = price if new_price is None else new_price
    return order_id, {"reason": reason, "old_size": old_size, "new_size": new_size, "price": price}


def _activate(reader: Reader) -> tuple[str, dict[str, Any]]:
    order_id, stop = reader.text("order_id"), reader.text("stop_type")
    stop_price = _amount(reader, "stop_price", is_mandatory=True)
    quantity, funds = (_amount(reader, key) or None for key in ("size", "funds"))
    _word(stop, {"loss", "entry"}, "unknown_order_type")
    amounts = {"stop_price": stop_price, "quantity": quantity, "funds": funds}
    return order_id, {"stop": stop, **amounts, "quote_quantity": None if quantity else funds}


_BODIES = {
    "received": _received,
    "open": _open,
    "match": _match,
    "done": _done,
    "change": _change,
    "activate": _activate,
}
