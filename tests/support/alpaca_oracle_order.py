"""The oracle's reading of an order: its fields, the rules about them, and the events they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from fillwire.domain.enums import Kind, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.wire.decimals import decimal_text
from support.alpaca_oracle_reader import AlpacaReader
from support.binance_oracle_reader import Amount, refuse

NEW = {"accepted", "pending_new", "new", "held"}
STEPS = {
    "canceled": Kind.CANCELLED,
    "expired": Kind.EXPIRED,
    "rejected": Kind.REJECTED,
    "replaced": Kind.REPLACED,
}
FILLS = {"partial_fill", "partially_filled", "fill"}
NOTES = {
    *("done_for_day", "pending_cancel", "pending_replace", "pending_review", "order_cancel_rejected"),
    *("order_replace_rejected", "stopped", "suspended", "calculated"),
}
ANOMALIES = {
    "trade_bust": "execution_busted",
    "trade_correct": "execution_corrected",
    "restated": "order_restated",
}
_STATUSES = {
    *("new", "partially_filled", "filled", "done_for_day", "canceled", "expired", "replaced"),
    *("pending_cancel", "pending_replace", "pending_review", "accepted", "pending_new"),
    *("accepted_for_bidding", "stopped", "rejected", "suspended", "calculated", "held"),
}
# What ends an order is shown with the status of that end; an execution never with one from before it.
_ONLY = {
    "fill": {"filled"},
    "canceled": {"canceled"},
    "expired": {"expired", "canceled"},
    "rejected": {"rejected"},
    "replaced": {"replaced"},
}
_BEFORE = {
    *("new", "accepted", "pending_new", "accepted_for_bidding", "pending_review", "filled", "rejected")
}
_TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP_LOSS,
    "stop_limit": OrderType.STOP_LOSS_LIMIT,
    "trailing_stop": OrderType.TRAILING_STOP,
}
_TIMES_IN_FORCE = {"day", "gtc", "opg", "cls", "ioc", "fok"}
_STATE_TIMES = {
    "fill": "filled_at",
    "partial_fill": "filled_at",
    "partially_filled": "filled_at",
    "canceled": "canceled_at",
    "expired": "expired_at",
    "rejected": "failed_at",
    "replaced": "replaced_at",
}
_QUOTES = ("USDT", "USDC", "USD", "BTC")
_EXACT = Context(prec=300, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution."""

    id: str
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOrder:
    """The fields of an order, words as they stand."""

    reader: AlpacaReader
    id: str
    client_id: str | None
    symbol: str | None
    asset_class: str | None
    side: str | None
    type: str | None
    time_in_force: str | None
    quantity: Amount | None
    notional: Amount | None
    filled: Amount
    average: Amount | None
    limit_price: Amount | None
    stop_price: Amount | None
    status: str

    @property
    def is_package(self) -> bool:
        """Whether it is the parent of several legs."""
        return self.symbol is None

    def state_time_ns(self, event: str) -> int | None:
        """When the order came into the state that the event tells of."""
        if event in _STATE_TIMES:
            time_ns = self.reader.instant(_STATE_TIMES[event])
            if time_ns is not None:
                return time_ns
        return self.reader.instant("updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order in our words; of the parent of several legs only its ids, its status and its total are known."""

    id: str
    client_id: str | None
    status: str
    filled: Decimal
    symbol: str | None = None
    pair: str = ""
    units: int = 1
    side: Side = Side.BUY
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    notional: Decimal | None = None
    average: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


def read_order(reader: AlpacaReader) -> RawOrder:
    """Return the fields; refuse what cannot be decoded."""
    texts = {}
    for key in (
        *("id", "client_order_id", "symbol", "asset_class", "order_class", "side", "type", "order_type"),
        "time_in_force",
    ):
        texts[key] = reader.text(key, is_mandatory=False) or None
        if key == "id" and texts[key] is None:
            refuse("missing_field")
    quantity, notional = (reader.amount(key, is_mandatory=False) for key in ("qty", "notional"))
    filled = reader.amount("filled_qty")
    average, limit_price, stop_price = (
        reader.amount(key, is_mandatory=False) for key in ("filled_avg_price", "limit_price", "stop_price")
    )
    status = reader.text("status")
    is_leg = texts["order_class"] == "mleg"
    kind = texts["type"] or texts["order_type"]
    if (texts["symbol"] is not None or not is_leg) and (
        texts["symbol"] is None or texts["side"] is None or (kind is None and not is_leg)
    ):
        refuse("missing_field")
    return RawOrder(
        reader=reader,
        id=texts["id"] or "",
        client_id=texts["client_order_id"],
        symbol=texts["symbol"],
        asset_class=texts["asset_class"],
        side=texts["side"],
        type=kind,
        time_in_force=texts["time_in_force"],
        quantity=quantity,
        notional=notional,
        filled=filled,
        average=average,
        limit_price=limit_price,
        stop_price=stop_price,
        status=status,
    )


def resolve(raw: RawOrder, table: Mapping[str, str]) -> Order:
    """Return the order in our words; refuse values outside closed sets."""
    if raw.status not in _STATUSES:
        refuse("unknown_status")
    if raw.symbol is None:
        return Order(id=raw.id, client_id=raw.client_id, status=raw.status, filled=raw.filled.value)
    if raw.side not in {"buy", "sell"}:
        refuse("unknown_side")
    if raw.type is not None and raw.type not in _TYPES:
        refuse("unknown_order_type")
    if raw.time_in_force is not None and raw.time_in_force not in _TIMES_IN_FORCE:
        refuse("unknown_time_in_force")
    symbol, pair, units = _instrument(raw.symbol, raw.asset_class, table)
    return Order(
        id=raw.id,
        client_id=raw.client_id,
        status=raw.status,
        filled=raw.filled.value,
        symbol=symbol,
        pair=pair,
        units=units,
        side=Side(raw.side or ""),
        type=OrderType.MARKET if raw.type is None else _TYPES[raw.type],
        time_in_force=None if raw.time_in_force is None else TimeInForce(raw.time_in_force),
        quantity=_value(raw.quantity),
        notional=_value(raw.notional),
        average=_value(raw.average),
        limit_price=_value(raw.limit_price),
        stop_price=_value(raw.stop_price),
    )


def _value(amount: Amount | None) -> Decimal | None:
    return None if amount is None else amount.value


def _instrument(symbol: str, asset_class: str | None, table: Mapping[str, str]) -> tuple[str, str, int]:
    if any(not "!" <= character <= "~" or character in '"\\' for character in symbol):
        refuse("unknown_symbol")
    if asset_class == "us_equity":
        return symbol, f"{symbol}-USD", 1
    if asset_class == "us_option":
        return symbol, f"{symbol}-USD", 100
    if asset_class != "crypto":
        return (symbol, table[symbol], 1) if symbol in table else refuse("unknown_symbol")
    parts = symbol.split("/")
    if len(parts) == 1:
        quote = next((quote for quote in _QUOTES if symbol.endswith(quote)), "")
        parts = [symbol.removesuffix(quote), quote]
    if len(parts) != 2 or not all(parts):
        refuse("unknown_symbol")
    return "/".join(parts), "-".join(parts), 1


def allows(event: str, status: str) -> bool:
    """Return whether an order can have the status in the event."""
    if event in _ONLY:
        return status in _ONLY[event]
    return event not in FILLS or status not in _BEFORE


def check_order(order: Order) -> None:
    """Refuse an order that contradicts itself."""
    amounts = (
        *(order.quantity, order.notional, order.filled),
        *(order.average, order.limit_price, order.stop_price),
    )
    if any(amount is not None and amount < 0 for amount in amounts):
        refuse("negative_amount")
    if order.quantity is None:
        return
    if order.filled > order.quantity:
        refuse("cumulative_exceeds_quantity")
    if order.status == "filled" and order.filled < order.quantity:
        refuse("filled_short")


def check_execution(order: Order, execution: Execution) -> None:
    """Refuse an execution that contradicts itself or its order."""
    if execution.price < 0 or execution.quantity < 0:
        refuse("negative_amount")
    if not execution.quantity:
        refuse("fill_without_quantity")
    if not execution.price:
        refuse("fill_without_price")
    if execution.quantity > order.filled:
        refuse("last_exceeds_cumulative")


def order_event(  # noqa: PLR0913, PLR0917 - the parts of an event
    account: Account,
    order: Order,
    kind: Kind,
    execution: Execution | None,
    parent: str | None,
    times: tuple[int, int, int],
) -> OrderEvent:
    """Return the event."""
    quote, average = _costs(order)
    symbol = order.symbol or ""
    fill: Any = None
    if execution is None:
        event_id = state_event_id(account, symbol, order.id, kind)
    else:
        event_id = execution_event_id(account, symbol, order.id, decimal_text(order.filled))
        fill = Fill(
            trade_id=execution.id,
            price=execution.price,
            quantity=execution.quantity,
            quote=None,
            fee=None,
            fee_currency=None,
            liquidity=None,
        )
    exchange_ns, transaction_ns, received_ns = times
    return OrderEvent(
        event_id=event_id,
        kind=kind,
        exchange=account.exchange,
        environment=account.environment,
        user=account.user,
        pair=order.pair,
        symbol=symbol,
        order_id=order.id,
        client_order_id=order.client_id,
        new_client_order_id=None,
        order_list_id=parent,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        price=order.limit_price,
        stop_price=order.stop_price,
        quantity=order.quantity,
        quote_quantity=order.notional,
        cumulative_quantity=order.filled,
        cumulative_quote=quote,
        average_price=average,
        prevented_quantity=None,
        is_working=None,
        venue_status=order.status,
        last_fill=fill,
        reject_reason=None,
        execution_id=None,
        exchange_time_ns=exchange_ns,
        transaction_time_ns=transaction_ns,
        received_time_ns=received_ns,
        source=Source.STREAM,
    )


def _costs(order: Order) -> tuple[Decimal | None, Decimal | None]:
    """Return what was paid, and the average price."""
    if not order.filled:
        return Decimal(0), None
    if order.average is None:
        return None, None
    product = _EXACT.multiply(_EXACT.multiply(order.average, order.filled), Decimal(order.units))
    quote = _EXACT.quantize(product, Decimal("1e-16"))
    if quote >= 10**18:
        refuse("absurd_magnitude")
    return quote, order.average
