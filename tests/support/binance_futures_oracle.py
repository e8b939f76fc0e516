"""A slow, plain parser of frames of Binance USD-M Futures, written from the venue's documents: the oracle of the fast one.

It shares no code with the extension. Of several defects it reports the first in the order that the oracle of Binance
Spot says: the text itself, what cannot be decoded, values outside closed sets, contradictions.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import execution_event_id, state_event_id
from fillwire.wire.codec import encode_order
from fillwire.wire.decimals import decimal_text
from support.binance_oracle import Event, Setting
from support.binance_oracle_execution import MAX_AHEAD_NS, VENUE_EPOCH_NS
from support.binance_oracle_reader import Amount, Integer, Pairs, Reader, Refused, decode, refuse

MS = 1_000_000
TYPES = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP": OrderType.STOP_LOSS_LIMIT,
    "STOP_MARKET": OrderType.STOP_LOSS,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_LIMIT,
    "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT,
    "TRAILING_STOP_MARKET": OrderType.TRAILING_STOP,
    "LIQUIDATION": OrderType.LIQUIDATION,
}
NEW = {"NEW", "NEW_INSURANCE", "NEW_ADL"}
FILLED = {"PARTIALLY_FILLED", "FILLED"}
STATUSES = {
    "NEW": NEW,
    "CANCELED": {"CANCELED"},
    "CALCULATED": NEW | FILLED,
    "EXPIRED": {"EXPIRED", "EXPIRED_IN_MATCH"},
    "TRADE": FILLED,
    "AMENDMENT": {"NEW", "PARTIALLY_FILLED"},
}
ALGO_STATUSES = {"NEW", "CANCELED", "TRIGGERING", "TRIGGERED", "FINISHED", "REJECTED", "EXPIRED"}


class FuturesOracle:
    """Parser for the frames of one connection."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._received_time_ns = 0

    def parse(self, frame: bytes, received_time_ns: int) -> Event:
        """Return `("event", canonical JSON)`, `("control", document)` or `("error", code)`."""
        self._received_time_ns = received_time_ns
        try:
            return self._interpret(decode(frame))
        except Refused as refused:
            return "error", refused.code

    def _interpret(self, outer: Pairs) -> Event:
        reader = Reader(outer)
        if "data" in outer and "stream" in outer:
            reader.text("stream")
            if not isinstance(outer["data"], Pairs):
                refuse("not_an_object")
            reader = Reader(outer["data"])
        name = reader.text("e")
        if name == "ORDER_TRADE_UPDATE":
            return self._order(reader)
        readers: dict[str, Callable[[Reader], dict[str, Any]]] = {
            "TRADE_LITE": self._announced,
            "ACCOUNT_UPDATE": self._account,
            "ALGO_UPDATE": self._conditional,
            "CONDITIONAL_ORDER_TRIGGER_REJECT": self._rejected,
            "MARGIN_CALL": self._margin_call,
            "ACCOUNT_CONFIG_UPDATE": self._config,
            "STRATEGY_UPDATE": self._other,
            "GRID_UPDATE": self._other,
            "listenKeyExpired": self._expired,
        }
        if name not in readers:
            refuse("unknown_event")
        return "control", readers[name](reader)

    def check_time(self, time_ns: int) -> None:
        """Refuse a time that is out of range."""
        latest_ns = self._received_time_ns + self._setting.clock_offset_ns + MAX_AHEAD_NS
        if not VENUE_EPOCH_NS <= time_ns <= latest_ns:
            refuse("time_out_of_range")

    # --- controls

    def _other(self, reader: Reader) -> dict[str, Any]:
        return _Control(self, "other", reader, is_dated=False).ended(event=reader.text("e"))

    def _expired(self, reader: Reader) -> dict[str, Any]:
        return _Control(self, "listen_key_expired", reader, is_dated=False).ended()

    def _announced(self, reader: Reader) -> dict[str, Any]:
        control = _Control(self, "fill_announced", reader)
        symbol, client_id, side = reader.text("s"), reader.text("c"), reader.text("S")
        reader.amount("q", is_mandatory=False)
        price = reader.amount("p", is_mandatory=False)
        order_id = reader.integer("i")
        quantity, last_price = reader.amount("l"), reader.amount("L")
        trade_id, is_maker = reader.integer("t"), reader.boolean("m")
        if side not in {"BUY", "SELL"}:
            refuse("unknown_side")
        if symbol not in self._setting.symbols:
            refuse("unknown_symbol")
        control.doubt("absurd_magnitude", reader.is_absurd)
        control.doubt("negative_id", int(order_id) < 0)
        control.doubt("negative_id", int(trade_id) < 0)
        for amount, code in ((quantity, "fill_without_quantity"), (last_price, "fill_without_price")):
            control.doubt("negative_amount", amount.value < 0)
            control.doubt(code, amount.value == 0)
        control.doubt("fill_without_trade_id", int(trade_id) == 0)
        return control.ended(
            symbol=symbol,
            pair=self._setting.symbols[symbol],
            order_id=order_id.canonical,
            client_order_id=client_id,
            side=side.lower(),
            price=None if price is None or not price.value else decimal_text(price.value),
            trade_id=trade_id.canonical,
            last_price=decimal_text(last_price.value),
            last_quantity=decimal_text(quantity.value),
            liquidity={None: None, True: "maker", False: "taker"}[is_maker],
        )

    def _conditional(self, reader: Reader) -> dict[str, Any]:
        control = _Control(self, "conditional_order", reader)
        order = _object(reader, "o")
        symbol, algo_id, client_id = order.text("s"), order.integer("aid"), order.text("caid")
        status = order.text("X")
        order_id, reason = order.text("ai", is_mandatory=False), order.text("rm", is_mandatory=False)
        if status not in ALGO_STATUSES:
            refuse("unknown_status")
        control.doubt("absurd_magnitude", order.is_absurd)
        return control.ended(
            symbol=symbol,
            algo_id=algo_id.canonical,
            client_order_id=client_id,
            status=status.lower(),
            order_id=order_id or None,
            reject_reason=reason or None,
        )

    def _rejected(self, reader: Reader) -> dict[str, Any]:
        control = _Control(self, "conditional_order_rejected", reader)
        order = _object(reader, "or")
        members = {
            "symbol": order.text("s"),
            "order_id": order.integer("i").canonical,
            "reject_reason": order.text("r"),
        }
        control.doubt("absurd_magnitude", order.is_absurd)
        return control.ended(**members)

    def _account(self, reader: Reader) -> dict[str, Any]:
        control = _Control(self, "account", reader)
        account = _object(reader, "a")
        cause = account.text("m")
        balances = control.rows(account, "B", {"asset": "a"}, {"wallet": "wb", "cross_wallet": "cw"})
        positions = control.rows(
            account, "P", {"symbol": "s"}, {"quantity": "pa", "entry_price": "ep"}, {"side": "ps"}
        )
        return control.ended(cause=cause, balances=balances, positions=positions)

    def _margin_call(self, reader: Reader) -> dict[str, Any]:
        control = _Control(self, "margin_call", reader, is_dated=False)
        wallet = reader.amount("cw", is_mandatory=False)
        control.doubt("absurd_magnitude", reader.is_absurd)
        reader.array("p")
        amounts = {"quantity": "pa", "mark_price": "mp", "maintenance_margin": "mm"}
        positions = control.rows(reader, "p", {"symbol": "s"}, amounts, {"side": "ps"})
        return control.ended(
            cross_wallet=None if wallet is None else decimal_text(wallet.value), positions=positions
        )

    def _config(self, reader: Reader) -> dict[str, Any]:
        control = _Control(self, "account_config", reader)
        if reader.document.get("ac") is None:
            mode = _object(reader, "ai").boolean("j")
            return control.ended(symbol=None, leverage=None, is_multi_assets=mode)
        config = _object(reader, "ac")
        symbol, leverage = config.text("s"), config.integer("l")
        control.doubt("absurd_magnitude", config.is_absurd)
        return control.ended(symbol=symbol, leverage=int(leverage), is_multi_assets=None)

    # --- the order event

    def _order(self, reader: Reader) -> Event:
        order = _object(reader, "o")
        fields = _Fields(reader, order)
        fields.refuse_unknown(self._setting.symbols)
        reader.refuse_absurd()
        order.refuse_absurd()
        for time in (fields.event_time, fields.transaction_time, fields.order_time):
            self.check_time(int(time) * MS)
        fields.refuse_contradictions()
        is_empty = fields.what == "CALCULATED" and fields.status in FILLED and not fields.is_fill
        if is_empty:
            order_id = fields.order_id.canonical
            return "control", {"type": "order_doubted", "symbol": fields.symbol, "order_id": order_id}
        return "event", encode_order(self._event(fields))

    def _event(self, fields: "_Fields") -> OrderEvent:
        account, order_id = self._setting.account, fields.order_id.canonical
        fill = fields.fill()
        if fill is None:
            event_id = state_event_id(account, fields.symbol, order_id, fields.step())
        else:
            event_id = execution_event_id(account, fields.symbol, order_id, fill.trade_id)
        trails = "TRAILING_STOP_MARKET" in {fields.type, fields.original_type}
        return OrderEvent(
            event_id=event_id,
            kind=fields.kind,
            exchange=account.exchange,
            environment=account.environment,
            user=account.user,
            pair=self._setting.symbols[fields.symbol],
            symbol=fields.symbol,
            order_id=order_id,
            client_order_id=fields.client_id,
            new_client_order_id=None,
            order_list_id=None,
            side=Side(fields.side.lower()),
            type=TYPES[fields.type],
            time_in_force=TimeInForce(fields.time_in_force.lower()),
            price=fields.price.value or None,
            stop_price=None if trails else _value(fields.stop_price) or None,
            quantity=fields.quantity.value,
            quote_quantity=None,
            cumulative_quantity=fields.cumulative.value,
            cumulative_quote=None,
            average_price=_value(fields.average) or None,
            prevented_quantity=None,
            is_working=None,
            venue_status=fields.status,
            last_fill=fill,
            reject_reason=None if fields.reason in {None, "", "0"} else fields.reason,
            execution_id=None,
            exchange_time_ns=int(fields.event_time) * MS,
            transaction_time_ns=int(fields.transaction_time) * MS,
            received_time_ns=self._received_time_ns,
            source=Source.STREAM,
        )


