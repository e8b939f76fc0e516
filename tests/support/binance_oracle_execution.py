"""The oracle's reading of an `executionReport`: its fields, the rules about them, and the order event they mean."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.wire.decimals import decimal_text
from support.binance_oracle_reader import Amount, Integer, Reader, refuse

VENUE_EPOCH_NS = 1_483_228_800 * 10**9
MAX_AHEAD_NS = 60 * 10**9

_LEGAL = {
    "NEW": {"NEW", "PENDING_NEW"},
    "TRADE": {"PARTIALLY_FILLED", "FILLED"},
    "CANCELED": {"CANCELED"},
    "EXPIRED": {"EXPIRED"},
    "REJECTED": {"REJECTED"},
    "REPLACED": {"NEW", "PARTIALLY_FILLED", "PENDING_NEW"},
    "TRADE_PREVENTION": {"EXPIRED_IN_MATCH", "EXPIRED", "NEW", "PARTIALLY_FILLED"},
}
_STATUSES = set().union(*_LEGAL.values()) | {"PENDING_CANCEL"}
_ORDER_TYPES = {
    "LIMIT",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
    "LIMIT_MAKER",
}
_OTHER_INTEGERS = ("O", "W", "d", "D", "j", "J", "u", "U", "gOV")
_OTHER_TEXTS = ("V", "Cs", "b", "k", "y", "gP", "gOT")
_OTHER_AMOUNTS = ("F", "B", "pl", "pL", "pY", "gp")
_AVERAGE_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The fields of a report, each of the right type."""

    event_time: Integer
    symbol: str
    client_id: str
    side: str
    order_type: str
    time_in_force: str
    quantity: Amount
    price: Amount
    stop_price: Amount | None
    list_id: Integer | None
    original_id: str | None
    execution_type: str
    status: str
    reject_reason: str | None
    order_id: Integer
    last: Amount
    cumulative: Amount
    last_price: Amount
    fee: Amount
    fee_currency: str | None
    transaction_time: Integer
    trade_id: Integer
    execution_id: Integer | None
    is_working: bool | None
    is_maker: bool | None
    cumulative_quote: Amount | None
    last_quote: Amount | None
    quote_quantity: Amount | None
    prevented: Amount | None
    prevented_match_id: Integer | None
    allocation_id: Integer | None
    expiry_reason: str | None
    others: tuple[Amount | None, ...]

    @property
    def is_trade(self) -> bool:
        """Whether it reports an execution."""
        return self.execution_type == "TRADE"

    @property
    def kind(self) -> Kind:
        """What happened to the order."""
        if self.is_trade:
            return Kind.FILLED if self.status == "FILLED" else Kind.PARTIALLY_FILLED
        if self.execution_type == "TRADE_PREVENTION":
            return Kind.EXPIRED if self.status.startswith("EXPIRED") else Kind.REPLACED
        return Kind(self.execution_type.lower().replace("canceled", "cancelled"))

    @property
    def known_quote(self) -> Decimal | None:
        """The cumulative quote, None where the venue does not know it."""
        quote = self.cumulative_quote
        return None if quote is None or quote.value < 0 else quote.value

    @property
    def average_price(self) -> Decimal | None:
        """Cumulative quote by cumulative quantity."""
        if self.known_quote is None or not self.cumulative.value:
            return None
        # The rounding of a Fraction is half to even.
        units = round(Fraction(self.known_quote) / Fraction(self.cumulative.value) * 10**_AVERAGE_DIGITS)
        if units >= 10 ** (18 + _AVERAGE_DIGITS):
            refuse("absurd_magnitude")
        return Decimal(f"{units}e-{_AVERAGE_DIGITS}")  # from text: exact, whatever the context's precision


