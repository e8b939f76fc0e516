"""From the body of a placing request to the order that is asked for."""

from typing import Any

from fillwire.simulator.alpaca.amounts import plain
from fillwire.simulator.alpaca.operations import Request
from fillwire.simulator.alpaca.orders import Facts
from fillwire.simulator.alpaca.refusals import duplicate, malformed, not_permitted, unprocessable
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Ticket
from fillwire.simulator.exchange.units import product

_TYPES = {"market": "MARKET", "limit": "LIMIT", "stop": "STOP_LOSS", "stop_limit": "STOP_LOSS_LIMIT"}
_TIMES = {"day": "GTC", "gtc": "GTC", "ioc": "IOC", "fok": "FOK"}
_CRYPTO_TIMES = frozenset({"gtc", "ioc"})
_CRYPTO_TYPES = frozenset({"market", "limit", "stop_limit"})
_MAX_CLIENT_ID = 128


def find_market(request: Request, symbol: str) -> Market:
    """Return the market of a symbol; crypto pairs are also known without their slash."""
    markets = request.venue.markets
    market = markets.get(symbol)
    if market is None:
        market = next(
            (each for name, each in markets.items() if "/" in name and name.replace("/", "") == symbol), None
        )
    if market is None:
        raise unprocessable(f'asset "{symbol}" not found')
    return market


def read_client_id(request: Request) -> str:
    """Return the client order id, one of the venue's if none was sent; refuses one that was used before."""
    venue = request.venue
    client_id = request.text("client_order_id")
    if client_id is None:
        return venue.engine.make_client_id()
    if len(client_id) > _MAX_CLIENT_ID:
        raise unprocessable(f"client_order_id must be no more than {_MAX_CLIENT_ID} characters")
    if venue.find_by_client_id(request.account, client_id) is not None:
        raise duplicate()
    return client_id


def check_price(market: Market, name: str, price: int) -> None:
    """Refuse a price off the tick."""
    if price % market.rules.tick:
        raise unprocessable(
            f"invalid {name} {plain(price)}. sub-penny increment does not fulfill minimum pricing criteria"
        )


def check_quantity(market: Market, quantity: int) -> None:
    """Refuse a quantity off the step."""
    if quantity % market.rules.step:
        raise unprocessable(f"qty must be a multiple of {plain(market.rules.step)}")


def _check_cost(market: Market, *, is_buy: bool, cost: int) -> None:
    """Refuse an order that is too small."""
    minimum = market.rules.min_notional
    if is_buy and cost < minimum:
        raise not_permitted(f"cost basis must be >= minimal amount of order {plain(minimum)}")


def _read_price(request: Request, market: Market, name: str, *, is_needed: bool) -> int:
    price = request.units(name)
    if is_needed != bool(price):
        kind = request.body.get("type")
        raise unprocessable(
            f"{kind} orders require {name}" if is_needed else f"{kind} orders must not have {name}"
        )
    check_price(market, name, price)
    return price


def _read_choice(request: Request, name: str, choices: Any) -> str:
    value = request.text(name)
    if value is None:
        raise malformed(f"{name} is required")
    if value not in choices:
        raise unprocessable(f"invalid {name}: {value}")
    return value


def _read_kind(request: Request, *, is_crypto: bool) -> tuple[str, str]:
    """Return type and time in force, in the venue's words."""
    kind = _read_choice(request, "type", _TYPES)
    time_in_force = _read_choice(request, "time_in_force", _TIMES)
    if is_crypto and time_in_force not in _CRYPTO_TIMES:
        raise unprocessable("invalid crypto time_in_force")
    if is_crypto and kind not in _CRYPTO_TYPES:
        raise unprocessable("invalid order type for crypto order")
    return kind, time_in_force


def read_class(request: Request) -> str:
    """Return the order class, empty for a simple order."""
    order_class = request.text("order_class") or "simple"
    if order_class not in {"simple", "bracket", "oco", "oto"}:
        raise unprocessable(f"order_class {order_class} is not simulated")
    return "" if order_class == "simple" else order_class


def read_ticket(request: Request) -> Ticket:
    """Return the order that the body asks for."""
    symbol = request.text("symbol")
    if symbol is None:
        raise malformed("symbol is required")
    market = find_market(request, symbol)
    is_crypto = "/" in market.name
    kind, time_in_force = _read_kind(request, is_crypto=is_crypto)
    is_buy = _read_choice(request, "side", ("buy", "sell")) == "buy"
    quantity, notional = request.units("qty"), request.units("notional")
    if bool(quantity) == bool(notional):
        raise unprocessable(
            "only one of qty or notional is accepted" if quantity else "qty or notional is required"
        )
    if notional and kind != "market":
        raise unprocessable("notional orders must be market orders")
    check_quantity(market, quantity)
    price = _read_price(request, market, "limit_price", is_needed=kind in {"limit", "stop_limit"})
    stop = _read_price(request, market, "stop_price", is_needed=kind in {"stop", "stop_limit"})
    _check_cost(market, is_buy=is_buy, cost=notional or product(price or stop or market.last_price, quantity))
    return Ticket(
        market=market,
        is_buy=is_buy,
        type=_TYPES[kind],
        time_in_force=_TIMES[time_in_force],
        quantity=quantity,
        quote_quantity=notional,
        price=price,
        stop_price=stop,
        client_order_id=read_client_id(request),
        stp_mode="NONE",
        facts=Facts(
            time_in_force=time_in_force,
            notional=notional,
            order_class=read_class(request),
            extended_hours=str(request.body.get("extended_hours", False)).lower() == "true",
            waits=not request.venue.is_tradable(market),
        ),
    )
