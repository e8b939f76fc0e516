"""What a venue lets the orders of a pair be: steps and bounds, and what an order breaks of them."""

from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, Context, Decimal

from fillwire.domain.amounts import floored, product, raised, stepped
from fillwire.domain.enums import OrderType
from fillwire.domain.orders import OrderRequest

_EXACT = Context(prec=200)
# Of a quotient that never ends nobody wants to read more.
_FINEST = Decimal("1e-16")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRules:
    """The filters of one pair. What the venue does not say is None, and not checked.

    Attributes:
        price_step: limit prices are multiples of it, in quote currency.
        min_price: lowest limit price.
        max_price: highest limit price.
        quantity_step: quantities are multiples of it, in base currency.
        min_quantity: smallest quantity of an order.
        max_quantity: largest quantity of an order.
        min_notional: least that price times quantity of an order may be, in quote currency.
        market_quantity_step: as `quantity_step`, of market orders where the venue has another for them.
        market_min_quantity: as `min_quantity`, likewise.
        market_max_quantity: as `max_quantity`, likewise.
        fine_price_step: as `price_step`, of prices below `fine_price_below`.
        fine_price_below: where prices have a finer step.
    """

    price_step: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    quantity_step: Decimal | None = None
    min_quantity: Decimal | None = None
    max_quantity: Decimal | None = None
    min_notional: Decimal | None = None
    market_quantity_step: Decimal | None = None
    market_min_quantity: Decimal | None = None
    market_max_quantity: Decimal | None = None
    fine_price_step: Decimal | None = None
    fine_price_below: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesQuery:
    """A question for the rules of a pair."""

    pair: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesAnswer:
    """The answer to a question for the rules of a pair.

    Attributes:
        rules: what orders of the pair are checked against; None if that is not known.
        reason: why it is not known.
    """

    rules: PairRules | None
    reason: str | None = None


def broken_rule(rules: PairRules, request: OrderRequest) -> str | None:
    """Return what an order breaks, with what was expected and the nearest that is allowed; None if it may be sent.

    The value of a market order depends on prices that are not known here, and is left to the venue.
    """
    if request.type is OrderType.MARKET:
        step = rules.market_quantity_step or rules.quantity_step
        low = rules.market_min_quantity or rules.min_quantity
        high = rules.market_max_quantity or rules.max_quantity
    else:
        step, low, high = rules.quantity_step, rules.min_quantity, rules.max_quantity
    broken = _broken("quantity", request.quantity, step, low, high)
    if broken is not None or request.price is None:
        return broken
    is_fine = rules.fine_price_below is not None and request.price < rules.fine_price_below
    price_step = rules.fine_price_step if is_fine else rules.price_step
    broken = _broken("price", request.price, price_step, rules.min_price, rules.max_price)
    return broken or _broken_notional(rules, request.price, request.quantity)


def _broken(
    name: str, value: Decimal, step: Decimal | None, low: Decimal | None, high: Decimal | None
) -> str | None:
    if step is not None and floored(value, step) != value:
        expected = f"a multiple of {_text(step)}"
    elif low is not None and value < low:
        expected = f"{_text(low)} or more"
    elif high is not None and value > high:
        expected = f"{_text(high)} or less"
    else:
        return None
    nearest = _nearest(value, step, low, high)
    return f"{name} is {_text(value)}: expected {expected}, the nearest allowed is {_text(nearest)}"


def _broken_notional(rules: PairRules, price: Decimal, quantity: Decimal) -> str | None:
    notional = product(price, quantity)
    if rules.min_notional is None or notional >= rules.min_notional or price <= 0:
        return None
    nearest = raised(_EXACT.divide(rules.min_notional, price), rules.quantity_step or _FINEST)
    return (
        f"price times quantity is {_text(notional)}: expected {_text(rules.min_notional)} or more, "
        f"at this price the least quantity is {_text(nearest)}"
    )


def _nearest(value: Decimal, step: Decimal | None, low: Decimal | None, high: Decimal | None) -> Decimal:
    nearest = stepped(value, step, ROUND_HALF_DOWN)
    if low is not None and nearest < low:
        nearest = raised(low, step)
    if high is not None and nearest > high:
        nearest = floored(high, step)
    return step if step is not None and nearest == 0 else nearest


def _text(value: Decimal) -> str:
    """Return an amount without exponent and without zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
