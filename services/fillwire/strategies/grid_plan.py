"""What a grid is told to do, and the prices and quantities that follow from it at a venue."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import StrEnum

from fillwire.domain.amounts import floored, nearest, product
from fillwire.domain.enums import OrderType
from fillwire.domain.errors import ConfigError
from fillwire.domain.rules import PairRules
from fillwire.sdk.bot import checked_pair
from fillwire.strategies.checking import positive, rate, shown, whole
from fillwire.strategies.closing import smallest_order
from fillwire.strategies.steps import SLOT_NUMBERS

_DIGITS = 60


class Spacing(StrEnum):
    """How far the levels are apart: by one difference, or by one factor."""

    ARITHMETIC = "arithmetic"
    GEOMETRIC = "geometric"


class Unit(StrEnum):
    """In which currency a quantity is given."""

    BASE = "base"
    QUOTE = "quote"


class Start(StrEnum):
    """Where the base comes from that levels above the market's price need: bought at once, or the account has it."""

    PURCHASE = "purchase"
    INVENTORY = "inventory"


class AtLower(StrEnum):
    """What to do when the lowest purchase is filled: wait for the price to come back, or sell everything."""

    HOLD = "hold"
    SELL = "sell"


class AtUpper(StrEnum):
    """What to do when the highest sale is filled: wait for the price to come back, or end."""

    HOLD = "hold"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridConfig:
    """Parameters of a grid. With other ones than before, but those marked *, a bot begins a new grid.

    Attributes:
        pair: our spelling, `BASE-QUOTE`.
        lower: lowest price.
        upper: highest price.
        levels: prices from `lower` to `upper`, both included. Between each two neighbours is a cell, which buys at its lower
            and sells at its upper price.
        quantity: of each purchase.
        unit: whether `quantity` is in base or in quote currency.
        spacing: of the levels.
        start: `purchase`: cells above the market's price buy at once, at the market's price. `inventory`: the account has
            what the cells at and above `start_price` need.
        start_price: price of the pair at the start; for `inventory`.
        fee_rate: * what the venue takes of a trade at most; a grid whose steps do not earn that is refused.
        untold_fee: * what the venue takes of the bought base where its executions do not say so, as a rate: so much less is
            sold. It does not enter the books.
        post_only: * place limit-maker orders, which never take.
        at_lower: * what to do when the lowest purchase is filled.
        at_upper: * what to do when the highest sale is filled.
        stop_price: * below `lower`: sell everything and end once the price was there. It is seen by a purchase of the
            smallest size that is placed there.
        take_profit: * end, and sell everything, when so much was earned, in quote currency.
    """

    pair: str
    lower: Decimal
    upper: Decimal
    levels: int
    quantity: Decimal
    unit: Unit = Unit.BASE
    spacing: Spacing = Spacing.ARITHMETIC
    start: Start = Start.PURCHASE
    start_price: Decimal | None = None
    fee_rate: Decimal = Decimal("0.001")
    untold_fee: Decimal = Decimal(0)
    post_only: bool = False
    at_lower: AtLower = AtLower.HOLD
    at_upper: AtUpper = AtUpper.HOLD
    stop_price: Decimal | None = None
    take_profit: Decimal | None = None

    def __post_init__(self) -> None:
        checked_pair(self.pair)
        for name in ("lower", "upper", "quantity", "start_price", "stop_price", "take_profit"):
            positive(name, getattr(self, name))
        whole("levels", self.levels, 2, SLOT_NUMBERS)
        rate("fee_rate", self.fee_rate, may_be_zero=True)
        rate("untold_fee", self.untold_fee, may_be_zero=True)
        if self.lower >= self.upper:
            raise ConfigError(f"upper is {self.upper}: expected more than lower, which is {self.lower}")
        if self.start is Start.INVENTORY and self.start_price is None:
            raise ConfigError(
                "start is inventory and start_price is missing: expected the price of the pair now"
            )
        if self.stop_price is not None and self.stop_price >= self.lower:
            raise ConfigError(
                f"stop_price is {self.stop_price}: expected less than lower, which is {self.lower}"
            )
        GridPlan(self, PairRules())

    @property
    def plan(self) -> str:
        """All that tells this grid from another one."""
        facts = (self.pair, self.lower, self.upper, self.levels, self.quantity, self.unit, self.spacing)
        return "|".join(["grid", *map(str, facts), str(self.start), str(self.start_price)])

    @property
    def order_type(self) -> OrderType:
        """Of its orders."""
        return OrderType.LIMIT_MAKER if self.post_only else OrderType.LIMIT


