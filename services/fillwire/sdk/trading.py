"""Placing and cancelling orders through the account's gateway, which alone holds the keys."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Protocol, TypeAlias

from fillwire.domain.client_order_ids import CLIENT_ORDER_ID
from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.orders import CancelRequest, OpenOrdersQuery, OrderQuery, OrderRequest, TradeOrder
from fillwire.domain.rules import PairRules, RulesQuery

Amount: TypeAlias = Decimal | str | int  # never float: 0.1 is no decimal number there

DEFAULT_TIMEOUT_S = 5.0


class Trading(Protocol):
    """Where a strategy's orders go: the gateway, or what a test puts in its place."""

    async def place(self, request: OrderRequest, timeout_s: float) -> TradeOrder:
        """Return what the venue answers."""

    async def cancel(self, request: CancelRequest, timeout_s: float) -> TradeOrder:
        """Return what the venue answers."""

    async def order(self, query: OrderQuery, timeout_s: float) -> TradeOrder:
        """Return an order as the venue's records show it."""

    async def open_orders(self, query: OpenOrdersQuery, timeout_s: float) -> list[TradeOrder]:
        """Return the open orders that are asked for; raises `OrdersUnknown`."""

    async def rules(self, query: RulesQuery, timeout_s: float) -> PairRules:
        """Return what orders of a pair are checked against; raises `RulesUnknown`."""

    def next_client_order_id(self) -> str:
        """Return the id of the next order that the current callback places."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which the strategy's callbacks run."""


def amount(value: Amount, name: str) -> Decimal:
    """Return `value` as an amount greater than 0.

    Raises:
        TypeError: `value` is a float or something else that is no exact number.
        ValueError: `value` is no finite number greater than 0.
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | str | int):
        raise TypeError(
            f"{name} is {value!r}, a {type(value).__name__}: expected a Decimal, a string or an int"
        )
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{name} is {value!r}: expected a decimal number") from None
    if not number.is_finite() or number <= 0:
        raise ValueError(f"{name} is {value}: expected a number greater than 0")
    return number


def order_request(  # noqa: PLR0913 - the terms of an order
    *,
    client_order_id: str,
    pair: str,
    side: Side | str,
    quantity: Amount,
    price: Amount | None,
    type: OrderType | str | None,  # noqa: A002 - the trade's word
    time_in_force: TimeInForce | str | None,
) -> OrderRequest:
    """Return the order that a strategy means: with a price a limit order, good till cancelled, else a market order.

    Raises:
        TypeError: an amount is no exact number.
        ValueError: a value is not one of those allowed, or the terms do not fit each other.
    """
    if CLIENT_ORDER_ID.match(client_order_id) is None:
        raise ValueError(
            f"client_order_id is {client_order_id!r}: expected 1 to 36 characters of letters, digits and . : / _ -"
        )
    kind = OrderType(type) if type is not None else OrderType.MARKET if price is None else OrderType.LIMIT
    if kind is OrderType.LIMIT and time_in_force is None:
        time_in_force = TimeInForce.GTC
    if kind in {OrderType.LIMIT, OrderType.LIMIT_MAKER} and price is None:
        raise ValueError(f"a {kind} order needs a price")
    if kind is OrderType.MARKET and price is not None:
        raise ValueError(f"a market order takes no price, was {price}")
    return OrderRequest(
        client_order_id=client_order_id,
        pair=pair,
        side=Side(side),
        type=kind,
        quantity=amount(quantity, "quantity"),
        price=None if price is None else amount(price, "price"),
        time_in_force=None if time_in_force is None else TimeInForce(time_in_force),
    )
