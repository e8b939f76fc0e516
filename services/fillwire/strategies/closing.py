"""A plan that can be closed: its orders are cancelled, then everything that it holds is sold at the market."""

from abc import abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from fillwire.domain.amounts import floored, product, raised
from fillwire.domain.enums import OrderType, Side
from fillwire.domain.rules import PairRules
from fillwire.strategies.books import Books
from fillwire.strategies.state import OrderState, Terms, Wanted
from fillwire.strategies.steps import StepIds, slot_name

EXIT = "x"


class Phase(StrEnum):
    """Whether the bot trades, sells all that it holds and nothing else, or has come to its end by itself."""

    TRADING = "trading"
    CLOSING = "closing"
    ENDED = "ended"


def is_orderable(rules: PairRules, quantity: Decimal, price: Decimal | None) -> bool:
    """Return whether a venue takes an order of this quantity, already rounded; without a price its amount is not judged."""
    if quantity <= 0 or (rules.min_quantity is not None and quantity < rules.min_quantity):
        return False
    return price is None or rules.min_notional is None or product(quantity, price) >= rules.min_notional


def smallest_order(rules: PairRules, price: Decimal, otherwise: Decimal) -> Decimal:
    """Return the least base quantity that a venue takes at a price; `otherwise` where it has no least."""
    least = rules.min_quantity or rules.quantity_step or otherwise
    for_notional = Decimal(0) if rules.min_notional is None else rules.min_notional / price
    return raised(max(least, for_notional), rules.quantity_step)


class ClosingState(OrderState):
    """The state of a plan that can be closed.

    Attributes:
        rules: the venue's, of the pair.
        phase: see `Phase`.
        last_price: of the last execution, 0 before the first.
    """

    def __init__(self, ids: StepIds, pair: str, rules: PairRules) -> None:
        base, _, quote = pair.rpartition("-")
        super().__init__(ids, Books(base, quote))
        self.rules = rules
        self.phase = Phase.TRADING
        self.last_price = Decimal(0)

    @property
    @abstractmethod
    def held(self) -> Decimal:
        """Base quantity that the plan holds."""

    @property
    def is_ended(self) -> bool:
        """Whether the bot has sold all that could be sold, and wants nothing more."""
        return self.phase is not Phase.TRADING and not self.has_live() and not list(self.wanted())

    def close(self) -> None:
        """Begin to close, if that has not begun."""
        if self.phase is Phase.TRADING:
            self.phase = Phase.CLOSING

    def _wanted_to_close(self) -> Iterator[Wanted]:
        """Return the sale of everything, once no other order is open."""
        if any(slot.is_open for name, slot in self.slots.items() if name[0] != EXIT):
            return
        terms = self.live(slot_name(EXIT)) or self._exit_terms()
        if terms is not None:
            yield Wanted(slot_name(EXIT), self.cycle_of(slot_name(EXIT)), terms)

    def _exit_terms(self) -> Terms | None:
        rules = self.rules
        quantity = floored(self.held, rules.market_quantity_step or rules.quantity_step)
        most = rules.market_max_quantity or rules.max_quantity
        part = quantity if most is None else min(quantity, most)
        least = rules.market_min_quantity
        if not is_orderable(rules, part, self.last_price or None) or (least is not None and part < least):
            return None
        return Terms(Side.SELL, part, None, OrderType.MARKET)
