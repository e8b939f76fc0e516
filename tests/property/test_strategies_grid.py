"""A grid under any course of prices, parts and faults: its books are the venue's executions, its orders those it should have."""

import asyncio
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from fillwire.domain.amounts import product, total
from fillwire.strategies.grid import GridStrategy
from fillwire.strategies.grid_plan import AtLower, AtUpper, GridConfig, Spacing, Start, Unit
from fillwire.strategies.grid_state import GridState
from fillwire.strategies.state import OrderState
from support.rehearsals import FEES_IN, Course, courses, play, venue_for_course
from support.scripted_venues import PAIR

LOW, HIGH = Decimal(58000), Decimal(72000)


@st.composite
def grids(draw: st.DrawFn) -> GridConfig:
    """Grids of some cells."""
    unit = draw(st.sampled_from(Unit))
    start = draw(st.sampled_from(Start))
    return GridConfig(
        pair=PAIR,
        lower=Decimal(60000),
        upper=Decimal(70000),
        levels=draw(st.integers(2, 7)),
        quantity=Decimal("0.0123") if unit is Unit.BASE else Decimal(500),
        unit=unit,
        spacing=draw(st.sampled_from(Spacing)),
        start=start,
        start_price=Decimal(65000) if start is Start.INVENTORY else None,
        post_only=draw(st.booleans()) and start is Start.INVENTORY,
        at_lower=draw(st.sampled_from(AtLower)),
        at_upper=draw(st.sampled_from(AtUpper)),
        stop_price=draw(st.none() | st.just(Decimal(59000))),
        take_profit=draw(st.none() | st.just(Decimal(5))),
    )


@settings(max_examples=150, deadline=None)
@given(
    config=grids(),
    course=courses(),
    fee_in=st.sampled_from(FEES_IN),
)
def test_books_and_orders_hold_whatever_happens(config: GridConfig, course: Course, fee_in: str) -> None:
    """Restarted at any point, with anything lost, late or repeated, the bot ends where the venue is."""
    venue = venue_for_course(65000, fee_in)

    def check(state: OrderState) -> None:
        assert isinstance(state, GridState)
        brought = GridState(state.ids, state.plan)  # as it began
        cells = (*state.cells, state.spare)
        assert state.books.base == state.held - brought.held
        spent = total(cell.cost for cell in cells) - total(cell.cost for cell in brought.cells)
        assert state.books.quote == state.books.realised.get("USDT", Decimal(0)) - spent
        assert product(state.books.fees.get("BNB", Decimal(0)), Decimal(-1)) == state.books.realised.get(
            "BNB", Decimal(0)
        )

    asyncio.run(play(lambda: GridStrategy(config), venue, course, LOW, HIGH, check))
