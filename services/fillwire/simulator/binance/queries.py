"""Queries about an account, answered from a view that may lag behind the engine."""

from collections.abc import Sequence
from typing import Any

from fillwire.simulator.binance.operations import Answer, Operation, Request, Security, fixed
from fillwire.simulator.binance.order_documents import (
    amendment_row,
    order_row,
    prevented_match_row,
    trade_row,
)
from fillwire.simulator.binance.parameters import Parameters
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.orders import Order, visible_state
from fillwire.simulator.exchange.units import SCALE, units_text

_DAY_US = 86_400 * 1_000_000


def _check_window(start_us: int | None, end_us: int | None) -> None:
    if start_us is not None and end_us is not None and end_us - start_us > _DAY_US:
        raise Refusal(-1127, "More than 24 hours between startTime and endTime.")


def _rows(request: Request, orders: Sequence[Order], *, only_open: bool = False) -> list[dict[str, Any]]:
    now_us = request.venue.clock.now_us()
    lag_us = request.venue.query_lag_us
    rows = []
    for order in orders:
        state = visible_state(order, now_us, lag_us)
        if state is not None and (state.is_open or not only_open):
            rows.append(order_row(order, state, request.divisor))
    return rows


def find_order(account: Account, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
    """Return the order by either id; None if there is none or the ids name different orders."""
    if order_id is not None:
        order = account.orders.get((symbol, order_id))
        if (
            order is not None
            and client_id is not None
            and account.by_client_id.get((symbol, client_id)) is not order
        ):
            raise Refusal(-2039, "Client order ID is not correct for this order ID.")
        return order
    return None if client_id is None else account.by_client_id.get((symbol, client_id))


def order_status(request: Request) -> Answer:
    """Show one order."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    order_id = params.integer("orderId")
    client_id = params.optional("origClientOrderId")
    params.finish()
    if order_id is None and client_id is None:
        raise Refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    order = find_order(request.signer, symbol, order_id, client_id)
    rows = [] if order is None else _rows(request, [order])
    if not rows:
        raise Refusal(-2013, "Order does not exist.")
    return Answer(result=rows[0])


def open_orders(request: Request) -> Answer:
    """List the open orders, of one symbol or of all."""
    symbol = request.params.optional("symbol")
    request.params.finish()
    account = request.signer
    if symbol is not None:
        request.venue.engine.market(symbol)
    # What has ended within the lag is still open for a lagging view.
    orders = account.open_orders.values() if not request.venue.query_lag_us else account.orders.values()
    chosen = [order for order in orders if symbol is None or order.market.name == symbol]
    return Answer(result=_rows(request, chosen, only_open=True))


def all_orders(request: Request) -> Answer:
    """List the orders of one symbol, open or not."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    from_id = params.integer("orderId")
    start_us, end_us = params.time_us("startTime"), params.time_us("endTime")
    limit = params.limit()
    params.finish()
    _check_window(start_us, end_us)
    orders = request.signer.orders_of(symbol)
    is_timed = start_us is not None or end_us is not None
    if is_timed:
        orders = [
            order
            for order in orders
            if (start_us is None or order.updated_us >= start_us)
            and (end_us is None or order.updated_us <= end_us)
        ]
    elif from_id is not None:
        orders = [order for order in orders if order.order_id >= from_id]
    rows = _rows(request, orders)
    is_oldest_first = start_us is not None or (from_id is not None and not is_timed)
    return Answer(result=rows[:limit] if is_oldest_first else rows[-limit:])


_TRADE_COMBINATIONS = (
    frozenset[str](),
    frozenset({"orderId"}),
    frozenset({"startTime"}),
    frozenset({"endTime"}),
    frozenset({"fromId"}),
    frozenset({"startTime", "endTime"}),
    frozenset({"orderId", "fromId"}),
)


def my_trades(request: Request) -> Answer:
    """List the account's executions on one symbol."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    sent = frozenset(name for name in ("orderId", "startTime", "endTime", "fromId") if params.has(name))
    order_id, from_id = params.integer("orderId"), params.integer("fromId")
    start_us, end_us = params.time_us("startTime"), params.time_us("endTime")
    limit = params.limit()
    params.finish()
    if sent not in _TRADE_COMBINATIONS:
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    _check_window(start_us, end_us)
    account = request.signer
    log = account.executions
    if order_id is not None:
        order = account.orders.get((symbol, order_id))
        rows: Sequence[int] = [] if order is None else order.rows
        if from_id is not None:
            rows = [index for index in rows if log.trade_id[index] >= from_id]
    else:
        rows = log.rows_of_symbol(symbol, from_id)
    horizon_us = request.venue.clock.now_us() - request.venue.query_lag_us
    rows = log.visible(rows, horizon_us if end_us is None else min(horizon_us, end_us))
    if start_us is not None:
        rows = log.since(rows, start_us)
    is_oldest_first = start_us is not None or from_id is not None
    rows = rows[:limit] if is_oldest_first else rows[-limit:]
    return Answer(result=[trade_row(log.execution(index), request.divisor) for index in rows])


def my_trades_weight(params: Parameters) -> int:
    """Return 5 for the fills of one order, else 20."""
    return 5 if params.has("orderId") else 20


def account_status(request: Request) -> Answer:
    """Show balances and commission rates."""
    hides_zero = request.params.boolean("omitZeroBalances", default=False)
    request.params.finish()
    account = request.signer
    assets = {
        asset
        for market in request.venue.markets.values()
        for asset in (market.rules.base, market.rules.quote)
    }
    rows = []
    for asset in sorted(assets | account.balances.keys()):
        balance = account.balances[asset]
        if not hides_zero or balance.free or balance.locked:
            rows.append(
                {"asset": asset, "free": units_text(balance.free), "locked": units_text(balance.locked)}
            )
    per_ten_thousand = SCALE // 10_000
    return Answer(
        result={
            "makerCommission": account.maker_rate // per_ten_thousand,
            "takerCommission": account.taker_rate // per_ten_thousand,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": units_text(account.maker_rate),
                "taker": units_text(account.taker_rate),
                "buyer": units_text(0),
                "seller": units_text(0),
            },
            "canTrade": account.may_trade,
            "canWithdraw": True,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": account.updated_us // request.divisor,
            "accountType": "SPOT",
            "balances": rows,
            "permissions": ["SPOT"],
            "uid": account.uid,
        }
    )


def order_limits(request: Request) -> Answer:
    """Show the unfilled order count."""
    request.params.finish()
    return Answer(result=request.venue.limits.order_documents(request.signer))


def commission_rates(request: Request) -> Answer:
    """Show the commission rates on a symbol."""
    symbol = request.venue.engine.market(request.params.required("symbol")).name
    request.params.finish()
    account = request.signer
    zero = units_text(0)
    none = {"maker": zero, "taker": zero, "buyer": zero, "seller": zero}
    standard = none | {"maker": units_text(account.maker_rate), "taker": units_text(account.taker_rate)}
    return Answer(
        result={
            "symbol": symbol,
            "standardCommission": standard,
            "specialCommission": none,
            "taxCommission": none,
            "discount": {
                "enabledForAccount": account.pays_in_other_asset,
                "enabledForSymbol": True,
                "discountAsset": "BNB",
                "discount": "0.75000000",
            },
        }
    )


def prevented_matches(request: Request) -> Answer:
    """List what self-trade prevention has stopped."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    match_id, order_id = params.integer("preventedMatchId"), params.integer("orderId")
    from_id = params.integer("fromPreventedMatchId")
    limit = params.limit()
    params.finish()
    if (match_id is None) == (order_id is None):
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    rows = [
        prevented_match_row(match, request.divisor)
        for match in request.signer.prevented_matches
        if match.symbol == symbol
        and (match_id is None or match.match_id == match_id)
        and (order_id is None or order_id in {match.taker_order_id, match.maker_order_id})
        and (from_id is None or match.match_id >= from_id)
    ]
    return Answer(result=rows[:limit])


def amendments(request: Request) -> Answer:
    """List the amendments of one order."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    params.required("orderId")
    order_id, from_id = params.integer("orderId"), params.integer("fromExecutionId")
    limit = params.limit()
    params.finish()
    order = request.signer.orders.get((symbol, order_id or -1))
    if order is None:
        raise Refusal(-2013, "Order does not exist.")
    rows = [
        amendment_row(order, amendment, request.divisor)
        for amendment in order.amendments
        if from_id is None or amendment.execution_id >= from_id
    ]
    return Answer(result=rows[:limit])


def _signed(name: str, path: str, handler: Any, weight: Any) -> Operation:
    return Operation(
        name=name, verb="GET", path=path, handler=handler, weight=weight, security=Security.SIGNED
    )


OPERATIONS = (
    _signed("order.status", "/api/v3/order", order_status, fixed(4)),
    _signed(
        "openOrders.status",
        "/api/v3/openOrders",
        open_orders,
        lambda params: 6 if params.has("symbol") else 80,
    ),
    _signed("allOrders", "/api/v3/allOrders", all_orders, fixed(20)),
    _signed("myTrades", "/api/v3/myTrades", my_trades, my_trades_weight),
    _signed("account.status", "/api/v3/account", account_status, fixed(20)),
    _signed("account.rateLimits.orders", "/api/v3/rateLimit/order", order_limits, fixed(40)),
    _signed("account.commission", "/api/v3/account/commission", commission_rates, fixed(20)),
    _signed(
        "myPreventedMatches",
        "/api/v3/myPreventedMatches",
        prevented_matches,
        lambda params: 20 if params.has("orderId") else 2,
    ),
    _signed("order.amendments", "/api/v3/order/amendments", amendments, fixed(4)),
)
