"""The state of dollar-cost averaging: which cycle it is in, what it bought in it, and which orders should be open."""

from collections.abc import Iterable, Iterator
from decimal import ROUND_CEILING, Context, Decimal
from typing import Any

from fillwire.domain.amounts import floored, product, raised, share
from fillwire.domain.enums import Kind, OrderType, Side
from fillwire.strategies.books import Execution, Position
from fillwire.strategies.closing import ClosingState, Phase, is_orderable, smallest_order
from fillwire.strategies.dca_plan import DCAPlan, Entry
from fillwire.strategies.known import Executed
from fillwire.strategies.state import Terms, Wanted
from fillwire.strategies.steps import Step, StepIds, slot_name, slot_number
from fillwire.wire.decimals import decimal_text

BASE, SAFETY, PROFIT, STOP = "b", "s", "t", "p"
_S = 1_000_000_000
_ONE = Decimal(1)
_UP = Context(prec=50, rounding=ROUND_CEILING)


class DCAState(ClosingState):
    """One cycle after the other: a base order, safety orders below it, and one sale of all that was bought.

    Attributes:
        cycle: the present one, from 0.
        position: what is held, and what it cost.
        basis: what the sale is reckoned from: the position as it was when the last purchase of it was complete.
        entry: what the base order of this cycle executed; its average is where the safety orders are reckoned from.
        bought: what all purchases of this cycle executed, without fees.
    """

    def __init__(self, ids: StepIds, plan: DCAPlan) -> None:
        super().__init__(ids, plan.config.pair, plan.rules)
        self.plan = plan
        self.cycle = 0
        self.position = Position()
        self.basis = Position()
        self.entry = Executed()
        self.bought = Executed()
        self._is_begun = False
        self._bought_at: set[int] = set()  # numbers of the safety orders of this cycle that have filled
        self._not_before_ns = 0

    @property
    def held(self) -> Decimal:
        """Base quantity that is held."""
        return self.position.held

    @property
    def is_begun(self) -> bool:
        """Whether the base order of this cycle has bought."""
        return self._is_begun

    @property
    def entry_price(self) -> Decimal | None:
        """Average price of the cycle's base order, None before it has bought."""
        return share(self.entry.quote, _ONE, self.entry.quantity) if self.entry.quantity else None

    # ---- which orders should be open

    def wanted(self) -> Iterable[Wanted]:
        """Return the base order of a cycle that begins; then its sale, its safety orders and the one at the stop."""
        if self.phase is Phase.CLOSING:
            yield from self._wanted_to_close()
            return
        entry = self.entry_price
        if self._is_begun and entry is not None:
            yield from self._wanted_sale()
            yield from self._wanted_safety(entry)
            yield from self._wanted_stop(entry)
        elif self.phase is Phase.TRADING:
            yield self._wanted_base()
        else:  # what an order that was being cancelled bought after the last cycle
            yield from self._wanted_sale()

    def _live(self, letter: str, number: int = 0) -> Terms | None:
        slot = self.slots.get(slot_name(letter, number))
        is_here = slot is not None and slot.turn[0] == self.cycle
        return self.live(slot_name(letter, number)) if is_here else None

    def _wanted_base(self) -> Wanted:
        config = self.plan.config
        terms = self._live(BASE)
        if terms is None and config.entry is Entry.LIMIT and config.start_price is not None:
            price = floored(config.start_price, self.rules.price_step)
            terms = Terms(Side.BUY, self.plan.base_quantity(price), price, OrderType.LIMIT)
        if terms is None:
            quantity = self.plan.base_quantity(self.last_price or config.start_price)
            terms = Terms(Side.BUY, quantity, None, OrderType.MARKET)
        return Wanted(slot_name(BASE), self.cycle, terms, self._not_before_ns)

    def _wanted_safety(self, entry: Decimal) -> Iterator[Wanted]:
        most = self.plan.config.active_safety_orders or self.plan.config.safety_orders
        numbers = [
            number for number in range(self.plan.config.safety_orders) if number not in self._bought_at
        ]
        for number in numbers[:most]:
            price = self.plan.safety_price(number, entry)
            quantity = self.plan.safety_quantity(number, price)
            terms = self._live(SAFETY, number) or Terms(Side.BUY, quantity, price, OrderType.LIMIT)
            if is_orderable(self.rules, terms.quantity, terms.price):
                yield Wanted(slot_name(SAFETY, number), self.cycle, terms)

    def _wanted_sale(self) -> Iterator[Wanted]:
        terms = self._sale(self.basis)
        if terms is not None:
            yield Wanted(slot_name(PROFIT), self.cycle, terms)

    def _sale(self, basis: Position) -> Terms | None:
        quantity = floored(basis.held, self.rules.quantity_step)
        if quantity <= 0:
            return None
        price = raised(self._target(basis, quantity), self.rules.price_step)
        if not is_orderable(self.rules, quantity, price):
            return None
        most = self.rules.max_quantity
        return Terms(Side.SELL, quantity if most is None else min(quantity, most), price, OrderType.LIMIT)

    def _target(self, basis: Position, quantity: Decimal) -> Decimal:
        config = self.plan.config
        if not config.after_fees and self.bought.quantity:
            return product(share(self.bought.quote, _ONE, self.bought.quantity), 1 + config.take_profit)
        cost = basis.cost if quantity >= basis.held else share(basis.cost, quantity, basis.held)
        earned = product(cost, 1 + config.take_profit)
        kept = _ONE - config.fee_rate if config.after_fees else _ONE
        return _UP.divide(earned, product(quantity, kept))

    def _wanted_stop(self, entry: Decimal) -> Iterator[Wanted]:
        stop_loss = self.plan.config.stop_loss
        if stop_loss is None:
            return
        price = floored(product(entry, 1 - stop_loss), self.rules.price_step)
        terms = self._live(STOP) or Terms(Side.BUY, self._stop_quantity(price), price, OrderType.LIMIT)
        yield Wanted(slot_name(STOP), self.cycle, terms)

    def _stop_quantity(self, price: Decimal) -> Decimal:
        return smallest_order(self.rules, price, self.plan.base_quantity(price) / 1000)

    # ---- what happens to them

    def _executed(self, step: Step, execution: Execution) -> None:
        base, quote = self.books.base_currency, self.books.quote_currency
        if execution.quantity:
            self.last_price = share(execution.quote, _ONE, execution.quantity)
        if execution.side is Side.SELL:
            self.books.realise(quote, self.position.sell(execution, base, quote))
            return
        self.position.buy(execution, base, quote, self.plan.config.untold_fee)
        self.bought.add(execution.quantity, execution.quote)
        if step.slot[0] == BASE and step.cycle == self.cycle:
            self.entry.add(execution.quantity, execution.quote)
        elif step.slot[0] == STOP and step.cycle == self.cycle:
            self.close()
        elif step.turn < self.slots[step.slot].turn:  # after its end was told
            self._reckon()

    def _ended(self, step: Step, kind: Kind, terms: Terms | None, time_ns: int) -> None:  # noqa: ARG002 - the kind says enough
        letter = step.slot[0]
        self._reckon()
        if letter == BASE and step.cycle == self.cycle:
            self._is_begun = self._sale(self.position) is not None
        elif letter == SAFETY and step.cycle == self.cycle and kind is Kind.FILLED:
            self._bought_at.add(slot_number(step.slot))
        elif letter == PROFIT and step.cycle == self.cycle and kind is Kind.FILLED:
            self._end_cycle(time_ns)

    def _reckon(self) -> None:
        """Reckon the sale from what is held now."""
        self.basis = Position(self.position.held, self.position.cost)

    def _end_cycle(self, time_ns: int) -> None:
        """Begin the next cycle, unless parts of safety orders have come in that the sale did not include."""
        if self._sale(self.position) is not None:
            return
        config = self.plan.config
        self.books.round_count += 1
        self.cycle += 1
        self.entry, self.bought = Executed(), Executed()
        self._is_begun = False
        self._bought_at.clear()
        self._not_before_ns = time_ns + config.cooldown_s * _S
        if config.max_cycles is not None and self.cycle >= config.max_cycles and self.phase is Phase.TRADING:
            self.phase = Phase.ENDED

    # ---- checkpoint

    def _document(self) -> Any:
        return {
            "phase": self.phase,
            "cycle": self.cycle,
            "position": self.position.document(),
            "basis": self.basis.document(),
            "entry": self.entry.document(),
            "bought": self.bought.document(),
            "is_begun": self._is_begun,
            "bought_at": sorted(self._bought_at),
            "not_before_ns": self._not_before_ns,
            "last_price": decimal_text(self.last_price),
        }

    def _restore(self, document: Any) -> None:
        self.phase = Phase(document["phase"])
        self.cycle = int(document["cycle"])
        self.position = Position.restored(document["position"])
        self.basis = Position.restored(document["basis"])
        self.entry = Executed.restored(document["entry"])
        self.bought = Executed.restored(document["bought"])
        self._is_begun = bool(document["is_begun"])
        self._bought_at = set(document["bought_at"])
        self._not_before_ns = int(document["not_before_ns"])
        self.last_price = Decimal(document["last_price"])
