"""The orders of a plan as a fold of their events: each execution counts once, whatever comes again, late, or never."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.enums import Kind, OrderType, Side
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from fillwire.domain.rules import PairRules
from fillwire.strategies.grid_plan import GridConfig, GridPlan
from fillwire.strategies.grid_state import GridState
from fillwire.strategies.known import Executed, KnownOrders
from fillwire.strategies.state import OrderState, resume
from fillwire.strategies.steps import Step, StepIds
from fillwire.testing import ScriptedVenue, market
from fillwire.wire.decimals import decimal_text

PAIR = "BTC-USDT"
CONFIG = GridConfig(
    pair=PAIR, lower=Decimal(100), upper=Decimal(120), levels=3, quantity=Decimal(4), fee_rate=Decimal(0)
)
RULES = PairRules(price_step=Decimal(1), quantity_step=Decimal(1))
FIRST = Step("c00", 0, 0)


def make(epoch: int = 1, config: GridConfig = CONFIG) -> GridState:
    """Return a grid as it begins."""
    return GridState(StepIds("bot", config.plan, epoch), GridPlan(config, RULES))


def story(*quantities: int, end: Kind | None = None, client_order_id: str | None = None) -> list[OrderEvent]:
    """Return the events of a purchase of 4 at 100 in the first cell, filled in such parts."""
    venue = ScriptedVenue(market(PAIR, 110))
    events: list[OrderEvent] = []
    venue.listen(events.append)
    venue.place(
        OrderRequest(
            client_order_id=client_order_id or make().ids.id_of(FIRST),
            pair=PAIR,
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal(4),
            price=Decimal(100),
        )
    )
    (order,) = venue.orders
    for quantity in quantities:
        venue.fill(order, quantity)
    if end is not None:
        venue.end(order, end)
    return events


def took(state: OrderState) -> str:
    """Return what was counted."""
    books = state.books
    return f"{books.execution_count}: {decimal_text(books.base)} for {decimal_text(books.quote)}"


def test_what_comes_again_counts_once() -> None:
    """In whatever mixture, before and after the end."""
    state = make()
    events = story(1, 2, 1)
    for upto in range(1, len(events) + 1):
        for event in events[:upto]:
            assert state.take(event)
    assert took(state) == "3: 4 for -400"
    assert state.step("c00") == Step("c00", 0, 1)


def test_an_execution_after_the_end_counts() -> None:
    """A venue may tell of one that was on its way when the order was cancelled."""
    state = make()
    *before, end = story(1, 2, end=Kind.CANCELLED)
    late = before.pop()
    for event in (
        *before,
        replace(end, cumulative_quantity=Decimal(1), cumulative_quote=Decimal(100)),
        late,
        late,
    ):
        state.take(event)
    assert took(state) == "2: 3 for -300"
    assert state.cells[0].held == 3


def test_what_the_log_no_longer_has_is_taken_from_the_totals() -> None:
    """The order's first parts are older than the log: they count without a fee, and a person is told."""
    state = make()
    state.take(story(1, 2, 1)[-1])
    assert took(state) == "2: 4 for -400"
    assert state.books.untold_fee_count == 1
    assert state.remarks == [f"3 of order {state.ids.id_of(FIRST)} was executed before what the log tells"]


def test_the_venues_word_and_the_events_that_come_after_it_count_once() -> None:
    """The log was behind after all."""
    state = make()
    events = story(1, 3)
    for event in events[:2]:
        state.take(event)
    word = TradeOrder(
        outcome=Outcome.ACCEPTED,
        pair=PAIR,
        client_order_id=state.ids.id_of(FIRST),
        kind=Kind.FILLED,
        cumulative_quantity=Decimal(4),
        cumulative_quote=Decimal(400),
    )
    state.take_word(FIRST, word, 0)
    assert took(state) == "2: 4 for -400"
    state.take_word(FIRST, word, 0)
    for event in events:
        state.take(event)
    assert took(state) == "2: 4 for -400"
    assert state.step("c00").generation == 1


def test_orders_of_other_plans_and_by_hand_are_in_the_books_alone() -> None:
    """Those of other bots are in nothing."""
    state = make()
    for client_order_id in (make(epoch=2).ids.id_of(FIRST), derive_client_order_id("bot", "by hand")):
        for event in story(4, client_order_id=client_order_id) * 2:
            assert state.take(event)
    assert took(state) == "2: 8 for -800"
    assert state.held == 0
    for client_order_id in (derive_client_order_id("bot2", "x"), "web_1"):
        assert not any(state.take(event) for event in story(4, client_order_id=client_order_id))


