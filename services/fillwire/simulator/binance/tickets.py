"""From the parameters of a placing request to the order that is asked for."""

from fillwire.simulator.binance import refusals
from fillwire.simulator.binance.parameters import Parameters
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.strategies import Strategy
from fillwire.simulator.binance.symbols import ORDER_TYPES, STP_MODES
from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import STOP_TYPES, Ticket

_TIMED_TYPES = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_PRICED_TYPES = _TIMED_TYPES | {"LIMIT_MAKER"}
_RESPONSE_TYPES = ("ACK", "RESULT", "FULL")
_FIRST_STRATEGY_TYPE = 1_000_000


def read_response_type(params: Parameters, order_type: str) -> str:
    """Return the form of the placing response: FULL for market and limit orders unless asked otherwise."""
    default = "FULL" if order_type in {"MARKET", "LIMIT"} else "ACK"
    return params.choice("newOrderRespType", _RESPONSE_TYPES, default)


def read_side(params: Parameters) -> bool:
    """Return whether `side` is BUY."""
    side = params.required("side")
    if side not in {"BUY", "SELL"}:
        raise Refusal(-1117, "Invalid side.")
    return side == "BUY"


def read_stp_mode(params: Parameters) -> str:
    """Return the self-trade prevention mode, the symbol's default if none was sent."""
    mode = params.optional("selfTradePreventionMode")
    if mode is None:
        return "NONE"
    if mode not in STP_MODES:
        raise Refusal(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    return mode


class _Names:
    """Parameter names of a single order, or of one leg of a list: `price`, or `abovePrice`."""

    def __init__(self, leg: str) -> None:
        self._leg = leg

    def __call__(self, name: str) -> str:
        return self._leg + name[0].upper() + name[1:] if self._leg else name

    @property
    def client_id(self) -> str:
        """Name of the client order id."""
        return f"{self._leg}ClientOrderId" if self._leg else "newClientOrderId"


def _read_time_in_force(params: Parameters, name: str, order_type: str) -> str:
    if order_type not in _TIMED_TYPES:
        if params.has(name):
            raise Refusal(-1106, f"Parameter '{name}' sent when not required.")
        return "GTC"
    time_in_force = params.required(name)
    if time_in_force not in {"GTC", "IOC", "FOK"}:
        raise Refusal(-1115, "Invalid timeInForce.")
    return time_in_force


def _read_strategy(params: Parameters, names: _Names) -> Strategy | None:
    strategy_type = params.integer(names("strategyType"))
    if strategy_type is not None and strategy_type < _FIRST_STRATEGY_TYPE:
        raise Refusal(-1134, "`strategyType` was less than 1000000.")
    strategy_id = params.integer(names("strategyId"))
    return None if strategy_id is strategy_type is None else Strategy(strategy_id, strategy_type)


def _refuse_unsupported(params: Parameters, names: _Names) -> None:
    if params.has(names("trailingDelta")):
        raise refusals.order_refused("Trailing stop orders are not supported for this symbol.")
    if params.amount(names("icebergQty")):
        raise refusals.order_refused("Iceberg orders are not supported for this symbol.")
    if params.has(names("pegPriceType")):
        raise refusals.order_refused("Pegged orders are not supported for this symbol.")


def _read_price(params: Parameters, name: str, *, is_needed: bool) -> int:
    if is_needed:
        params.required(name)
        price = params.amount(name)
        if price == 0:
            raise refusals.filter_failed("PRICE_FILTER")
        return price
    if params.has(name):
        raise Refusal(-1106, f"Parameter '{name}' sent when not required.")
    return 0


def _read_amounts(params: Parameters, order_type: str) -> tuple[int, int]:
    """Return base quantity and quote quantity, of which one is 0."""
    if order_type == "MARKET" and params.has("quoteOrderQty"):
        if params.has("quantity"):
            raise Refusal(-1128, "Combination of optional parameters invalid.")
        quote_quantity = params.amount("quoteOrderQty")
        if quote_quantity == 0:
            raise refusals.order_refused("Price * QTY is zero or less.")
        return 0, quote_quantity
    if order_type == "MARKET" and not params.has("quantity"):
        raise Refusal(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
    params.required("quantity")
    return params.amount("quantity"), 0


def read_ticket(params: Parameters, engine: Engine, market: Market, is_buy: bool, leg: str = "") -> Ticket:
    """Return the order that the parameters ask for; its values are not yet checked against the filters.

    `leg` is `above` or `below` for a leg of an order list.
    """
    names = _Names(leg)
    order_type = params.required(names("type"))
    if order_type not in ORDER_TYPES:
        raise Refusal(-1116, "Invalid orderType.")
    _refuse_unsupported(params, names)
    quantity, quote_quantity = _read_amounts(params, order_type)
    strategy = _read_strategy(params, names)
    return Ticket(
        market=market,
        is_buy=is_buy,
        type=order_type,
        time_in_force=_read_time_in_force(params, names("timeInForce"), order_type),
        quantity=quantity,
        quote_quantity=quote_quantity,
        price=_read_price(params, names("price"), is_needed=order_type in _PRICED_TYPES),
        stop_price=_read_price(params, names("stopPrice"), is_needed=order_type in STOP_TYPES),
        client_order_id=params.client_id(names.client_id) or engine.make_client_id(),
        stp_mode=read_stp_mode(params),
        facts=strategy,
    )
