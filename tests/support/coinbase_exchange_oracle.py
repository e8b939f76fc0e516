"""A slow, plain parser of Coinbase Exchange frames, written from the venue's documents: the oracle of the fast one.

It shares no code with the extension. What an order has executed is summed anew from all its trades for each frame.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fillwire.domain.identifiers import Account
from fillwire.wire.decimals import decimal_text
from support.binance_oracle_reader import Pairs, Reader, Refused, decode, plain, refuse
from support.coinbase_exchange_oracle_events import Event, event_json
from support.coinbase_exchange_oracle_messages import (
    ORDER_MESSAGES,
    Message,
    is_own,
    read_instant,
    read_message,
)
from support.coinbase_exchange_oracle_orders import Count, Facts, Order

PUBLIC = {"last_match", "auction", "rfq_match", "ticker", "snapshot", "l2update", "status"}
RESTART = 1_000_000
END_OF_TIME = 2**63
LAG_NS = 10 * 10**9

Said = tuple[str, Any]


class Oracle:
    """Parser for the frames of one connection."""

    def __init__(self, account: Account, symbols: Mapping[str, str], clock_offset_ns: int = 0) -> None:
        self._account = account
        self._symbols = symbols
        self._offset_ns = clock_offset_ns
        self._orders: dict[str, Order] = {}
        self._ended: dict[str, int] = {}
        self._counts: dict[str, Count] = {}
        self._said: list[Said] = []
        self._received_ns = 0
        self._began_ns: int | None = None

    # -- in

    def parse(self, frame: bytes, received_ns: int) -> list[Said]:
        """Return what the frame says; `[("error", code)]` if it is refused."""
        self._said = []
        self._received_ns = received_ns
        if self._began_ns is None:
            self._began_ns = received_ns
        try:
            document = decode(frame)
        except Refused as refused:
            self._doubt_all(None)
            return [("error", refused.code)]
        try:
            self._read(document)
        except Refused as refused:
            self._blame(document, refused.code)
            return [("error", refused.code)]
        return self._said

    def is_doubted(self, order_id: str) -> bool:
        """Whether the records must tell of trades of an order that were not told."""
        order = self._orders.get(order_id)
        return order is not None and order.is_behind

    def note(self, facts: Facts) -> None:
        """Take what the records show."""
        if not facts.is_open:
            self._end(facts.order_id, END_OF_TIME)
            return
        if facts.order_id in self._ended:
            return
        if facts.order_id not in self._orders:
            unknown_since_ns = END_OF_TIME if self._began_ns is None else self._began_ns
            self._orders[facts.order_id] = Order(facts.symbol, facts.side, doubted_ns=unknown_since_ns)
        order = self._orders[facts.order_id]
        if order.was_received:
            said = {
                name: facts.values.get(name) for name in ("client_order_id", "time_in_force", "stop_price")
            }
            order.facts |= {name: value for name, value in said.items() if value is not None}
        else:
            order.facts |= facts.values
            order.side = facts.side
        base_id = facts.last_trade_id if facts.executed else -1
        if base_id is None or base_id < order.base_id:
            return
        later = [trade for trade in order.trades if trade.id > base_id]
        executed = facts.executed + sum((trade.quantity for trade in later), Decimal(0))
        if order.quantity is not None and executed > order.quantity:
            return
        has_later = any(not trade.is_told and trade.id <= base_id for trade in order.trades)
        if order.doubted_ns is not None and (has_later or self._received_ns - order.doubted_ns >= LAG_NS):
            order.doubted_ns = None
        order.base, order.base_id, order.trades = facts.executed, base_id, later
        order.base_quote = facts.quote if facts.executed else Decimal(0)
        if order.held is not None and order.held.id <= base_id:
            order.held = None

    # -- frames

    def _read(self, document: Pairs) -> None:
        reader = Reader(document)
        kind = reader.text("type")
        if kind in PUBLIC:
            return
        controls = {
            "heartbeat": self._heartbeat,
            "error": self._error,
            "balance": self._balance,
            "subscriptions": self._subscriptions,
        }
        if kind in controls:
            controls[kind](reader)
        elif kind not in ORDER_MESSAGES:
            refuse("unknown_event")
        elif is_own(document):
            message = read_message(kind, reader, self._symbols, self._received_ns + self._offset_ns)
            if kind != "activate" and self._count_own(message.symbol, message.sequence):
                self._gap(message.symbol)
            self._apply(message)
        else:
            product, number = reader.text("product_id"), reader.integer("sequence", is_mandatory=False)
            reader.refuse_absurd()
            if number is not None and int(number) >= 0 and self._count_public(product, int(number)):
                self._gap(product)

    def _blame(self, document: Pairs, code: str) -> None:
        """Doubt what a refused frame may have told about."""
        keys = ["order_id"]
        if is_own(document):
            keys.append("maker_order_id" if document.get("maker_user_id") is not None else "taker_order_id")
        ids = [document.get(key) for key in keys]
        named = [name for name in ids if type(name) is str and name and len(name.encode()) <= 64]
        is_malformed = code in {"missing_field", "wrong_type", "invalid_decimal", "invalid_time"}
        if named and not is_malformed:
            if named[0] in self._orders:
                self._orders[named[0]].doubt(self._received_ns)
        elif code != "unknown_event" or is_own(document):
            self._doubt_all(None)

    # -- numbers

    def _count_public(self, product: str, number: int) -> bool:
        count = self._counts.get(product)
        if count is None:
            return False
        if count.frontier is None:
            count.frontier = number
            return False
        if count.frontier - number > RESTART:
            self._counts[product] = Count(number, count.is_alone)
            return True
        return number > count.frontier and count.move(number)

    def _count_own(self, product: str, number: int) -> bool:
        count = self._counts.get(product)
        if count is None:
            return False
        if count.is_alone:
            return self._count_public(product, number)
        if count.frontier is None:
            count.frontier = number
        elif number == count.frontier + 1:
            count.move(number)
        elif number > count.frontier:
            count.early.add(number)
        return False

    def _gap(self, product: str) -> None:
        self._said.append(("control", {"type": "sequence_gap", "symbol": product}))
        for symbol, order_id in sorted(self._doubt_all(product)):
            self._doubt(symbol, order_id)

    def _doubt_all(self, product: str | None) -> list[tuple[str, str]]:
        meant = [
            (order.symbol, order_id)
            for order_id, order in self._orders.items()
            if product is None or order.symbol == product
        ]
        for _, order_id in meant:
            self._orders[order_id].doubt(self._received_ns)
        return meant

    def _doubt(self, symbol: str, order_id: str) -> None:
        control = {"type": "order_doubted", "symbol": symbol, "order_id": order_id}
        self._said.append(("control", control))

    # -- controls

    def _heartbeat(self, reader: Reader) -> None:
        time_ns, number = read_instant(reader, "time"), reader.integer("sequence")
        product, trade = reader.text("product_id"), reader.integer("last_trade_id")
        reader.refuse_absurd()
        self._check_time(time_ns)
        document = {"type": "heartbeat", "symbol": product, "sequence": int(number)}
        self._said.append(("control", document | {"last_trade_id": int(trade), "exchange_time_ns": time_ns}))
        count = self._counts.get(product)
        if count is not None:
            told, count.heartbeat = count.heartbeat, int(number)
            if told is not None and count.frontier is not None and told > count.frontier:
                has_come = told in count.early
                if count.move(told) or not has_come:
                    self._gap(product)

    def _error(self, reader: Reader) -> None:
        message, reason = reader.text("message"), reader.text("reason", is_mandatory=False)
        self._said.append(("control", {"type": "error", "message": message, "reason": reason}))

    def _balance(self, reader: Reader) -> None:
        document: dict[str, Any] = {"type": "balance", "account_id": reader.text("account_id")}
        document["asset"] = reader.text("currency")
        for name in ("holds", "available"):
            document[name] = decimal_text(reader.amount(name).value)
        time_ns, updated_ns = read_instant(reader, "timestamp"), read_instant(reader, "updated")
        reader.refuse_absurd()
        self._check_time(time_ns)
        self._said.append(("control", document | {"update_time_ns": updated_ns, "exchange_time_ns": time_ns}))

    def _subscriptions(self, reader: Reader) -> None:
        channels = reader.array("channels")
        listed: dict[str, list[str]] = {"full": [], "user": []}
        for channel in channels:
            if not isinstance(channel, Pairs):
                refuse("wrong_type")
            inner = Reader(channel)
            name = inner.text("name")
            if channel.get("product_ids") is None:
                continue
            for product in inner.array("product_ids"):
                if type(product) is not str:
                    refuse("wrong_type")
                if name in listed:
                    listed[name].append(product)
        self._said.append(("control", {"type": "subscriptions", "channels": plain(channels)}))
        self._counts = {product: self._counts.get(product, Count()) for product in listed["full"]}
        for product, count in self._counts.items():
            count.is_alone = product not in listed["user"]

    def _check_time(self, time_ns: int) -> None:
        if not 1_388_534_400 * 10**9 <= time_ns <= self._received_ns + self._offset_ns + 60 * 10**9:
            refuse("time_out_of_range")

    # -- orders

    def _end(self, order_id: str, number: int) -> None:
        self._orders.pop(order_id, None)
        self._ended[order_id] = number

    def _apply(self, message: Message) -> None:
        order_id = message.order_id
        if order_id in self._ended:
            if message.sequence > self._ended[order_id]:
                self._doubt(message.symbol, order_id)
            return
        order = self._orders.get(order_id)
        if order is None:
            order = Order(message.symbol, message.side)
            self._orders[order_id] = order
            if message.kind in {"received", "activate"}:
                self._begin(message, order)
            else:
                order.last = message.sequence
                order.doubt(self._received_ns)
                if message.kind == "match":
                    order.trades.append(message.trade(is_told=False))
                self._doubt(message.symbol, order_id)
        elif (order.symbol, order.side) != (message.symbol, message.side):
            order.doubt(self._received_ns)
            self._doubt(message.symbol, order_id)
            return
        else:
            self._follow(message, order)
        if message.kind == "done":
            self._end(order_id, message.sequence)

    def _follow(self, message: Message, order: Order) -> None:
        if message.kind == "activate":
            return
        is_late = message.sequence <= order.last
        if message.kind == "match":
            order.last = max(order.last, message.sequence)
            self._match(message, order, is_late=is_late)
            return
        if is_late and message.kind != "done":
            return
        if message.kind == "received":
            if not order.cumulative:
                self._begin(message, order)
            return
        order.last = max(order.last, message.sequence)
        if not is_late:
            order.prove(message.remaining)
        if order.is_doubted or is_late or not self._is_told(message, order):
            order.doubt(self._received_ns)
            self._doubt(message.symbol, message.order_id)

    def _begin(self, message: Message, order: Order) -> None:
        values = message.values
        is_working: bool | None
        if message.kind == "activate":
            step, is_working = "new", False
            order.is_stop = True
            order.facts |= {
                name: values[name] for name in ("order_type", "stop_price", "quantity", "quote_quantity")
            }
        else:
            step, is_working = ("working", True) if order.is_stop else ("new", None)
            if not order.is_stop:
                order.facts["order_type"] = values["order_type"]
            order.facts |= {name: values[name] for name in ("quantity", "price", "quote_quantity")}
            if values["client_order_id"] is not None:
                order.facts["client_order_id"] = values["client_order_id"]
            order.is_stop, order.was_received, order.last = False, True, message.sequence
            if values["order_type"] == "limit" and values["quantity"] is None:
                order.doubt(self._received_ns)
        self._tell(message, order, Event("new", step, is_working=is_working))

    def _match(self, message: Message, order: Order, *, is_late: bool) -> None:
        trade = message.trade(is_told=True)
        if trade.id <= order.base_id:
            return
        for known in order.trades:
            if known.id == trade.id:
                if (known.price, known.quantity) != (trade.price, trade.quantity):
                    refuse("trade_contradicted")
                return
        if not is_late:
            order.prove(trade.quantity)
        is_too_much = order.quantity is not None and order.cumulative + trade.quantity > order.quantity
        if is_late or order.is_doubted or is_too_much:
            order.trades.append(message.trade(is_told=False))
            order.doubt(self._received_ns)
            self._doubt(message.symbol, message.order_id)
            return
        self._release(message, order, "partially_filled")
        order.trades.append(trade)
        if order.cumulative == order.quantity:
            self._tell(message, order, Event("filled", fill=trade))
        elif order.facts.get("order_type") == "market" and order.quantity is None:
            order.held = trade
        else:
            self._tell(message, order, Event("partially_filled", fill=trade))

    def _release(self, message: Message, order: Order, kind: str) -> None:
        held, order.held = order.held, None
        if held is not None:
            self._tell(message, order, Event(kind, fill=held))

    def _is_told(self, message: Message, order: Order) -> bool:  # noqa: PLR0911 - one for each rule
        """Tell what a message says that is no trade; return whether nothing is left to doubt."""
        values = message.values
        if message.kind == "open":
            return order.quantity is None or order.fits(values["remaining"])
        if message.kind == "change":
            if values["new_size"] is None or order.quantity is None:
                return False
            if values["old_size"] is not None and not order.fits(values["old_size"]):
                return False
            order.facts["quantity"] = order.cumulative + values["new_size"]
            order.facts["price"] = values["price"] or order.facts.get("price")
            step = "prevented" if values["reason"] in {None, "STP"} else "replaced"
            self._tell(message, order, Event("replaced", f"{step}-{message.sequence}"))
            return True
        if values["reason"] == "filled":
            if order.cumulative == order.quantity:
                return True
            self._release(message, order, "filled")
            return False
        self._release(message, order, "partially_filled")
        remaining = values["remaining"]
        is_proven = order.quantity is not None and remaining is not None
        if is_proven and not order.fits(remaining):
            return False
        cause = values["cancel_reason"]
        kind = "expired" if cause is not None and cause.startswith("101") else "cancelled"
        self._tell(message, order, Event(kind, kind, is_working=False, cause=cause))
        return is_proven

    def _tell(self, message: Message, order: Order, event: Event) -> None:
        pair = self._symbols[message.symbol]
        state = (order.side, order.cumulative, order.quote, order.facts)
        self._said.append(
            ("event", event_json(self._account, pair, message, state, event, self._received_ns))
        )