def read_execution(reader: Reader) -> Execution:
    """Return the fields; refuse what cannot be decoded."""
    execution = Execution(
        event_time=reader.integer("E"),
        symbol=reader.text("s"),
        client_id=reader.text("c"),
        side=reader.text("S"),
        order_type=reader.text("o"),
        time_in_force=reader.text("f"),
        quantity=reader.amount("q"),
        price=reader.amount("p"),
        stop_price=reader.amount("P", is_mandatory=False),
        list_id=reader.integer("g", is_mandatory=False),
        original_id=reader.text("C", is_mandatory=False),
        execution_type=reader.text("x"),
        status=reader.text("X"),
        reject_reason=reader.text("r", is_mandatory=False),
        order_id=reader.integer("i"),
        last=reader.amount("l"),
        cumulative=reader.amount("z"),
        last_price=reader.amount("L"),
        fee=reader.amount("n"),
        fee_currency=reader.text("N", is_mandatory=False),
        transaction_time=reader.integer("T"),
        trade_id=reader.integer("t"),
        execution_id=reader.integer("I", is_mandatory=False),
        is_working=reader.boolean("w"),
        is_maker=reader.boolean("m"),
        cumulative_quote=reader.amount("Z", is_mandatory=False),
        last_quote=reader.amount("Y", is_mandatory=False),
        quote_quantity=reader.amount("Q", is_mandatory=False),
        prevented=reader.amount("A", is_mandatory=False),
        prevented_match_id=reader.integer("v", is_mandatory=False),
        allocation_id=reader.integer("a", is_mandatory=False),
        expiry_reason=reader.text("eR", is_mandatory=False),
        others=_read_others(reader),
    )
    may_be_null = execution.fee.value == 0 and "N" in reader.document
    if execution.is_trade and execution.fee_currency is None and not may_be_null:
        refuse("missing_field")
    return execution


def _read_others(reader: Reader) -> tuple[Amount | None, ...]:
    for key in _OTHER_INTEGERS:
        reader.unread_integer(key)
    for key in ("M", "uS"):
        reader.boolean(key)
    for key in _OTHER_TEXTS:
        reader.text(key, is_mandatory=False)
    return tuple(reader.amount(key, is_mandatory=False) for key in _OTHER_AMOUNTS)


def refuse_unknown(execution: Execution, symbols: Mapping[str, str]) -> None:
    """Refuse values outside the closed sets."""
    sets: tuple[tuple[str, Container[str], str], ...] = (
        (execution.execution_type, _LEGAL, "unknown_execution_type"),
        (execution.status, _STATUSES, "unknown_status"),
        (execution.side, {"BUY", "SELL"}, "unknown_side"),
        (execution.order_type, _ORDER_TYPES, "unknown_order_type"),
        (execution.symbol, symbols, "unknown_symbol"),
    )
    for word, known, code in sets:
        if word not in known:
            refuse(code)


def refuse_contradictions(execution: Execution) -> None:
    """Refuse what the venue's rules do not allow."""
    _check_ids(execution)
    _check_signs(execution)
    if execution.status not in _LEGAL[execution.execution_type]:
        refuse("illegal_status")
    _check_fill(execution)
    _check_totals(execution)
    _check_quotes(execution)
    if execution.time_in_force not in {"GTC", "IOC", "FOK"}:
        refuse("unknown_time_in_force")


def _check_ids(execution: Execution) -> None:
    floors = (
        (execution.order_id, 0),
        (execution.list_id, -1),
        (execution.trade_id, -1),
        (execution.execution_id, 0),
    )
    if any(number is not None and int(number) < floor for number, floor in floors):
        refuse("negative_id")


def _check_signs(execution: Execution) -> None:
    amounts = (
        execution.quantity,
        execution.price,
        execution.stop_price,
        execution.last,
        execution.cumulative,
        execution.last_price,
        execution.fee,
        execution.last_quote,
        execution.quote_quantity,
        execution.prevented,
        *execution.others,
    )
    if any(amount is not None and amount.value < 0 for amount in amounts):
        refuse("negative_amount")


def _check_fill(execution: Execution) -> None:
    last, price, trade_id = execution.last.value, execution.last_price.value, int(execution.trade_id)
    if not execution.is_trade:
        if last or price or trade_id != -1:
            refuse("fill_outside_trade")
        return
    if last == 0:
        refuse("fill_without_quantity")
    if price == 0:
        refuse("fill_without_price")
    if trade_id < 0 and (execution.allocation_id is None or int(execution.allocation_id) < 0):
        refuse("fill_without_trade_id")


def _check_totals(execution: Execution) -> None:
    quantity, cumulative = Fraction(execution.quantity.value), Fraction(execution.cumulative.value)
    if Fraction(execution.last.value) > cumulative:
        refuse("last_exceeds_cumulative")
    is_by_quote = execution.quote_quantity is not None and execution.quote_quantity.value != 0
    if cumulative > quantity and not is_by_quote:
        refuse("cumulative_exceeds_quantity")
    prevented = Fraction(0) if execution.prevented is None else Fraction(execution.prevented.value)
    if execution.status == "FILLED" and cumulative + prevented < quantity:
        refuse("filled_short")


