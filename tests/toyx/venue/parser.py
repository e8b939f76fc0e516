"""ToyX's frames, parsed in Python: what an exchange can begin with that has no parser in Rust yet.

An order update shows order and trade as the records do, so that the events are made by what makes them of records.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from fillwire.domain.amounts import difference
from fillwire.domain.enums import Source
from fillwire.domain.errors import FrameError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.venues.parsing import FRAME_ERROR_CODES, MAX_FRAME_BYTES, OrderFacts
from fillwire.venues.rebuilding import Rebuilder, Words
from fillwire.venues.records import ExecutionRow, OrderRow, RecordedReport
from toyx.venue.rows import Defect, Row, execution_row, member, order_row, text, time_ns

WORDS = Words(new="open", pending="open", partially_filled="open", filled="done")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue says to a login, as `Said`: type `welcome` or `refused`, and the venue's frame."""

    type: str
    json: bytes


@dataclass(frozen=True, slots=True)
class ToyParser:
    """Parser for the frames of one account; has no state.

    Args:
        account: whose.
        pairs: the venue's symbol to pair.
    """

    account: Account
    pairs: Mapping[str, str]

    def parse(self, frame: bytes, received_time_ns: int) -> list[RecordedReport | Answer]:
        """Return what a frame says.

        Raises:
            FrameError: it is not what the venue's documents allow.
        """
        document: Row = {}
        try:
            document = _document(frame)
            kind = text(document, "type")
            if kind == "order":
                return self._update(document, received_time_ns)
            return [_answer(kind, document, frame)]
        except Defect as defect:
            raise self._error(defect, document.get("order")) from defect

    def use_clock(self, offset_ns: int) -> None:
        """Do nothing: the venue's times are only passed on."""

    def use_symbols(self, symbols: Mapping[str, str]) -> bool:
        """Return False: there is nothing that another parser would not know."""
        _ = symbols
        return False

    def note_order(self, order: OrderFacts) -> None:
        """Do nothing: frames tell all of an order."""

    def rebuilder(self) -> Rebuilder:
        """Return what makes events of orders and trades."""
        return Rebuilder(self.account, self.event_id, WORDS)

    def event_id(self, row: ExecutionRow) -> str:
        """Return the identity of an execution."""
        return execution_event_id(self.account, row.symbol, row.order_id, row.trade_id)

    def _update(self, document: Row, received_ns: int) -> list[RecordedReport | Answer]:
        order = order_row(member(document, "order"))
        pair = self.pairs.get(order.symbol)
        if pair is None:
            raise Defect("unknown_symbol", "symbol", f"expected a symbol of the venue, was {order.symbol!r}")
        emitted_ns = time_ns(document, "time")
        trade = member(document, "trade")
        events = (
            self._steps(pair, order, received_ns)
            if trade is None
            else self._fill(pair, order, execution_row(trade), received_ns)
        )
        return [
            RecordedReport.of(replace(event, source=Source.STREAM, exchange_time_ns=emitted_ns))
            for event in events
        ]

    def _steps(self, pair: str, order: OrderRow, received_ns: int) -> list[OrderEvent]:
        rebuilder = self.rebuilder()
        if order.ending is None:
            event = None if order.executed else rebuilder.opening(pair, order, received_ns)
        else:
            event = rebuilder.ending(pair, order, received_ns)
        return [] if event is None else [event]

    def _fill(self, pair: str, order: OrderRow, trade: ExecutionRow, received_ns: int) -> list[OrderEvent]:
        if trade.order != order.key:
            raise Defect("trade_contradicted", "order", f"expected that of the order, was {trade.order_id!r}")
        if not trade.quantity:
            raise Defect("fill_without_quantity", "quantity", "expected more than nothing")
        known = difference(order.executed, trade.quantity)
        if known < 0:
            raise Defect("last_exceeds_cumulative", "quantity", f"expected at most {order.executed}")
        if order.quantity is not None and order.executed > order.quantity:
            raise Defect("cumulative_exceeds_quantity", "executed", f"expected at most {order.quantity}")
        return self.rebuilder().fills(pair, order, [trade], known, received_ns)

    def _error(self, defect: Defect, order: object) -> FrameError:
        """Return the defect with the order it is of, where that can still be read: its records are asked then."""
        named = order if isinstance(order, Mapping) else {}
        symbol, order_id = named.get("symbol"), named.get("id")
        return FrameError(
            venue=self.account.exchange,
            error_class=FRAME_ERROR_CODES[defect.code],
            code=defect.code,
            field=defect.field,
            offset=0,
            message=str(defect),
            symbol=symbol if isinstance(symbol, str) else None,
            order_id=order_id if isinstance(order_id, str) else None,
        )


def _answer(kind: str, document: Row, frame: bytes) -> Answer:
    if kind == "refused":
        text(document, "reason")
    elif kind != "welcome":
        raise Defect("unknown_event", "type", f"expected welcome, refused or order, was {kind!r}")
    return Answer(kind, frame)


def _document(frame: bytes) -> Row:
    """Return the object that a frame is; `json` would take more than is JSON, and `orjson` a member twice."""
    if len(frame) > MAX_FRAME_BYTES:
        raise Defect("frame_too_large", None, f"expected at most {MAX_FRAME_BYTES} bytes, was {len(frame)}")
    try:
        orjson.loads(frame)
        document = json.loads(frame, object_pairs_hook=_once)
    except Defect:
        raise
    except (ValueError, RecursionError) as error:
        raise Defect("invalid_json", None, f"expected JSON: {error}") from error
    if not isinstance(document, dict):
        raise Defect("not_an_object", None, f"expected an object, was {type(document).__name__}")
    return document


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise Defect("duplicate_key", None, "expected each member once")
    return found
