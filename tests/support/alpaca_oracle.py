"""A slow, plain parser of Alpaca's frames, written from the venue's documents: the oracle of the fast one.

It shares no code with the extension. Where a frame has several defects, both report the first in this order: the text
itself, then what cannot be decoded, then values outside closed sets, then contradictions.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fillwire.domain.enums import Kind
from fillwire.domain.identifiers import Account
from fillwire.wire.codec import encode_order
from fillwire.wire.decimals import decimal_text
from support.alpaca_oracle_order import (
    ANOMALIES,
    FILLS,
    NEW,
    NOTES,
    STEPS,
    Execution,
    Order,
    RawOrder,
    allows,
    check_execution,
    check_order,
    order_event,
    read_order,
    resolve,
)
from support.alpaca_oracle_reader import AlpacaReader
from support.binance_oracle_reader import Amount, Pairs, Refused, decode, refuse

MAX_AHEAD_NS = 60 * 10**9
VENUE_EPOCH_NS = 1_420_070_400 * 10**9

Said = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Oracle:
    """Parser for the frames of one connection.

    Args:
        account: whose.
        symbols: pairs of what is no stock, option or crypto pair.
        clock_offset_ns: venue clock minus ours.
    """

    account: Account
    symbols: Mapping[str, str]
    clock_offset_ns: int = 0

    def parse(self, frame: bytes, received_ns: int) -> Said:
        """Return `("said", [event as bytes or control as document])` or `("error", code)`."""
        try:
            return "said", self._interpret(_object(frame), received_ns)
        except Refused as refused:
            return "error", refused.code

    def _interpret(self, outer: Pairs, received_ns: int) -> list[Any]:
        envelope = AlpacaReader(outer)
        if "stream" not in outer:
            if "order" in outer:
                return self._update(envelope, received_ns)
            if envelope.text("action", is_mandatory=False) == "error":
                message = envelope.object("data").text("error_message", is_mandatory=False)
                return [{"type": "error", "message": message, "reason": None}]
        stream = envelope.text("stream")
        if stream == "trade_updates":
            return self._update(envelope.object("data"), received_ns)
        if stream == "authorization":
            return [_authorization(envelope.object("data"))]
        if stream == "listening":
            streams = envelope.object("data").array("streams")
            if any(type(name) is not str for name in streams):
                refuse("wrong_type")
            return [{"type": "listening", "streams": streams}]
        return refuse("unknown_event")

    def _update(self, data: AlpacaReader, received_ns: int) -> list[Any]:
        update = _read(data)
        order, legs = _resolve(update, self.symbols)
        if update.event in ANOMALIES:
            refuse(ANOMALIES[update.event])
        self._check_time(update.exchange_ns, received_ns)
        self._check_time(update.transaction_ns, received_ns)
        if not allows(update.event, order.status):
            refuse("illegal_status")
        told = _Told(self.account, update.event, update.exchange_ns, update.transaction_ns, received_ns)
        if update.raw.is_package:
            said = self._package(told, order, legs, update.executions)
        else:
            said = told.steps(order, _checked(update, order), None)
        if update.raw.is_package or update.event in NOTES:
            said.append(
                {
                    "type": "order_note",
                    "symbol": order.symbol,
                    "order_id": order.id,
                    "client_order_id": order.client_id,
                    "event": update.event,
                    "venue_status": order.status,
                    "cumulative_quantity": decimal_text(order.filled),
                    "transaction_time_ns": update.transaction_ns,
                }
            )
        return said

    def _package(
        self,
        told: "_Told",
        parent: Order,
        legs: list[Order],
        executions: list[tuple[str, Execution, AlpacaReader]],
    ) -> list[Any]:
        for leg in legs:
            check_order(leg)
        said: list[Any] = []
        if told.event not in FILLS:
            if told.event in NOTES:
                return said
            for leg in legs:
                if allows(told.event, leg.status):
                    said += told.steps(leg, None, parent.id)
                else:
                    said.append(_doubt(leg))
            return said
        ids = [order_id for order_id, _, _ in executions]
        for order_id, execution, reader in executions:
            found = next((leg for leg in legs if leg.id == order_id), None)
            if found is None:
                return refuse("fill_outside_trade")
            if ids.count(order_id) > 1:
                said.append(_doubt(found))
                continue
            check_execution(found, execution)
            own_ns = reader.instant("timestamp")
            time_ns = told.transaction_ns if own_ns is None else own_ns
            self._check_time(time_ns, told.received_ns)
            kind = Kind.FILLED if found.filled == found.quantity else Kind.PARTIALLY_FILLED
            said.append(replace(told, transaction_ns=time_ns).event_of(found, kind, execution, parent.id))
        return said

    def _check_time(self, time_ns: int, received_ns: int) -> None:
        if not VENUE_EPOCH_NS <= time_ns <= received_ns + self.clock_offset_ns + MAX_AHEAD_NS:
            refuse("time_out_of_range")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Update:
    """The fields of an update, each of the right type."""

    data: AlpacaReader
    event: str
    execution_id: str | None
    price: Amount | None
    last: Amount | None
    raw: RawOrder
    legs: list[RawOrder]
    executions: list[tuple[str, Execution, AlpacaReader]]
    exchange_ns: int
    transaction_ns: int


def _read(data: AlpacaReader) -> _Update:
    """Return the fields; refuse what cannot be decoded."""
    event = data.text("event")
    at_ns, timestamp_ns = data.instant("at"), data.instant("timestamp")
    execution_id = data.text("execution_id", is_mandatory=False) or None
    price, last = (data.amount(key, is_mandatory=False) for key in ("price", "qty"))
    reader = data.object("order")
    raw = read_order(reader)
    transaction_ns = raw.state_time_ns(event) if timestamp_ns is None else timestamp_ns
    transaction_ns = at_ns if transaction_ns is None else transaction_ns
    if transaction_ns is None:
        refuse("missing_field")
    legs, executions = _legs(data, event, reader) if raw.is_package else ([], [])
    if not raw.is_package and event in FILLS and (price is None or last is None):
        refuse("missing_field")
    return _Update(
        data=data,
        event=event,
        execution_id=execution_id,
        price=price,
        last=last,
        raw=raw,
        legs=legs,
        executions=executions,
        exchange_ns=transaction_ns if at_ns is None else at_ns,
        transaction_ns=transaction_ns,
    )


def _legs(
    data: AlpacaReader, event: str, order: AlpacaReader
) -> tuple[list[RawOrder], list[tuple[str, Execution, AlpacaReader]]]:
    """Return the legs, and their executions if the event is one."""
    leg_readers, execution_readers = order.objects("legs"), data.objects("legs")
    legs = []
    for reader in leg_readers:
        legs.append(read_order(reader))
        if legs[-1].is_package:
            refuse("missing_field")
    executions = [_leg_execution(reader) for reader in execution_readers] if event in FILLS else []
    if event in FILLS and not executions:
        refuse("missing_field")
    return legs, executions


def _resolve(update: _Update, symbols: Mapping[str, str]) -> tuple[Order, list[Order]]:
    """Return the order and its legs in our words; refuse what is outside closed sets, or absurd."""
    if update.event not in NEW | STEPS.keys() | FILLS | NOTES | ANOMALIES.keys():
        refuse("unknown_event")
    order = resolve(update.raw, symbols)
    legs = []
    for leg in update.legs:
        legs.append(resolve(leg, symbols))
        leg.reader.refuse_absurd()
    for _, _, reader in update.executions:
        reader.refuse_absurd()
    update.data.refuse_absurd()
    update.raw.reader.refuse_absurd()
    return order, legs


def _checked(update: _Update, order: Order) -> Execution | None:
    """Return the execution that the update tells of, None if none; refuse contradictions."""
    check_order(order)
    if update.event not in FILLS or update.price is None or update.last is None:
        return None
    if update.execution_id is None:
        refuse("fill_without_trade_id")
    execution = Execution(update.execution_id, update.price.value, update.last.value)
    check_execution(order, execution)
    if update.event != "fill" and order.quantity is not None and order.filled >= order.quantity:
        refuse("partial_fill_complete")
    return execution


@dataclass(frozen=True, slots=True)
class _Told:
    """What all events of one update have in common."""

    account: Account
    event: str
    exchange_ns: int
    transaction_ns: int
    received_ns: int

    def steps(self, order: Order, execution: Execution | None, parent: str | None) -> list[Any]:
        """Return what an order's event says."""
        if execution is not None:
            kind = Kind.FILLED if self.event == "fill" else Kind.PARTIALLY_FILLED
            return [self.event_of(order, kind, execution, parent)]
        if self.event in NEW:
            return [self.event_of(order, Kind.NEW, None, parent)]
        if self.event not in STEPS:
            return []
        kinds = [STEPS[self.event]]
        if self.event == "replaced":
            kinds.append(Kind.CANCELLED)
        return [self.event_of(order, kind, None, parent) for kind in kinds]

    def event_of(self, order: Order, kind: Kind, execution: Execution | None, parent: str | None) -> bytes:
        """Return an event of the order as its canonical bytes."""
        times = self.exchange_ns, self.transaction_ns, self.received_ns
        return encode_order(order_event(self.account, order, kind, execution, parent, times))