def _check_quotes(execution: Execution) -> None:
    quote = execution.last_quote
    if quote is None:
        return
    product = Fraction(execution.last_price.value) * Fraction(execution.last.value)
    # Rounded either way, at the decimals in which the venue writes the quote.
    tolerance = Fraction(1, 10 ** min(max(quote.decimals, 6), 18))
    if abs(Fraction(quote.value) - product) >= tolerance:
        refuse("quote_mismatch")
    if execution.known_quote is not None and quote.value > execution.known_quote:
        refuse("last_exceeds_cumulative_quote")


def order_event(
    execution: Execution, account: Account, pair: str, unit_ns: int, received_time_ns: int
) -> OrderEvent:
    """Return the order event that the fields mean."""
    fill = _fill(execution)
    order_id = execution.order_id.canonical
    if fill is None:
        event_id = state_event_id(account, execution.symbol, order_id, _suffix(execution))
    else:
        event_id = execution_event_id(account, execution.symbol, order_id, fill.trade_id)
    names_previous = execution.execution_type in {"CANCELED", "REPLACED"}
    previous_id = execution.original_id if execution.original_id not in {"", "null"} else None
    has_new_id = execution.execution_type == "REPLACED" and previous_id is not None
    reasons = [
        reason
        for reason in (execution.reject_reason, execution.expiry_reason)
        if reason not in {None, "NONE"}
    ]
    is_listed = execution.list_id is not None and int(execution.list_id) >= 0
    return OrderEvent(
        event_id=event_id,
        kind=execution.kind,
        exchange=account.exchange,
        environment=account.environment,
        user=account.user,
        pair=pair,
        symbol=execution.symbol,
        order_id=order_id,
        client_order_id=previous_id if names_previous and previous_id is not None else execution.client_id,
        new_client_order_id=execution.client_id if has_new_id else None,
        order_list_id=_digits(execution.list_id) if is_listed else None,
        side=Side(execution.side.lower()),
        type=OrderType(execution.order_type.lower()),
        time_in_force=TimeInForce(execution.time_in_force.lower()),
        price=execution.price.value or None,
        stop_price=_value(execution.stop_price) or None,
        quantity=execution.quantity.value,
        quote_quantity=_value(execution.quote_quantity) or None,
        cumulative_quantity=execution.cumulative.value,
        cumulative_quote=execution.known_quote,
        average_price=execution.average_price,
        prevented_quantity=_value(execution.prevented),
        is_working=execution.is_working,
        venue_status=execution.status,
        last_fill=fill,
        reject_reason=reasons[0] if reasons else None,
        execution_id=_digits(execution.execution_id),
        exchange_time_ns=int(execution.event_time) * unit_ns,
        transaction_time_ns=int(execution.transaction_time) * unit_ns,
        received_time_ns=received_time_ns,
        source=Source.STREAM,
    )


def _fill(execution: Execution) -> Fill | None:
    if not execution.is_trade:
        return None
    liquidity = {None: None, True: Liquidity.MAKER, False: Liquidity.TAKER}[execution.is_maker]
    return Fill(
        trade_id=(
            execution.trade_id.canonical
            if int(execution.trade_id) >= 0
            else f"alloc:{_digits(execution.allocation_id)}"
        ),
        price=execution.last_price.value,
        quantity=execution.last.value,
        quote=_value(execution.last_quote),
        fee=execution.fee.value,
        fee_currency=execution.fee_currency,
        liquidity=liquidity,
    )


def _suffix(execution: Execution) -> str:
    if execution.kind is Kind.REPLACED:
        counter = execution.execution_id
        word = "replaced"
        if execution.execution_type == "TRADE_PREVENTION":
            word = "prevented"
            counter = counter if execution.prevented_match_id is None else execution.prevented_match_id
        if counter is not None:
            return f"{word}-{counter.canonical}"
        total, time = decimal_text(execution.cumulative.value), execution.transaction_time.canonical
        return f"{execution.execution_type}-{execution.status}-{total}-{time}".lower()
    if execution.kind is Kind.NEW and execution.status == "PENDING_NEW":
        return "pending"
    has_trigger = execution.order_type.startswith(("STOP_LOSS", "TAKE_PROFIT"))
    if execution.kind is Kind.NEW and execution.is_working and has_trigger:
        return "working"
    return execution.kind


def _value(amount: Amount | None) -> Decimal | None:
    return None if amount is None else amount.value


def _digits(number: Integer | None) -> str | None:
    return None if number is None else number.canonical
