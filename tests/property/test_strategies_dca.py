"""Dollar-cost averaging under any course of prices, parts and faults: as for the grid."""

import asyncio
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from fillwire.strategies.dca import DCAStrategy
from fillwire.strategies.dca_plan import DCAConfig, Entry
from fillwire.strategies.dca_state import DCAState
from fillwire.strategies.grid_plan import Unit
from fillwire.strategies.state import OrderState
from support.rehearsals import FEES_IN, Course, courses, play, venue_for_course
from support.scripted_venues import PAIR

LOW, HIGH = Decimal(55000), Decimal(70000)


@st.composite
def plans(draw: st.DrawFn) -> DCAConfig:
    """Plans of some safety orders."""
    unit = draw(st.sampled_from(Unit))
    entry = draw(st.sampled_from(Entry))
    needs_price = unit is Unit.QUOTE or entry is Entry.LIMIT
    return DCAConfig(
        pair=PAIR,
        base_order=Decimal("0.0123") if unit is Unit.BASE else Decimal(500),
        safety_order=Decimal("0.0077") if unit is Unit.BASE else Decimal(300),
        safety_orders=draw(st.integers(0, 4)),
        deviation=Decimal("0.02"),
        take_profit=Decimal("0.015"),
        unit=unit,
        step_scale=draw(st.sampled_from([Decimal(1), Decimal("1.3")])),
        volume_scale=draw(st.sampled_from([Decimal(1), Decimal("1.5")])),
        entry=entry,
        start_price=Decimal(64000) if needs_price else None,
        active_safety_orders=draw(st.none() | st.integers(1, 3)),
        after_fees=draw(st.booleans()),
        cooldown_s=draw(st.sampled_from([0, 30])),
        max_cycles=draw(st.none() | st.integers(1, 2)),
        stop_loss=draw(st.none() | st.just(Decimal("0.13"))),
    )


@settings(max_examples=150, deadline=None)
@given(
    config=plans(),
    course=courses(),
    fee_in=st.sampled_from(FEES_IN),
)
def test_books_and_orders_hold_whatever_happens(config: DCAConfig, course: Course, fee_in: str) -> None:
    """Restarted at any point, with anything lost, late or repeated, the bot ends where the venue is."""
    venue = venue_for_course(64000, fee_in)

    def check(state: OrderState) -> None:
        assert isinstance(state, DCAState)
        assert state.books.base == state.held
        assert state.books.quote == state.books.realised.get("USDT", Decimal(0)) - state.position.cost

    asyncio.run(play(lambda: DCAStrategy(config), venue, course, LOW, HIGH, check))
