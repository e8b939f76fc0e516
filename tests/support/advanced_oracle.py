"""A slow, plain parser of Coinbase Advanced frames, written from the venue's documents: the oracle of the fast one.

It shares no code with the extension. Where a frame has several defects, both report the first in this order: the text
itself, then what cannot be decoded, then values outside closed sets, then contradictions; order by order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fillwire.domain.enums import Kind, Source
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account, state_event_id
from fillwire.wire.codec import encode_order
from fillwire.wire.decimals import decimal_text
from support.advanced_oracle_order import ACCEPTED, ENDINGS, Order, check_time, read_order, read_time
from support.binance_oracle_reader import Integer, Pairs, Reader, Refused, decode, plain, refuse

SNAPSHOT_ORDERS = 50
Said = tuple[str, Any]


@dataclass(slots=True)
class Known:
    """What the connection knows of an order."""

    shown: Decimal | None = None
    recorded: Decimal | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None
    has_ended: bool = False

    @property
    def executed(self) -> Decimal:
        """The most that anybody has said."""
        return max(self.shown or Decimal(0), self.recorded or Decimal(0))


class Oracle:
    """Parser for the frames of one connection."""

    def __init__(self, account: Account, symbols: Mapping[str, str]) -> None:
        self._account = account
        self._symbols = symbols
        self._known: dict[str, Known] = {}
        self._next: int | None = None
        self._is_in_snapshot = False

    def note_order(
        self,
        order_id: str,
        executed: Decimal,
        price: Decimal | None,
        quantity: Decimal | None,
        *,
        is_open: bool,
    ) -> None:
        """Take what the records show of an order."""
        known = self._known.setdefault(order_id, Known())
        known.recorded = max(known.recorded or Decimal(0), executed)
        known.price = known.price if price is None else price
        known.quantity = known.quantity if quantity is None else quantity
        known.has_ended |= not is_open

    def parse(self, frame: bytes, received_ns: int) -> list[Said]:
        """Return what the frame says: `("event", canonical JSON)`, `("control", document)` or `("error", code)`."""
        try:
            return self._interpret(decode(frame), received_ns)
        except Refused as refused:
            return [("error", refused.code)]

    def _interpret(self, outer: Pairs, received_ns: int) -> list[Said]:
        reader = Reader(outer)
        if outer.get("channel") is None and outer.get("type") is not None:
            message, reason = reader.text("message"), reader.text("reason", is_mandatory=False)
            return [("control", {"type": "error", "message": message, "reason": reason})]
        channel = reader.text("channel")
        if channel not in {"user", "heartbeats", "subscriptions"}:
            refuse("unknown_event")
        sent_ns = read_time(reader, "timestamp")
        number = int(reader.integer("sequence_num"))
        reader.refuse_absurd()
        if number < 0:
            refuse("negative_id")
        check_time(sent_ns, received_ns)
        if self._next is None:
            self._next = number
        said: list[Said] = []
        if number > self._next:
            gap = {"expected": self._next, "number": number, "exchange_time_ns": sent_ns}
            said.append(("control", {"type": "sequence_gap"} | gap))
        if channel == "heartbeats":
            said.append(("control", _heartbeat(reader, sent_ns)))
        elif channel == "subscriptions":
            said.append(("control", _subscriptions(reader, sent_ns)))
        else:
            said += self._user(reader, sent_ns, received_ns, is_late=number < self._next)
        self._next = max(self._next, number + 1)
        return said

    def _user(self, reader: Reader, sent_ns: int, received_ns: int, *, is_late: bool) -> list[Said]:
        is_in_snapshot = self._is_in_snapshot
        orders: list[tuple[Order, bool]] = []
        for event in _objects(reader, "events"):
            kind = event.text("type")
            if kind not in {"snapshot", "update", "patch"}:
                refuse("unknown_event")
            rows = [] if event.document.get("orders") is None else list(event.array("orders"))
            is_snapshot = is_in_snapshot or kind == "snapshot"
            is_in_snapshot = is_snapshot and len(rows) >= SNAPSHOT_ORDERS
            is_news = not is_snapshot and not is_late
            for row in rows:
                if not isinstance(row, Pairs):
                    refuse("wrong_type")
                order = read_order(Reader(row), received_ns, self._symbols)
                known = self._known.get(order.order_id)
                if is_news and known is not None and known.shown is not None and known.shown > order.executed:
                    refuse("cumulative_decreased")
                orders.append((order, is_news))
        self._is_in_snapshot = is_in_snapshot
        said: list[Said] = []
        for order, is_news in orders:
            said += self._tell(order, sent_ns, received_ns, is_news=is_news)
        return said

    def _tell(self, order: Order, sent_ns: int, received_ns: int, *, is_news: bool) -> list[Said]:
        is_unknown = order.order_id not in self._known
        known = self._known.setdefault(order.order_id, Known())
        said: list[Said] = []
        is_more = order.executed > known.executed
        ending = ENDINGS.get(order.status)
        is_accepted = order.status in ACCEPTED

        def event(kind: Kind) -> Said:
            return "event", encode_order(self._event(order, known, kind, sent_ns, received_ns))

        had_ended = known.has_ended
        if ending is not None:
            if not had_ended or is_more:
                is_published = order.executed == (known.recorded or Decimal(0)) and ending is not Kind.FILLED
                said.append(event(ending) if is_news and is_published else _doubt(order, has_ended=True))
                known.has_ended = True
        elif (
            is_more or order.status == "UNKNOWN_ORDER_STATUS" or (is_unknown and is_news and not is_accepted)
        ):
            said.append(_doubt(order, has_ended=False))
        if not had_ended and is_accepted:
            if is_unknown:
                if not order.executed:
                    said.append(event(Kind.NEW))
            elif (
                is_news
                and order.status == "OPEN"
                and (
                    _differs(order.price, known.price)
                    or (not is_more and _differs(order.quantity, known.quantity))
                )
            ):
                said.append(event(Kind.REPLACED))
        known.shown = max(known.shown or Decimal(0), order.executed)
        known.price = order.price or known.price
        known.quantity = order.quantity or known.quantity
        return said

    def _event(self, order: Order, known: Known, kind: Kind, sent_ns: int, received_ns: int) -> OrderEvent:
        suffix = f"replaced-{sent_ns}" if kind is Kind.REPLACED else kind
        is_new = kind is Kind.NEW and order.created_ns is not None
        return OrderEvent(
            event_id=state_event_id(self._account, order.product, order.order_id, suffix),
            kind=kind,
            exchange=self._account.exchange,
            environment=self._account.environment,
            user=self._account.user,
            pair=self._symbols[order.product],
            symbol=order.product,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            new_client_order_id=None,
            order_list_id=None,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            price=order.price or known.price,
            stop_price=order.stop_price,
            quantity=order.quantity or known.quantity,
            quote_quantity=None,
            cumulative_quantity=order.executed,
            cumulative_quote=order.quote if order.quote is not None or order.executed else Decimal(0),
            average_price=order.average if order.executed else None,
            prevented_quantity=None,
            is_working=order.status == "OPEN" and order.is_triggered,
            venue_status=order.status,
            last_fill=None,
            reject_reason=order.reason,
            execution_id=None,
            exchange_time_ns=sent_ns,
            transaction_time_ns=order.created_ns if is_new and order.created_ns is not None else sent_ns,
            received_time_ns=received_ns,
            source=Source.STREAM,
        )


def _heartbeat(reader: Reader, sent_ns: int) -> dict[str, Any]:
    for event in _objects(reader, "events"):
        counter = event.document.get("heartbeat_counter")
        if counter is not None and type(counter) not in {str, Integer}:
            refuse("wrong_type")
    return {"type": "heartbeat", "exchange_time_ns": sent_ns}


def _subscriptions(reader: Reader, sent_ns: int) -> dict[str, Any]:
    channels = []
    for event in _objects(reader, "events"):
        value = event.document.get("subscriptions")
        if value is None:
            refuse("missing_field")
        if not isinstance(value, Pairs):
            refuse("wrong_type")
        channels.append(plain(value))
    return {"type": "subscriptions", "exchange_time_ns": sent_ns, "channels": channels}


def _doubt(order: Order, *, has_ended: bool) -> Said:
    document = {"type": "order_doubted", "symbol": order.product, "order_id": order.order_id}
    return "control", document | {"executed": decimal_text(order.executed), "has_ended": has_ended}


def _differs(now: Decimal | None, before: Decimal | None) -> bool:
    return now is not None and before is not None and now != before


def _objects(reader: Reader, key: str) -> list[Reader]:
    found = []
    for element in reader.array(key):
        if not isinstance(element, Pairs):
            refuse("wrong_type")
        found.append(Reader(element))
    return found
