"""A small venue in memory that trades exactly: what a test scripts happens, and nothing else.

    venue = ScriptedVenue({"BTC-USDT": market("BTC-USDT", price=64000, price_step="0.01", quantity_step="0.00001")})
    venue.move("BTC-USDT", 63000)   # everybody in between trades

It takes limit, market and limit-maker orders, good till cancelled, immediate or cancel, fill or kill. Every step becomes an
`OrderEvent` as a gateway would publish it, handed to whoever listens.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from fillwire.domain import defaults
from fillwire.domain.amounts import average_price
from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from fillwire.domain.rules import PairRules
from fillwire.sdk.trading import Amount, amount
from fillwire.testing.balances import Balances
from fillwire.testing.markets import RECEIVED, Market

TESTER = Account("tester", defaults.EXCHANGE, "test")
MIDNIGHT_NS = 1_767_225_600_000_000_000  # 2026-01-01, where the time of a test begins
_STEP_NS = 1_000_000
_ZERO = Decimal(0)


def market(  # noqa: PLR0913 - all but pair and price have a default
    pair: str,
    price: Amount,
    *,
    price_step: Amount | None = None,
    quantity_step: Amount | None = None,
    min_quantity: Amount | None = None,
    max_quantity: Amount | None = None,
    min_notional: Amount | None = None,
    maker_fee: str = "0",
    taker_fee: str = "0",
    fee_in: str = RECEIVED,
    fee_price: Amount = 1,
    tells_fees: bool = True,
) -> Market:
    """Return a market for a `ScriptedVenue`; see `Market` and `PairRules` for what each means."""

    def optional(value: Amount | None, name: str) -> Decimal | None:
        return None if value is None else amount(value, name)

    rules = PairRules(
        price_step=optional(price_step, "price_step"),
        quantity_step=optional(quantity_step, "quantity_step"),
        min_quantity=optional(min_quantity, "min_quantity"),
        max_quantity=optional(max_quantity, "max_quantity"),
        min_notional=optional(min_notional, "min_notional"),
    )
    return Market(
        pair=pair,
        rules=rules,
        price=amount(price, "price"),
        maker_fee=Decimal(maker_fee),
        taker_fee=Decimal(taker_fee),
        fee_in=fee_in,
        fee_price=amount(fee_price, "fee_price"),
        tells_fees=tells_fees,
    )


@dataclass(slots=True, eq=False)
class VenueOrder:
    """An order at the scripted venue."""

    order_id: str
    request: OrderRequest
    kind: Kind = Kind.NEW
    cumulative_quantity: Decimal = _ZERO
    cumulative_quote: Decimal = _ZERO

    @property
    def is_open(self) -> bool:
        """Whether it may still execute."""
        return not self.kind.is_terminal

    @property
    def remaining(self) -> Decimal:
        """Base quantity that is not executed."""
        return self.request.quantity - self.cumulative_quantity

    def told(self) -> TradeOrder:
        """Return the order as a gateway answers for it."""
        request = self.request
        return TradeOrder(
            outcome=Outcome.ACCEPTED,
            pair=request.pair,
            client_order_id=request.client_order_id,
            order_id=self.order_id,
            venue_status=self.kind.upper(),
            cumulative_quantity=self.cumulative_quantity,
            kind=self.kind,
            side=request.side,
            type=request.type,
            quantity=request.quantity,
            price=request.price,
            time_in_force=request.time_in_force,
            cumulative_quote=self.cumulative_quote,
        )


class ScriptedVenue:
    """One account at a venue with some markets.

    Attributes:
        markets: by pair; their prices and rules may be changed at any time.
        orders: every order that was taken, oldest first.
        executions: the events of all executions, oldest first: what a bot's books must add up to.
        balances: of the account; None: it can pay for everything.
        now_ns: the venue's clock, which stands still unless something happens or the test lets time pass.

    Args:
        markets: made by `market`.
        account: whose orders they are.
        balances: free amounts by currency; None for an account that can pay for everything.
    """

    def __init__(
        self,
        *markets: Market,
        account: Account = TESTER,
        balances: Mapping[str, Amount] | None = None,
    ) -> None:
        self.account = account
        self.markets = {market.pair: market for market in markets}
        self.orders: list[VenueOrder] = []
        self.executions: list[OrderEvent] = []
        self.balances = None if balances is None else Balances(balances)
        self.now_ns = MIDNIGHT_NS
        self._by_client_id: dict[str, VenueOrder] = {}
        self._numbers = itertools.count(1)
        self._trades = itertools.count(1)
        self._listeners: list[Callable[[OrderEvent], None]] = []

    def listen(self, listener: Callable[[OrderEvent], None]) -> None:
        """Have `listener` told of every order event from now on."""
        self._listeners.append(listener)

    # ---- what a test scripts

    def move(self, pair: str, price: Amount, *, depth: Amount | None = None) -> Decimal:
        """Move the price; orders in between trade at their own prices, best price first. Return the price that was reached.

        Args:
            pair: which.
            price: where to.
            depth: base quantity that the move has to trade with; it ends at the order that uses it up. None: enough.
        """
        market = self.markets[pair]
        goal = amount(price, "price")
        rest = None if depth is None else amount(depth, "depth")
        side = Side.BUY if goal <= market.price else Side.SELL
        for order in self._in_the_way(pair, side, goal):
            quantity = order.remaining if rest is None else min(order.remaining, rest)
            market.price = order.request.price or market.price
            self._execute(order, quantity, market.price, is_maker=True)
            if rest is not None:
                rest -= quantity
                if rest <= 0:
                    market.depth = None
                    return market.price
        market.price, market.depth = goal, None
        return goal

    def fill(self, order: VenueOrder, quantity: Amount | None = None, *, price: Amount | None = None) -> None:
        """Execute an open order, all that remains or a part of it, at its own price or another."""
        request = order.request
        at = request.price if price is None else amount(price, "price")
        part = order.remaining if quantity is None else amount(quantity, "quantity")
        if not order.is_open or part > order.remaining:
            raise ValueError(
                f"cannot fill {part} of order {order.order_id}, {order.kind}, {order.remaining} left"
            )
        self._execute(order, part, at or self.markets[request.pair].price, is_maker=True)

    def end(self, order: VenueOrder, kind: Kind = Kind.CANCELLED, *, reason: str | None = None) -> None:
        """End an open order as a person at the venue would, or the venue itself: `cancelled`, `expired`, `rejected`."""
        if not order.is_open or not kind.is_terminal or kind is Kind.FILLED:
            raise ValueError(f"order {order.order_id} is {order.kind} and cannot become {kind}")
        order.kind = kind
        self._release(order, order.remaining)
        self._tell(order, kind, None, reason)

    def open_orders(self, pair: str | None = None) -> list[VenueOrder]:
        """Return the open orders, oldest first."""
        return [order for order in self.orders if order.is_open and pair in {None, order.request.pair}]

    def find(self, *, order_id: str | None = None, client_order_id: str | None = None) -> VenueOrder | None:
        """Return an order by either id."""
        if client_order_id is not None:
            return self._by_client_id.get(client_order_id)
        return next((order for order in self.orders if order.order_id == order_id), None)

    # ---- what a gateway does for a bot

    def place(self, request: OrderRequest) -> TradeOrder:
        """Take an order, or refuse it; one whose client order id is known is answered for and not placed again."""
        known = self._by_client_id.get(request.client_order_id)
        if known is not None:
            return known.told()
        market = self.markets.get(request.pair)
        if market is None:
            return refused(request, f"unknown pair {request.pair}: expected one of {', '.join(self.markets)}")
        objection = market.objection(request) or self._shortage(market, request)
        if objection is not None:
            return refused(request, objection)
        order = VenueOrder(str(next(self._numbers)), request)
        self.orders.append(order)
        self._by_client_id[request.client_order_id] = order
        self._reserve(order)
        self._tell(order, Kind.NEW, None)
        self._match(market, order)
        return order.told()

    def cancel(self, order_id: str | None, client_order_id: str | None) -> VenueOrder | None:
        """Cancel an order; return None if there is none or it has ended."""
        order = self.find(order_id=order_id, client_order_id=client_order_id)
        if order is None or not order.is_open:
            return None
        self.end(order)
        return order

    # ---- matching

    def _in_the_way(self, pair: str, side: Side, goal: Decimal) -> list[VenueOrder]:
        is_buy = side is Side.BUY
        met = [
            (order.request.price, index, order)
            for index, order in enumerate(self.open_orders(pair))
            if order.request.side is side
            and order.request.price is not None
            and (order.request.price >= goal if is_buy else order.request.price <= goal)
        ]
        met.sort(key=lambda entry: (-entry[0] if is_buy else entry[0], entry[1]))
        return [order for _, _, order in met]

    def _match(self, market: Market, order: VenueOrder) -> None:
        request = order.request
        if market.crosses(request.side, request.price):
            available = order.remaining if market.depth is None else min(order.remaining, market.depth)
            if request.time_in_force is TimeInForce.FOK and available < order.remaining:
                available = _ZERO
            if available:
                if market.depth is not None:
                    market.depth -= available
                self._execute(order, available, market.price, is_maker=False)
        is_immediate = request.type is OrderType.MARKET or request.time_in_force in {
            TimeInForce.IOC,
            TimeInForce.FOK,
        }
        if order.is_open and is_immediate:
            self.end(order, Kind.EXPIRED)

    def _execute(self, order: VenueOrder, quantity: Decimal, price: Decimal, *, is_maker: bool) -> None:
        request, market = order.request, self.markets[order.request.pair]
        quote = quantity * price
        order.cumulative_quantity += quantity
        order.cumulative_quote += quote
        order.kind = Kind.PARTIALLY_FILLED if order.remaining else Kind.FILLED
        fee = market.fee(request.side, quantity, quote, is_maker=is_maker)
        currency = market.fee_currency(request.side)
        if self.balances is not None:
            self._release(order, quantity)
            self.balances.trade(market, request.side, quantity, quote)
            self.balances.add(currency, -fee)
        fill = Fill(
            trade_id=str(next(self._trades)),
            price=price,
            quantity=quantity,
            quote=quote,
            fee=fee if market.tells_fees else None,
            fee_currency=currency if market.tells_fees else None,
            liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
        )
        self._tell(order, order.kind, fill)

    # ---- balances

    def _shortage(self, market: Market, request: OrderRequest) -> str | None:
        if self.balances is None:
            return None
        currency, needed = _needs(market, request, request.quantity)
        free = self.balances.free(currency)
        return None if free >= needed else f"insufficient balance: {needed} {currency} needed, {free} free"

    def _reserve(self, order: VenueOrder) -> None:
        if self.balances is not None:
            currency, needed = _needs(self.markets[order.request.pair], order.request, order.remaining)
            self.balances.lock(currency, needed)

    def _release(self, order: VenueOrder, quantity: Decimal) -> None:
        if self.balances is not None:
            currency, needed = _needs(self.markets[order.request.pair], order.request, quantity)
            self.balances.lock(currency, -needed)

    # ---- events

    def _tell(self, order: VenueOrder, kind: Kind, fill: Fill | None, reason: str | None = None) -> None:
        self.now_ns += _STEP_NS
        event = self._event(order, kind, fill, reason)
        if fill is not None:
            self.executions.append(event)
        for listener in self._listeners:
            listener(event)

    def _event(self, order: VenueOrder, kind: Kind, fill: Fill | None, reason: str | None) -> OrderEvent:
        request, account = order.request, self.account
        symbol = request.pair.replace("-", "")
        return OrderEvent(
            event_id=(
                state_event_id(account, symbol, order.order_id, kind)
                if fill is None
                else execution_event_id(account, symbol, order.order_id, fill.trade_id)
            ),
            kind=kind,
            exchange=account.exchange,
            environment=account.environment,
            user=account.user,
            pair=request.pair,
            symbol=symbol,
            order_id=order.order_id,
            client_order_id=request.client_order_id,
            new_client_order_id=None,
            order_list_id=None,
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            price=request.price,
            stop_price=None,
            quantity=request.quantity,
            quote_quantity=None,
            cumulative_quantity=order.cumulative_quantity,
            cumulative_quote=order.cumulative_quote,
            average_price=average_price(order.cumulative_quote, order.cumulative_quantity),
            prevented_quantity=None,
            is_working=order.is_open,
            venue_status=kind.upper(),
            last_fill=fill,
            reject_reason=reason,
            execution_id=None,
            exchange_time_ns=self.now_ns,
            transaction_time_ns=self.now_ns,
            received_time_ns=self.now_ns,
            source=Source.STREAM,
        )


def _needs(market: Market, request: OrderRequest, quantity: Decimal) -> tuple[str, Decimal]:
    """Return what is set aside for a quantity of an order: base of a sale; of a purchase quote, with the fee taken of it."""
    if request.side is Side.SELL:
        return market.base, quantity
    price = market.price if request.price is None else request.price
    rate = market.taker_fee if market.fee_currency(Side.BUY) == market.quote else _ZERO
    return market.quote, quantity * price * (1 + rate)


def refused(request: OrderRequest, reason: str) -> TradeOrder:
    """Return that an order is refused."""
    return TradeOrder(
        outcome=Outcome.REJECTED,
        pair=request.pair,
        client_order_id=request.client_order_id,
        reason=reason,
    )
