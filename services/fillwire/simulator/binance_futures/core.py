"""What stands between the venue and its clients: the table of operations, and the venue's words for what cannot be."""

from collections.abc import Mapping

from fillwire.simulator.binance import other_products
from fillwire.simulator.binance.core import BinanceCore
from fillwire.simulator.binance.operations import Answer, Handler, Operation, Request, Security, fixed
from fillwire.simulator.binance.parameters import Parameters
from fillwire.simulator.binance.refusals import Refusal, key_rejected
from fillwire.simulator.binance_futures import public, queries, stream_keys, trading
from fillwire.simulator.binance_futures.streams import FuturesSubscription
from fillwire.simulator.binance_futures.tampering import FuturesTampering
from fillwire.simulator.binance_futures.venue import FuturesVenue
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.refused import Reason

_KEY, _SIGNED = Security.KEY, Security.SIGNED
_REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Reason.DUPLICATE_ORDER: (-4116, "ClientOrderId is duplicated."),
    Reason.INSUFFICIENT_BALANCE: (-2019, "Margin is insufficient."),
    Reason.WOULD_MATCH: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
}


def _operation(  # noqa: PLR0913, PLR0917 - the columns of the table
    verb: str,
    path: str,
    handler: Handler,
    weight: int = 1,
    security: Security = Security.NONE,
    name: str | None = None,
    *,
    shows_orders: bool = False,
) -> Operation:
    return Operation(
        name=name or path,
        verb=verb,
        path=path,
        handler=handler,
        weight=fixed(weight),
        security=security,
        shows_orders=shows_orders,
    )


def _open_orders_weight(params: Parameters) -> int:
    return 1 if params.has("symbol") else 40


OPERATIONS = (
    _operation("GET", "/fapi/v1/ping", public.ping, name="ping"),
    _operation("GET", "/fapi/v1/time", public.time, name="time"),
    _operation("GET", "/fapi/v1/exchangeInfo", public.exchange_info, name="exchangeInfo"),
    _operation("GET", "/fapi/v1/depth", public.depth, 20, name="depth"),
    _operation("GET", "/fapi/v1/ticker/price", public.ticker_price, 2, name="ticker.price"),
    _operation("POST", "/fapi/v1/listenKey", stream_keys.issue, 1, _KEY, "userDataStream.start"),
    _operation("PUT", "/fapi/v1/listenKey", stream_keys.keep, 1, _KEY, "userDataStream.ping"),
    _operation("DELETE", "/fapi/v1/listenKey", stream_keys.close, 1, _KEY, "userDataStream.stop"),
    _operation("POST", "/fapi/v1/order", trading.place, 1, _SIGNED, "order.place", shows_orders=True),
    _operation("DELETE", "/fapi/v1/order", trading.cancel, 1, _SIGNED, "order.cancel"),
    _operation("DELETE", "/fapi/v1/allOpenOrders", trading.cancel_all, 1, _SIGNED, "openOrders.cancelAll"),
    _operation("GET", "/fapi/v1/order", queries.order_status, 1, _SIGNED, "order.status"),
    Operation(
        name="openOrders.status",
        verb="GET",
        path="/fapi/v1/openOrders",
        handler=queries.open_orders,
        weight=_open_orders_weight,
        security=_SIGNED,
    ),
    _operation("GET", "/fapi/v1/allOrders", queries.all_orders, 5, _SIGNED, "allOrders"),
    _operation("GET", "/fapi/v1/userTrades", queries.user_trades, 5, _SIGNED, "myTrades"),
    _operation("GET", "/fapi/v1/accountConfig", queries.account_configuration, 5, _SIGNED),
    _operation("GET", "/fapi/v1/positionSide/dual", queries.position_mode, 30, _SIGNED),
    # Neighbours that clients call at login.
    _operation("GET", "/sapi/v1/capital/config/getall", other_products.coins, 1, _SIGNED),
    _operation("GET", "/sapi/v1/margin/allPairs", other_products.nothing, 1, _SIGNED),
    _operation("GET", "/sapi/v1/margin/isolated/allPairs", other_products.nothing, 1, _SIGNED),
    *(
        _operation("GET", f"/fapi/v{version}/{path}", handler, 5, _SIGNED)
        for version in (1, 2, 3)
        for path, handler in (
            ("balance", queries.balances),
            ("account", queries.account_status),
            ("positionRisk", queries.positions),
        )
    ),
)


class FuturesCore(BinanceCore):
    """The venue and all that stands between it and its clients."""

    venue: FuturesVenue

    def __init__(self, venue: FuturesVenue) -> None:
        super().__init__(venue, FuturesTampering())
        self.operations = {operation.name: operation for operation in OPERATIONS}
        self.routes = {(operation.verb, operation.path): operation for operation in OPERATIONS}

    def perform(self, operation: Operation, request: Request, weight: int) -> Answer:
        """Carry out an operation; the key of a stream is what a client logs in with."""
        if operation.handler is stream_keys.issue:
            fault = self.faults.strike("login_refused", request.account)
            if fault is not None:
                raise key_rejected()
        return super().perform(operation, request, weight)

    def refusal_of(self, reason: Reason) -> Refusal:
        """Return what the venue answers where its engine says no."""
        known = _REFUSALS.get(reason)
        return super().refusal_of(reason) if known is None else Refusal(*known)

    def expire_key(self, account: Account, *, is_quiet: bool = False) -> int:
        """End the account's listenKey and its streams, which say so unless it is to be quiet; return how many there were."""
        self.venue.listen_keys.end(account)
        streams = [each for each in account.subscriptions if isinstance(each, FuturesSubscription)]
        now_us = self.venue.clock.now_us()
        for stream in streams:
            if is_quiet:
                stream.connection.unsubscribe(stream)
            else:
                stream.expire(now_us)
        return len(streams)