def _object(frame: bytes) -> Pairs:
    try:
        return decode(frame)
    except Refused as refused:
        if refused.code == "not_an_object" and _is_market_data(frame.decode()):
            refuse("unknown_event")
        raise


def _is_market_data(text: str) -> bool:
    text = text.lstrip(" \t\n\r")
    if not text.startswith("["):
        return False

    def constant(name: str) -> None:
        raise json.JSONDecodeError(name, text, 0)

    try:
        array, _ = json.JSONDecoder(parse_constant=constant).raw_decode(text)
    except json.JSONDecodeError:
        return False
    return bool(array) and isinstance(array[0], dict) and "T" in array[0]


def _authorization(data: AlpacaReader) -> dict[str, Any]:
    status = data.text("status")
    action, message = (data.text(key, is_mandatory=False) for key in ("action", "message"))
    if status not in {"authorized", "unauthorized"}:
        refuse("unknown_event")
    return {
        "type": "authorization",
        "authorized": status == "authorized",
        "action": action,
        "message": message,
    }


def _leg_execution(reader: AlpacaReader) -> tuple[str, Execution, AlpacaReader]:
    order_id, trade_id = reader.text("order_id"), reader.text("execution_id")
    price, quantity = reader.amount("price"), reader.amount("qty")
    reader.instant("timestamp")
    return order_id, Execution(trade_id, price.value, quantity.value), reader


def _doubt(order: Order) -> dict[str, Any]:
    return {"type": "order_doubted", "symbol": order.symbol, "order_id": order.id}