@pytest.mark.parametrize("is_kept", [False, True], ids=["straight", "from a checkpoint"])
@pytest.mark.parametrize(
    "client_order_id", [derive_client_order_id("bot", "by hand"), make(epoch=2).ids.id_of(FIRST)]
)
def test_an_open_order_of_no_step_is_known_however_many_end_meanwhile(
    client_order_id: str,
    is_kept: bool,
) -> None:
    """By hand or of another plan: what was counted of it is not counted again, also when nothing but its end comes."""
    first, *later = story(1, 1, end=Kind.CANCELLED, client_order_id=client_order_id)
    state: OrderState = make()
    state.take(first)
    state.take(later[0])
    for generation in range(300):
        for event in story(4, client_order_id=state.ids.id_of(Step("c00", 0, generation))):
            state.take(event)
    for number in range(1100):
        for event in story(end=Kind.CANCELLED, client_order_id=derive_client_order_id("bot", str(number))):
            state.take(event)
    if is_kept:
        state = resume(make, state.encode(), 9)
    assert took(state) == "301: 1201 for -120100"
    for event in later:
        state.take(event)
    assert took(state) == "302: 1202 for -120200"
    for event in later:  # ended a moment ago
        state.take(event)
    assert took(state) == "302: 1202 for -120200"


def test_an_ended_order_of_no_step_is_known_however_many_steps_end_after_it() -> None:
    """A grid's own orders do not drive it out, though it is the one that would be counted anew."""
    events = story(1, 2, end=Kind.CANCELLED, client_order_id=derive_client_order_id("bot", "by hand"))
    state = make()
    for event in events:
        state.take(event)
    for generation in range(300):
        for event in story(4, client_order_id=state.ids.id_of(Step("c00", 0, generation))):
            state.take(event)
    for event in events:
        state.take(event)
    assert took(state) == "302: 1203 for -120300"


def test_of_ended_orders_those_that_were_told_last_are_known() -> None:
    """One that was told again is known longer."""
    known = KnownOrders(ended=2)
    for name in ("one", "two", "one", "three"):
        known.note_end(name, Executed(Decimal(1), Decimal(2)))
    assert known.find("two") is None
    assert known.document() == {"open": {}, "ended": {"one": ["1", "2"], "three": ["1", "2"]}}


def test_a_former_plans_ended_orders_are_known_to_the_next_plan() -> None:
    """Its own orders do not drive them out."""
    state = make()
    events = story(1, 2, end=Kind.CANCELLED)
    for event in events:
        state.take(event)
    heir = resume(lambda epoch: make(epoch, replace(CONFIG, quantity=Decimal(5))), state.encode(), 9)
    for generation in range(300):
        for event in story(4, client_order_id=heir.ids.id_of(Step("c00", 0, generation))):
            heir.take(event)
    for event in events:
        heir.take(event)
    assert heir.books.execution_count == 302


def test_an_amended_order_is_the_same_order() -> None:
    """Its new id leads to it, also after a checkpoint."""
    state = make()
    first, *fills = story(1, 3)
    state.take(first)
    state.take(
        replace(first, kind=Kind.REPLACED, new_client_order_id="web_7", price=Decimal(101), event_id="x")
    )
    live = state.live("c00")
    assert live is not None
    assert live.price == 101
    again = make()
    resumed = resume(make, state.encode(), 9)
    assert not again.take(replace(fills[0], client_order_id="web_7"))
    for fill in fills:
        assert resumed.take(replace(fill, client_order_id="web_7"))
    assert took(resumed) == "2: 4 for -400"


@pytest.mark.parametrize("count", range(6))
def test_a_checkpoint_at_any_point_changes_nothing(count: int) -> None:
    """What is written and read goes on as if it never had been."""
    events = story(1, 2, end=Kind.EXPIRED)
    straight, state = make(), make()
    for event in events:
        straight.take(event)
    for event in events[:count]:
        state.take(event)
    assert state.encode() == resume(make, state.encode(), 9).encode()
    resumed = resume(make, state.encode(), 9)
    for event in events:
        resumed.take(event)
    assert resumed.encode() == straight.encode()


def test_another_plan_inherits_the_books_and_the_known_orders() -> None:
    """It begins in an epoch of its own, and counts nothing twice."""
    state = make()
    events = story(1, 3)
    for event in events[:2]:
        state.take(event)
    other = replace(CONFIG, quantity=Decimal(5))
    heir = resume(lambda epoch: make(epoch, other), state.encode(), 9)
    assert heir.ids.epoch == 9
    for event in events:
        heir.take(event)
    assert heir.books.execution_count == 2
    assert isinstance(heir, GridState)
    assert heir.held == 0


def test_a_slot_that_is_full_of_generations_goes_on_in_the_next_cycle() -> None:
    """Ids never come to an end."""
    state = make()
    last = Step("c00", 0, 36**3 - 1)
    for event in story(4, client_order_id=state.ids.id_of(last)):
        state.take(event)
    assert state.step("c00") == Step("c00", 1, 0)
    (sale,) = (order for order in state.wanted() if order.slot == "c00")
    assert (sale.cycle, sale.terms.side) == (1, Side.SELL)