class GridPlan:
    """The prices and quantities of a grid at a venue.

    Attributes:
        prices: of the levels, lowest first.
        quantities: base quantity of each cell's purchase, lowest first; one fewer than levels.
        stop_quantity: base quantity of the purchase at the stop price.

    Raises:
        ConfigError: the venue would refuse its orders, or fees eat what a step earns.
    """

    def __init__(self, config: GridConfig, rules: PairRules) -> None:
        self.config = config
        self.rules = rules
        self.prices = [nearest(price, rules.price_step) for price in _levels(config)]
        self._check_prices()
        self.quantities = [
            floored(_base_quantity(config, price), rules.quantity_step) for price in self.prices[:-1]
        ]
        for cell in range(len(self.quantities)):
            self._check_cell(cell)
        self.stop_quantity = self._stop_quantity()

    def _check_prices(self) -> None:
        rate_of_fees, rules = self.config.fee_rate, self.rules
        if rules.min_price is not None and self.prices[0] < rules.min_price:
            raise ConfigError(
                f"lower is {self.config.lower}: expected at least {rules.min_price}, the least of {self.config.pair}"
            )
        if rules.max_price is not None and self.prices[-1] > rules.max_price:
            raise ConfigError(
                f"upper is {self.config.upper}: expected at most {rules.max_price}, the most of {self.config.pair}"
            )
        for low, high in zip(self.prices, self.prices[1:], strict=False):
            if low >= high:
                raise ConfigError(
                    f"levels is {self.config.levels}: two of them are {low}, as {self.config.pair} has steps of "
                    f"{rules.price_step}; expected fewer levels or a wider range"
                )
            fees = (low + high) * rate_of_fees
            if high - low <= fees:
                raise ConfigError(
                    f"the step from {shown(low)} to {shown(high)} earns {shown(high - low)} and "
                    f"pays fees of {shown(fees)} at a fee_rate of {rate_of_fees}: expected fewer levels or a "
                    "wider range"
                )

    def _check_cell(self, cell: int) -> None:
        config, rules, quantity, price = self.config, self.rules, self.quantities[cell], self.prices[cell]
        # What a fee in base leaves must be sellable, too.
        sold = floored(product(quantity, 1 - config.fee_rate), rules.quantity_step)
        least = rules.min_quantity
        if quantity <= 0 or sold <= 0 or (least is not None and sold < least):
            raise ConfigError(
                f"quantity is {config.quantity} {config.unit}, which is {shown(quantity)} at "
                f"{shown(price)} and {shown(sold)} after fees: expected at least "
                f"{least if least is not None else rules.quantity_step} of {config.pair}"
            )
        if rules.max_quantity is not None and quantity > rules.max_quantity:
            raise ConfigError(
                f"quantity is {config.quantity} {config.unit}, which is {shown(quantity)} at "
                f"{shown(price)}: expected at most {rules.max_quantity} of {config.pair}"
            )
        notional = min(product(quantity, price), product(sold, self.prices[cell + 1]))
        if rules.min_notional is not None and notional < rules.min_notional:
            raise ConfigError(
                f"quantity is {config.quantity} {config.unit}, an order of {shown(notional)} at "
                f"{shown(price)}: expected at least {rules.min_notional}, the least of {config.pair}"
            )

    def _stop_quantity(self) -> Decimal:
        if self.config.stop_price is None:
            return Decimal(0)
        price = nearest(self.config.stop_price, self.rules.price_step)
        return smallest_order(self.rules, price, self.quantities[0] / 1000)


def _base_quantity(config: GridConfig, price: Decimal) -> Decimal:
    return config.quantity if config.unit is Unit.BASE else config.quantity / price


def _levels(config: GridConfig) -> list[Decimal]:
    count = config.levels - 1
    with localcontext() as context:
        context.prec = _DIGITS
        if config.spacing is Spacing.ARITHMETIC:
            step = (config.upper - config.lower) / count
            inner = [config.lower + number * step for number in range(1, count)]
        else:
            factor = (config.upper / config.lower) ** (Decimal(1) / count)
            inner = [config.lower * factor**number for number in range(1, count)]
    return [config.lower, *inner, config.upper]
