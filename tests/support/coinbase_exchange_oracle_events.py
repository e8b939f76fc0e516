"""The events that the oracle of Coinbase Exchange writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from fillwire.domain.amounts import average_price
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.wire.decimals import decimal_text

if TYPE_CHECKING:
    from support.coinbase_exchange_oracle_messages import Message


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of an order."""

    id: int
    price: Decimal
    quantity: Decimal
    is_maker: bool
    sequence: int
    time_ns: int
    is_told: bool


@dataclass(frozen=True, slots=True)
class Event:
    """What is told: a kind, the step of an event that is no trade, or the trade."""

    kind: str
    step: str = ""
    is_working: bool | None = None
    cause: str | None = None
    fill: Trade | None = None


State = tuple[str, Decimal, Decimal | None, Mapping[str, Any]]
"""Side, what is executed, its amount, and what else is known."""


def event_json(  # noqa: PLR0913, PLR0917 - what an event is made of
    account: Account, pair: str, message: "Message", state: State, event: Event, received_ns: int
) -> bytes:
    """Return the canonical event."""
    side, cumulative, quote, facts = state
    fill = event.fill
    average = average_price(quote, cumulative)
    if fill is None:
        event_id = state_event_id(account, message.symbol, message.order_id, event.step)
        sequence, time_ns = message.sequence, message.time_ns
    else:
        event_id = execution_event_id(account, message.symbol, message.order_id, str(fill.id))
        sequence, time_ns = fill.sequence, fill.time_ns
    document = {
        "v": 1,
        "event_id": event_id,
        "kind": event.kind,
        "exchange": account.exchange,
        "environment": account.environment,
        "user": account.user,
        "pair": pair,
        "symbol": message.symbol,
        "order_id": message.order_id,
        "client_order_id": facts.get("client_order_id"),
        "new_client_order_id": None,
        "order_list_id": None,
        "side": side,
        "type": facts.get("order_type", "limit"),
        "time_in_force": facts.get("time_in_force"),
        "price": _text(facts.get("price")),
        "stop_price": _text(facts.get("stop_price")),
        "quantity": _text(facts.get("quantity")),
        "quote_quantity": _text(facts.get("quote_quantity")),
        "cumulative_quantity": decimal_text(cumulative),
        "cumulative_quote": _text(quote),
        "average_price": _text(average),
        "prevented_quantity": None,
        "is_working": event.is_working,
        "venue_status": message.kind if fill is None else "match",
        "last_fill": None if fill is None else _fill(fill),
        "reject_reason": event.cause,
        "execution_id": None if sequence < 0 else str(sequence),
        "exchange_time_ns": time_ns,
        "transaction_time_ns": time_ns,
        "received_time_ns": received_ns,
        "source": "stream",
    }
    return orjson.dumps(document)


def _fill(trade: Trade) -> dict[str, str | None]:
    return {
        "trade_id": str(trade.id),
        "price": decimal_text(trade.price),
        "quantity": decimal_text(trade.quantity),
        "quote": None,
        "fee": None,
        "fee_currency": None,
        "liquidity": "maker" if trade.is_maker else "taker",
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else decimal_text(amount)
