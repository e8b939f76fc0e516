"""What a bot that averages down is told to do."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from fillwire.domain.amounts import floored, nearest, product, total
from fillwire.domain.errors import ConfigError
from fillwire.domain.rules import PairRules
from fillwire.sdk.bot import checked_pair
from fillwire.strategies.checking import positive, rate, shown, whole
from fillwire.strategies.grid_plan import Unit
from fillwire.wire.decimals import decimal_text

_MOST_SAFETY_ORDERS = 100
_MOST_CYCLES = 36**3 - 1
_YEAR_S = 365 * 86_400


class Entry(StrEnum):
    """How a cycle begins: at the market's price, or at `start_price`."""

    MARKET = "market"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class DCAConfig:
    """Parameters of dollar-cost averaging. With other ones than before, but those marked *, a bot begins a first cycle.

    Attributes:
        pair: our spelling, `BASE-QUOTE`.
        base_order: quantity that a cycle begins with.
        safety_order: quantity of the first safety order.
        safety_orders: how many there are.
        deviation: how far the first safety order lies below the entry, as a rate: 0.01 is one percent.
        take_profit: how far the sale lies above the average, as a rate.
        unit: whether quantities are in base or in quote currency.
        step_scale: each safety order lies further below the one before by this factor.
        volume_scale: each safety order is larger than the one before by this factor.
        entry: `market`, or `limit` at `start_price` in each cycle.
        start_price: for `limit`; and about what the price is at the start, for a market order in quote currency.
        active_safety_orders: * so many are open at a time; None for all.
        after_fees: * the profit is what is left when all fees are paid, at `fee_rate` for the sale. Otherwise the sale is
            reckoned from the average price of the purchases, as if there were no fees.
        fee_rate: * what the venue takes of a trade at most.
        untold_fee: * what the venue takes of the bought base where its executions do not say so, as a rate: so much less is
            sold. It does not enter the books.
        cooldown_s: * pause between two cycles, in seconds.
        max_cycles: * end after so many; None for no end.
        stop_loss: * sell everything and end when the price is so far below the entry, as a rate. It is seen by a purchase
            of the smallest size that is placed there.
    """

    pair: str
    base_order: Decimal
    safety_order: Decimal
    safety_orders: int
    deviation: Decimal
    take_profit: Decimal
    unit: Unit = Unit.BASE
    step_scale: Decimal = Decimal(1)
    volume_scale: Decimal = Decimal(1)
    entry: Entry = Entry.MARKET
    start_price: Decimal | None = None
    active_safety_orders: int | None = None
    after_fees: bool = True
    fee_rate: Decimal = Decimal("0.001")
    untold_fee: Decimal = Decimal(0)
    cooldown_s: int = 0
    max_cycles: int | None = None
    stop_loss: Decimal | None = None

    def __post_init__(self) -> None:
        checked_pair(self.pair)
        for name in (
            "base_order",
            "safety_order",
            "step_scale",
            "volume_scale",
            "start_price",
            "take_profit",
        ):
            positive(name, getattr(self, name))
        for name in ("deviation", "stop_loss"):
            rate(name, getattr(self, name))
        rate("fee_rate", self.fee_rate, may_be_zero=True)
        rate("untold_fee", self.untold_fee, may_be_zero=True)
        whole("safety_orders", self.safety_orders, 0, _MOST_SAFETY_ORDERS)
        whole("cooldown_s", self.cooldown_s, 0, _YEAR_S)
        if self.active_safety_orders is not None:
            whole("active_safety_orders", self.active_safety_orders, 1, _MOST_SAFETY_ORDERS)
        if self.max_cycles is not None:
            whole("max_cycles", self.max_cycles, 1, _MOST_CYCLES)
        if self.start_price is None and (self.entry is Entry.LIMIT or self.unit is Unit.QUOTE):
            raise ConfigError(
                f"start_price is missing: expected a price, as entry is {self.entry} and unit is {self.unit}"
            )
        self._check_depth()

    def _check_depth(self) -> None:
        last = self.deviations[-1] if self.safety_orders else Decimal(0)
        if last >= 1:
            raise ConfigError(
                f"safety_orders is {self.safety_orders}: the last would lie {_percent(last)} below the entry; expected "
                "fewer, a smaller deviation or a smaller step_scale"
            )
        if self.stop_loss is not None and self.stop_loss <= last:
            raise ConfigError(
                f"stop_loss is {self.stop_loss}: expected more than the deviation of the last safety order, "
                f"{decimal_text(last)}"
            )
        if self.after_fees is False and self.take_profit <= 2 * self.fee_rate:
            raise ConfigError(
                f"take_profit is {self.take_profit}, which the fees of purchase and sale eat at a fee_rate of "
                f"{self.fee_rate}: expected more, or after_fees"
            )

    @property
    def deviations(self) -> list[Decimal]:
        """How far each safety order lies below the entry, as rates."""
        found: list[Decimal] = []
        step = self.deviation
        for _ in range(self.safety_orders):
            found.append(total((found[-1] if found else Decimal(0), step)))
            step = product(step, self.step_scale)
        return found

    @property
    def plan(self) -> str:
        """All that tells this plan from another one."""
        sizes = (self.base_order, self.safety_order, self.unit, self.volume_scale)
        steps = (self.safety_orders, self.deviation, self.step_scale, self.take_profit)
        return "|".join(map(str, ("dca", self.pair, *sizes, *steps, self.entry, self.start_price)))