class _Control:
    """A control being read: the first contradiction in the order of reading is told, once all has been decoded."""

    def __init__(self, oracle: FuturesOracle, kind: str, reader: Reader, *, is_dated: bool = True) -> None:
        self._doubts: list[str] = []
        self._document: dict[str, Any] = {"type": kind}
        keys = {"exchange_time_ns": "E"} | ({"transaction_time_ns": "T"} if is_dated else {})
        for name, key in keys.items():
            time_ns = int(reader.integer(key)) * MS
            self._document[name] = time_ns
            self.doubt("absurd_magnitude", reader.is_absurd)
            try:
                oracle.check_time(time_ns)
            except Refused as refused:
                self.doubt(refused.code, is_wrong=True)

    def doubt(self, code: str, is_wrong: bool) -> None:
        if is_wrong:
            self._doubts.append(code)

    def rows(
        self,
        reader: Reader,
        key: str,
        texts: Mapping[str, str],
        amounts: Mapping[str, str],
        optional: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """The rows of an array that may be missing."""
        if reader.document.get(key) is None:
            return []
        found = []
        for element in reader.array(key):
            if not isinstance(element, Pairs):
                refuse("wrong_type")
            row = Reader(element)
            said = {name: row.text(letter) for name, letter in texts.items()}
            said |= {name: row.text(letter, is_mandatory=False) for name, letter in (optional or {}).items()}
            said |= {name: decimal_text(row.amount(letter).value) for name, letter in amounts.items()}
            self.doubt("absurd_magnitude", row.is_absurd)
            found.append(said)
        return found

    def ended(self, **members: Any) -> dict[str, Any]:
        """The control."""
        if self._doubts:
            refuse(self._doubts[0])
        return self._document | members


class _Fields:
    """The fields of an order update, of the right types."""

    def __init__(self, event: Reader, order: Reader) -> None:
        self.event_time = event.integer("E")
        self.transaction_time = event.integer("T")
        self.symbol = order.text("s")
        self.client_id = order.text("c")
        self.side, self.type, self.time_in_force = order.text("S"), order.text("o"), order.text("f")
        self.quantity, self.price = order.amount("q"), order.amount("p")
        self.average = order.amount("ap", is_mandatory=False)
        self.stop_price = order.amount("sp", is_mandatory=False)
        self.what, self.status = order.text("x"), order.text("X")
        self.order_id: Integer = order.integer("i")
        self.last, self.cumulative, self.last_price = order.amount("l"), order.amount("z"), order.amount("L")
        self.fee = order.amount("n", is_mandatory=False)
        self.fee_currency = order.text("N", is_mandatory=False)
        self.order_time = order.integer("T")
        self.trade_id: Integer = order.integer("t")
        self.is_maker, self.closes_position = order.boolean("m"), order.boolean("cp")
        self.original_type = order.text("ot", is_mandatory=False)
        self.reason, self.modify_id = (order.text(key, is_mandatory=False) for key in ("er", "M"))
        for key in ("R", "pP", "ia"):
            order.boolean(key)
        for key in ("wt", "ps", "st", "V", "pm"):
            order.text(key, is_mandatory=False)
        for key in ("si", "ss", "gtd", "W"):
            order.unread_integer(key)
        order.amount("cr", is_mandatory=False)
        order.amount("rp", is_mandatory=False)
        self.others = [order.amount(key, is_mandatory=False) for key in ("b", "a", "AP")]

    def refuse_unknown(self, symbols: Mapping[str, str]) -> None:
        """Refuse a word outside its set."""
        statuses = set().union(*STATUSES.values())
        for value, known, code in (
            (self.what, STATUSES, "unknown_execution_type"),
            (self.status, statuses, "unknown_status"),
            (self.side, {"BUY", "SELL"}, "unknown_side"),
            (self.type, TYPES, "unknown_order_type"),
            (self.time_in_force, {"GTC", "IOC", "FOK", "GTX", "GTD", "RPI"}, "unknown_time_in_force"),
            (self.symbol, symbols, "unknown_symbol"),
        ):
            if value not in known:
                refuse(code)

    @property
    def is_fill(self) -> bool:
        """Whether something was executed."""
        return self.what == "TRADE" or bool(self.what == "CALCULATED" and self.last.value)

    @property
    def kind(self) -> Kind:
        """What happened."""
        if self.is_fill:
            return Kind.FILLED if self.status == "FILLED" else Kind.PARTIALLY_FILLED
        kinds = {"CANCELED": Kind.CANCELLED, "EXPIRED": Kind.EXPIRED, "AMENDMENT": Kind.REPLACED}
        return kinds.get(self.what, Kind.NEW)

    def refuse_contradictions(self) -> None:
        """Refuse what contradicts itself."""
        if int(self.order_id) < 0 or int(self.trade_id) < 0:
            refuse("negative_id")
        amounts = (self.quantity, self.price, self.average, self.stop_price, self.last, self.cumulative)
        if any(
            amount is not None and amount.value < 0 for amount in (*amounts, self.last_price, *self.others)
        ):
            refuse("negative_amount")
        if self.status not in STATUSES[self.what]:
            refuse("illegal_status")
        self._check_fill()
        last, cumulative, quantity = (Fraction(a.value) for a in (self.last, self.cumulative, self.quantity))
        if last > cumulative:
            refuse("last_exceeds_cumulative")
        if cumulative > quantity and not (self.closes_position and not quantity):
            refuse("cumulative_exceeds_quantity")
        if self.status == "FILLED" and cumulative < quantity:
            refuse("filled_short")
        if self.is_fill and self.quote is None:
            refuse("absurd_magnitude")

    def _check_fill(self) -> None:
        last, price, trade_id = self.last.value, self.last_price.value, int(self.trade_id)
        if not self.is_fill:
            if last or price or (trade_id and self.what != "CALCULATED"):
                refuse("fill_outside_trade")
            return
        for is_wrong, code in (
            (last == 0, "fill_without_quantity"),
            (price == 0, "fill_without_price"),
            (trade_id == 0, "fill_without_trade_id"),
            (self.status not in FILLED, "illegal_status"),
            (self.fee is not None and self.fee.value != 0 and self.fee_currency is None, "missing_field"),
        ):
            if is_wrong:
                refuse(code)

    @property
    def quote(self) -> Decimal | None:
        """Price times quantity, None if no amount can hold it."""
        with localcontext(prec=200):
            product = self.last_price.value * self.last.value
            scaled = product * 10**18
            return product if product < 10**18 and scaled == scaled.to_integral_value() else None

    def fill(self) -> Fill | None:
        """The execution."""
        if not self.is_fill:
            return None
        return Fill(
            trade_id=self.trade_id.canonical,
            price=self.last_price.value,
            quantity=self.last.value,
            quote=self.quote,
            fee=_value(self.fee),
            fee_currency=self.fee_currency,
            liquidity={None: None, True: Liquidity.MAKER, False: Liquidity.TAKER}[self.is_maker],
        )

    def step(self) -> str:
        """The step in the order's life, for its identity."""
        if self.kind is not Kind.REPLACED:
            return self.kind
        if self.modify_id is not None and self.modify_id.isascii() and self.modify_id.isdigit():
            return f"replaced-{self.modify_id}"
        total, time = decimal_text(self.cumulative.value), self.transaction_time.canonical
        return f"amendment-{self.status}-{total}-{time}".lower()


def _object(reader: Reader, key: str) -> Reader:
    value = reader.document.get(key)
    if value is None:
        refuse("missing_field")
    if not isinstance(value, Pairs):
        refuse("wrong_type")
    return Reader(value)


def _value(amount: Amount | None) -> Decimal | None:
    return None if amount is None else amount.value
