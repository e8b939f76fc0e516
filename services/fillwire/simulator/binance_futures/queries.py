"""Queries about an account, answered from a view that may lag behind the engine."""

from collections.abc import Sequence
from typing import Any

from fillwire.simulator.binance.operations import Answer, Request
from fillwire.simulator.binance.parameters import Parameters
from fillwire.simulator.binance.queries import find_order
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance_futures.documents import order_document, trade_document
from fillwire.simulator.binance_futures.texts import plain
from fillwire.simulator.binance_futures.venue import ORDER_ID_OFFSET, FuturesVenue
from fillwire.simulator.exchange.orders import Order, visible_state

_WEEK_US = 7 * 86_400 * 1_000_000
_MS = 1_000


def named_id(params: Parameters) -> int | None:
    """Return the engine's number of the order that `orderId` names, None if it was not sent."""
    order_id = params.integer("orderId")
    return None if order_id is None else order_id - ORDER_ID_OFFSET


def _rows(request: Request, orders: Sequence[Order], *, only_open: bool = False) -> list[dict[str, Any]]:
    now_us, lag_us = request.venue.clock.now_us(), request.venue.query_lag_us
    rows = []
    for order in orders:
        state = visible_state(order, now_us, lag_us)
        if state is not None and (state.is_open or not only_open):
            rows.append(order_document(order, state))
    return rows


def order_status(request: Request) -> Answer:
    """Show one order."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    order_id, client_id = named_id(params), params.optional("origClientOrderId")
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
    account = request.signer
    if symbol is not None:
        request.venue.engine.market(symbol)
    # What has ended within the lag is still open for a lagging view.
    orders = account.open_orders.values() if not request.venue.query_lag_us else account.orders.values()
    chosen = [order for order in orders if symbol is None or order.market.name == symbol]
    return Answer(result=_rows(request, chosen, only_open=True))


def _window(params: Parameters) -> tuple[int | None, int | None]:
    """Return the first and the last microsecond that were asked for; a time names a whole millisecond."""
    start_us, end_us = params.time_us("startTime"), params.time_us("endTime")
    if start_us is not None and end_us is not None and end_us - start_us > _WEEK_US:
        raise Refusal(-4166, "Search window is restricted to recent 7 days only.")
    return start_us, None if end_us is None else end_us + _MS - 1


def all_orders(request: Request) -> Answer:
    """List the orders of one symbol, open or not."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    from_id = named_id(params)
    start_us, end_us = _window(params)
    limit = params.limit()
    orders = [
        order
        for order in request.signer.orders_of(symbol)
        if (start_us is None or order.updated_us >= start_us)
        and (end_us is None or order.updated_us <= end_us)
        and (from_id is None or order.order_id >= from_id)
    ]
    rows = _rows(request, orders)
    return Answer(result=rows[-limit:] if start_us is None and from_id is None else rows[:limit])


def user_trades(request: Request) -> Answer:
    """List the account's executions on one symbol; without times and ids those of the last week."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    order_id, from_id = named_id(params), params.integer("fromId")
    start_us, end_us = _window(params)
    limit = params.limit()
    if from_id is not None and (start_us is not None or end_us is not None):
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    account = request.signer
    log = account.executions
    if order_id is not None:
        order = account.orders.get((symbol, order_id))
        rows: Sequence[int] = [] if order is None else order.rows
        if from_id is not None:
            rows = [index for index in rows if log.trade_id[index] >= from_id]
    else:
        rows = log.rows_of_symbol(symbol, from_id)
    now_us = request.venue.clock.now_us()
    horizon_us = now_us - request.venue.query_lag_us
    rows = log.visible(rows, horizon_us if end_us is None else min(horizon_us, end_us))
    if start_us is None and from_id is None:
        rows = log.since(rows, now_us - _WEEK_US)[-limit:]
    else:
        rows = (rows if start_us is None else log.since(rows, start_us))[:limit]
    return Answer(result=[trade_document(log.execution(index)) for index in rows])


def _venue(request: Request) -> FuturesVenue:
    venue = request.venue
    if not isinstance(venue, FuturesVenue):
        raise TypeError("expected a venue of futures")
    return venue


def _assets(request: Request) -> list[dict[str, Any]]:
    account = request.signer
    quotes = sorted({market.rules.quote for market in request.venue.markets.values()})
    rows = []
    for asset in quotes:
        balance = account.balances[asset]
        total = plain(balance.free + balance.locked)
        rows.append(
            {
                "accountAlias": "SgsR",
                "asset": asset,
                "balance": total,
                "walletBalance": total,
                "crossWalletBalance": total,
                "crossUnPnl": "0",
                "unrealizedProfit": "0",
                "marginBalance": total,
                "maintMargin": "0",
                "initialMargin": "0",
                "positionInitialMargin": "0",
                "openOrderInitialMargin": plain(balance.locked),
                "availableBalance": plain(balance.free),
                "maxWithdrawAmount": plain(balance.free),
                "marginAvailable": True,
                "updateTime": account.updated_us // _MS,
            }
        )
    return rows


def balances(request: Request) -> Answer:
    """Show the balances of the margin assets."""
    return Answer(result=_assets(request))


def _positions(request: Request) -> list[dict[str, Any]]:
    venue, account = _venue(request), request.signer
    rows = []
    for market in venue.markets.values():
        if "_" in market.name:  # positions are kept by base asset, and all of it counts as the perpetual's
            continue
        amount = venue.position(account, market.rules.base)
        rows.append(
            {
                "symbol": market.name,
                "positionSide": "BOTH",
                "positionAmt": plain(amount),
                "entryPrice": "0",
                "breakEvenPrice": "0",
                "markPrice": plain(market.last_price),
                "unRealizedProfit": "0",
                "unrealizedProfit": "0",
                "liquidationPrice": "0",
                "leverage": "20",
                "isolated": False,
                "isolatedMargin": "0",
                "notional": "0",
                "marginAsset": market.rules.quote,
                "isolatedWallet": "0",
                "initialMargin": "0",
                "maintMargin": "0",
                "updateTime": account.updated_us // _MS,
            }
        )
    return rows


def positions(request: Request) -> Answer:
    """Show the positions, those of nothing too."""
    symbol = request.params.optional("symbol")
    return Answer(result=[row for row in _positions(request) if symbol in {None, row["symbol"]}])


def account_status(request: Request) -> Answer:
    """Show balances and positions."""
    assets = _assets(request)
    total = next((row["balance"] for row in assets if row["asset"] == "USDT"), "0")
    return Answer(
        result={
            "feeTier": 0,
            "canTrade": request.signer.may_trade,
            "canDeposit": True,
            "canWithdraw": True,
            "multiAssetsMargin": False,
            "updateTime": 0,
            "totalInitialMargin": "0",
            "totalMaintMargin": "0",
            "totalWalletBalance": total,
            "totalUnrealizedProfit": "0",
            "totalMarginBalance": total,
            "totalPositionInitialMargin": "0",
            "totalOpenOrderInitialMargin": "0",
            "totalCrossWalletBalance": total,
            "totalCrossUnPnl": "0",
            "availableBalance": total,
            "maxWithdrawAmount": total,
            "assets": assets,
            "positions": _positions(request),
        }
    )


def account_configuration(request: Request) -> Answer:
    """Show what the account may do, and how it is set."""
    return Answer(
        result={
            "feeTier": 0,
            "canTrade": request.signer.may_trade,
            "canDeposit": True,
            "canWithdraw": True,
            "dualSidePosition": False,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }
    )


def position_mode(_request: Request) -> Answer:
    """Show that positions are kept one way."""
    return Answer(result={"dualSidePosition": False})