class DCAPlan:
    """The prices and quantities of a plan at a venue.

    Raises:
        ConfigError: the venue would refuse its orders.
    """

    def __init__(self, config: DCAConfig, rules: PairRules) -> None:
        self.config = config
        self.rules = rules
        self.deviations = config.deviations
        self._check(
            "base_order", config.base_order, self.base_quantity(config.start_price), config.start_price
        )
        for number in range(config.safety_orders):
            entry = config.start_price
            price = None if entry is None else self.safety_price(number, entry)
            quantity = self.safety_quantity(number, price)
            self._check("safety_order", self._volume(number), quantity, price)

    def base_quantity(self, price: Decimal | None) -> Decimal:
        """Return the base quantity that a cycle begins with."""
        return self._quantity(self.config.base_order, price)

    def safety_price(self, number: int, entry: Decimal) -> Decimal:
        """Return the price of a safety order, the first being 0."""
        return floored(product(entry, 1 - self.deviations[number]), self.rules.price_step)

    def safety_quantity(self, number: int, price: Decimal | None) -> Decimal:
        """Return the base quantity of a safety order."""
        return self._quantity(self._volume(number), price)

    def _volume(self, number: int) -> Decimal:
        volume = self.config.safety_order
        for _ in range(number):
            volume = product(volume, self.config.volume_scale)
        return volume

    def _quantity(self, volume: Decimal, price: Decimal | None) -> Decimal:
        if self.config.unit is Unit.QUOTE and price is not None:
            volume /= price
        return floored(volume, self.rules.quantity_step)

    def _check(self, name: str, volume: Decimal, quantity: Decimal, price: Decimal | None) -> None:
        rules, config = self.rules, self.config
        sold = floored(product(quantity, 1 - config.fee_rate), rules.quantity_step)
        least = rules.min_quantity
        if sold <= 0 or (least is not None and sold < least):
            raise ConfigError(
                f"{name} of {shown(volume)} {config.unit} is {decimal_text(quantity)}, and "
                f"{decimal_text(sold)} after fees: expected at least "
                f"{least if least is not None else rules.quantity_step} of {config.pair}"
            )
        if rules.max_quantity is not None and quantity > rules.max_quantity:
            raise ConfigError(
                f"{name} of {shown(volume)} {config.unit} is {decimal_text(quantity)}: "
                f"expected at most {rules.max_quantity} of {config.pair}"
            )
        notional = None if price is None else product(sold, price)
        if notional is not None and rules.min_notional is not None and notional < rules.min_notional:
            raise ConfigError(
                f"{name} of {shown(volume)} {config.unit} is an order of "
                f"{shown(notional)}: expected at least {rules.min_notional}, the least of "
                f"{config.pair}"
            )


def _percent(value: Decimal) -> str:
    return f"{decimal_text(nearest(value * 100, Decimal('0.01')))} %"
