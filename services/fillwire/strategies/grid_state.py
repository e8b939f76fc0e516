"""The state of a grid: what each cell holds, and the one order that each should have open."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from fillwire.domain.amounts import floored, nearest, product, share, total
from fillwire.domain.enums import Kind, Side
from fillwire.strategies.books import Execution, Position
from fillwire.strategies.closing import EXIT, ClosingState, Phase, is_orderable
from fillwire.strategies.grid_plan import AtLower, AtUpper, GridPlan, Start
from fillwire.strategies.state import Terms, Wanted
from fillwire.strategies.steps import Step, StepIds, slot_name, slot_number
from fillwire.wire.decimals import decimal_text

CELL, STOP = "c", "s"


class GridState(ClosingState):
    """A grid of cells. A cell buys at its lower price, sells what it got of it at its upper price, and buys again.

    Attributes:
        cells: what each holds, lowest first.
        spare: what belongs to no cell: bought at the stop price, or left when the grid was closed.
    """

    def __init__(self, ids: StepIds, plan: GridPlan) -> None:
        super().__init__(ids, plan.config.pair, plan.rules)
        self.plan = plan
        self.cells = [self._first(cell) for cell in range(len(plan.quantities))]
        self.spare = Position()

    @property
    def held(self) -> Decimal:
        """Base quantity of all cells, what the account brought in included."""
        return total((*(cell.held for cell in self.cells), self.spare.held))

    def _first(self, cell: int) -> Position:
        config = self.plan.config
        start_price = config.start_price
        if config.start is Start.PURCHASE or start_price is None or self.plan.prices[cell] < start_price:
            return Position()
        quantity = self.plan.quantities[cell]
        return Position(quantity, product(quantity, start_price))

    # ---- which orders should be open

    def wanted(self) -> Iterable[Wanted]:
        """Return the order of each cell: a sale if it holds what can be sold, else a purchase; an open one stays.

        Highest first: were a lower cell to sell before a higher one has bought, the two would trade with each other.
        """
        if self.phase is Phase.TRADING:
            yield from self._wanted_of_cells()
            yield from self._wanted_stop()
        elif self.phase is Phase.CLOSING:
            yield from self._wanted_to_close()

    def _wanted_of_cells(self) -> Iterator[Wanted]:
        prices = self.plan.prices
        sales = {cell: self._sale(cell) for cell in range(len(self.cells))}
        lowest_sale = min(
            (cell for cell, terms in sales.items() if terms is not None), default=len(self.cells)
        )
        for cell in reversed(range(len(self.cells))):
            name = slot_name(CELL, cell)
            terms = self.live(name) or sales[cell]
            if terms is None and cell <= lowest_sale:
                terms = Terms(Side.BUY, self.plan.quantities[cell], prices[cell], self.plan.config.order_type)
            if terms is not None:
                yield Wanted(name, self.cycle_of(name), terms)

    def _sale(self, cell: int) -> Terms | None:
        """Return the sale that is open in a cell or should be, None if it has one of neither."""
        live = self.live(slot_name(CELL, cell))
        if live is not None:
            return live if live.side is Side.SELL else None
        quantity = floored(self.cells[cell].held, self.rules.quantity_step)
        price = self.plan.prices[cell + 1]
        if not is_orderable(self.rules, quantity, price):
            return None
        return Terms(Side.SELL, quantity, price, self.plan.config.order_type)

    def _wanted_stop(self) -> Iterator[Wanted]:
        price = self.plan.config.stop_price
        if price is None:
            return
        terms = self.live(slot_name(STOP)) or Terms(
            Side.BUY,
            self.plan.stop_quantity,
            nearest(price, self.rules.price_step),
            self.plan.config.order_type,
        )
        yield Wanted(slot_name(STOP), self.cycle_of(slot_name(STOP)), terms)

    # ---- what happens to them

    def _executed(self, step: Step, execution: Execution) -> None:
        position = self._position(step)
        base, quote = self.books.base_currency, self.books.quote_currency
        if execution.side is Side.BUY:
            position.buy(execution, base, quote, self.plan.config.untold_fee)
        else:
            self.books.realise(quote, position.sell(execution, base, quote))
        if execution.quantity:
            self.last_price = share(execution.quote, Decimal(1), execution.quantity)
        if step.slot[0] == STOP:
            self.close()
        self._close_if_earned()

    def _position(self, step: Step) -> Position:
        if step.slot[0] == CELL:
            return self.cells[slot_number(step.slot)]
        if step.slot[0] == EXIT:
            for cell in self.cells:
                self.spare.absorb(cell)
        return self.spare

    def _ended(self, step: Step, kind: Kind, terms: Terms | None, time_ns: int) -> None:  # noqa: ARG002 - a grid knows no time
        if kind is not Kind.FILLED or terms is None:
            return
        if step.slot[0] == CELL:
            cell, config = slot_number(step.slot), self.plan.config
            if terms.side is Side.SELL:
                self.books.round_count += 1
                if cell == len(self.cells) - 1 and config.at_upper is AtUpper.END:
                    self.close()
            elif cell == 0 and config.at_lower is AtLower.SELL:
                self.close()

    def _close_if_earned(self) -> None:
        goal = self.plan.config.take_profit
        if goal is not None and self.books.realised.get(self.books.quote_currency, Decimal(0)) >= goal:
            self.close()

    # ---- checkpoint

    def _document(self) -> Any:
        return {
            "phase": self.phase,
            "last_price": decimal_text(self.last_price),
            "cells": [cell.document() for cell in self.cells],
            "spare": self.spare.document(),
        }

    def _restore(self, document: Any) -> None:
        self.phase = Phase(document["phase"])
        self.last_price = Decimal(document["last_price"])
        self.cells = [Position.restored(entry) for entry in document["cells"]]
        self.spare = Position.restored(document["spare"])
