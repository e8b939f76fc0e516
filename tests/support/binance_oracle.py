"""A slow, plain parser of Binance Spot frames, written from the venue's documents: the oracle of the fast one.

It shares no code with the extension. Where a frame has several defects, both report the first in this order: the text
itself, then what cannot be decoded, then values outside closed sets, then contradictions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.wire.codec import encode_order
from fillwire.wire.decimals import decimal_text
from support.binance_oracle_execution import (
    MAX_AHEAD_NS,
    VENUE_EPOCH_NS,
    order_event,
    read_execution,
    refuse_contradictions,
    refuse_unknown,
)
from support.binance_oracle_reader import Integer, Pairs, Reader, Refused, decode, plain, refuse

Event = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is fixed for a connection."""

    account: Account
    symbols: Mapping[str, str]
    microseconds: bool = False
    clock_offset_ns: int = 0


class Oracle:
    """Parser for the frames of one connection."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._unit_ns = 1_000 if setting.microseconds else 1_000_000
        self._received_time_ns = 0

    def parse(self, frame: bytes, received_time_ns: int) -> Event:
        """Return `("event", canonical JSON)`, `("control", document)` or `("error", code)`."""
        self._received_time_ns = received_time_ns
        try:
            return self._interpret(decode(frame))
        except Refused as refused:
            return "error", refused.code

    def _interpret(self, outer: Pairs) -> Event:
        envelope = Reader(outer)
        wrapper = None
        if "event" in outer:
            wrapper = "event"
        elif "data" in outer and "stream" in outer:
            envelope.text("stream")
            wrapper = "data"
        subscription_id = envelope.integer("subscriptionId", is_mandatory=False)
        if wrapper is None:
            if "e" not in outer and "id" in outer and "status" in outer:
                return self._response(envelope)
            inner = envelope
        else:
            if not isinstance(outer[wrapper], Pairs):
                refuse("not_an_object")
            inner = Reader(outer[wrapper])
        event = self._event(inner, None if subscription_id is None else int(subscription_id))
        envelope.refuse_absurd()
        return event

    def _response(self, reader: Reader) -> Event:
        answer = reader.document
        if answer["id"] is not None and type(answer["id"]) not in {str, Integer}:
            refuse("wrong_type")
        status = reader.integer("status")
        error = answer.get("error")
        has_result = "result" in answer and not (answer["result"] is None and error is not None)
        if not has_result and error is None:
            refuse("missing_field")
        if error is not None and not isinstance(error, Pairs):
            refuse("wrong_type")
        reader.refuse_absurd()
        if has_result and error is not None:
            refuse("ambiguous_response")
        return "control", {
            "type": "response",
            "id": plain(answer["id"]),
            "status": int(status),
            "result": plain(answer.get("result")),
            "error": plain(error),
            "rate_limits": plain(answer.get("rateLimits")),
        }

    def _event(self, reader: Reader, subscription_id: int | None) -> Event:
        name = reader.text("e")
        if name == "executionReport":
            return "event", encode_order(self._execution(reader))
        readers: dict[str, Callable[[Reader], dict[str, Any]]] = {
            "outboundAccountPosition": self._position,
            "balanceUpdate": lambda reader: self._delta("balance", reader),
            "externalLockUpdate": lambda reader: self._delta("external_lock", reader),
            "listStatus": self._list_status,
            "eventStreamTerminated": lambda reader: self._notice("stream_terminated", reader),
            "serverShutdown": lambda reader: self._notice("server_shutdown", reader),
            "listenKeyExpired": lambda reader: self._notice("listen_key_expired", reader),
        }
        if name not in readers:
            refuse("unknown_event")
        document = readers[name](reader)
        reader.refuse_absurd()
        return "control", {
            "type": document.pop("type"),
            "subscription_id": subscription_id,
            **document,
        }

    # --- times

    def _time_ns(self, reader: Reader, key: str) -> int:
        return int(reader.integer(key)) * self._unit_ns

    def _venue_now_ns(self) -> int:
        return self._received_time_ns + self._setting.clock_offset_ns

    def _check_time(self, time_ns: int) -> None:
        if not VENUE_EPOCH_NS <= time_ns <= self._venue_now_ns() + MAX_AHEAD_NS:
            refuse("time_out_of_range")

    # --- controls: the first contradiction in the order of reading is told, once all has been decoded

    def _notice(self, kind: str, reader: Reader) -> dict[str, Any]:
        time_ns = self._time_ns(reader, "E")
        reader.refuse_absurd()
        self._check_time(time_ns)
        return {"type": kind, "exchange_time_ns": time_ns}

    def _delta(self, kind: str, reader: Reader) -> dict[str, Any]:
        # Numbers are noted as absurd in the order of reading, and a time is looked at where it is read.
        time_ns = self._time_ns(reader, "E")
        doubts = [self._doubt_time(reader, time_ns)]
        asset, delta = reader.text("a"), reader.amount("d")
        transaction_time_ns = self._time_ns(reader, "T")
        doubts.append(self._doubt_time(reader, transaction_time_ns))
        _refuse_first(doubts)
        return {
            "type": kind,
            "exchange_time_ns": time_ns,
            "asset": asset,
            "delta": decimal_text(delta.value),
            "transaction_time_ns": transaction_time_ns,
        }

    def _doubt_time(self, reader: Reader, time_ns: int) -> str | None:
        try:
            reader.refuse_absurd()
            self._check_time(time_ns)
        except Refused as refused:
            return refused.code
        return None

    def _position(self, reader: Reader) -> dict[str, Any]:
        time_ns = self._time_ns(reader, "E")
        doubts = [self._doubt_time(reader, time_ns)]
        update_time_ns = self._time_ns(reader, "u")
        doubts.append(self._doubt_time(reader, update_time_ns))
        balances = []
        for element in _elements(reader, "B"):
            balance = {"asset": element.text("a")}
            for name, key in (("free", "f"), ("locked", "l")):
                amount = element.amount(key)
                balance[name] = decimal_text(amount.value)
                if amount.value < 0:
                    doubts.append("negative_amount")
            balances.append(balance)
            doubts.append("absurd_magnitude" if element.is_absurd else None)
        _refuse_first(doubts)
        return {
            "type": "account",
            "exchange_time_ns": time_ns,
            "update_time_ns": update_time_ns,
            "balances": balances,
        }

    def _list_status(self, reader: Reader) -> dict[str, Any]:
        time_ns = self._time_ns(reader, "E")
        doubts = [self._doubt_time(reader, time_ns)]
        symbol, list_id = reader.text("s"), reader.integer("g")
        contingency, status, order_status = reader.text("c"), reader.text("l"), reader.text("L")
        reason, client_id = reader.text("r", is_mandatory=False), reader.text("C")
        transaction_time_ns = self._time_ns(reader, "T")
        doubts.append(self._doubt_time(reader, transaction_time_ns))
        orders = []
        for element in _elements(reader, "O"):
            order = {"symbol": element.text("s"), "order_id": element.integer("i").canonical}
            if order["order_id"].startswith("-"):
                doubts.append("negative_id")
            order["client_order_id"] = element.text("c")
            orders.append(order)
            doubts.append("absurd_magnitude" if element.is_absurd else None)
        _refuse_first(doubts)
        return {
            "type": "list_status",
            "exchange_time_ns": time_ns,
            "symbol": symbol,
            "order_list_id": list_id.canonical,
            "contingency_type": contingency,
            "list_status": status,
            "list_order_status": order_status,
            "reject_reason": None if reason == "NONE" else reason,
            "list_client_order_id": client_id,
            "transaction_time_ns": transaction_time_ns,
            "orders": orders,
        }

    # --- the order event

    def _execution(self, reader: Reader) -> OrderEvent:
        execution = read_execution(reader)
        refuse_unknown(execution, self._setting.symbols)
        reader.refuse_absurd()
        self._check_time(int(execution.event_time) * self._unit_ns)
        self._check_time(int(execution.transaction_time) * self._unit_ns)
        refuse_contradictions(execution)
        pair = self._setting.symbols[execution.symbol]
        return order_event(execution, self._setting.account, pair, self._unit_ns, self._received_time_ns)


def _refuse_first(doubts: Sequence[str | None]) -> None:
    for doubt in doubts:
        if doubt is not None:
            refuse(doubt)


def _elements(reader: Reader, key: str) -> Iterator[Reader]:
    """Yield a reader for each object of a mandatory array."""
    for element in reader.array(key):
        if not isinstance(element, Pairs):
            refuse("wrong_type")
        yield Reader(element)
