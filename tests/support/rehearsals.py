"""Random courses of a rehearsal: prices that wander, parts of orders that fill, people who meddle, and faults at any point."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from hypothesis import strategies as st

from fillwire.domain.enums import Kind, OrderType, Side
from fillwire.domain.events import OrderEvent
from fillwire.strategies.keeper import OrderKeeper
from fillwire.strategies.state import OrderState, Terms, Wanted
from fillwire.testing import Fault, Faults, Rehearsal, ScriptedVenue, market
from support.scripted_venues import PAIR


@dataclass(frozen=True, slots=True)
class Course:
    """What happens in one rehearsal.

    Attributes:
        actions: one after the other, each with a number that says how much, where, or which.
        faults: what goes wrong meanwhile.
    """

    actions: Sequence[tuple[str, float]]
    faults: Faults


ACTIONS = ("move", "move", "move", "thin", "part", "cancel", "expire", "restart", "outage", "wait", "stop")


@st.composite
def courses(draw: st.DrawFn, *, max_actions: int = 25) -> Course:
    """Courses with any faults, or none."""
    actions = draw(
        st.lists(
            st.tuples(st.sampled_from(ACTIONS), st.floats(0, 1, allow_nan=False, width=32)),
            min_size=1,
            max_size=max_actions,
        )
    )
    chances = draw(st.dictionaries(st.sampled_from(Fault), st.sampled_from([0.05, 0.2, 0.5]), max_size=5))
    if chances.get(Fault.CRASHED, 0) > 0.2:  # else it would hardly get anywhere
        chances[Fault.CRASHED] = 0.2
    faults = Faults(seed=draw(st.integers(0, 1 << 16)), chances=chances, redelivered=draw(st.integers(0, 64)))
    return Course(actions, faults)


FEES_IN = ("received", "BTC", "USDT", "BNB")


def venue_for_course(price: int, fee_in: str) -> ScriptedVenue:
    """Return a venue with fine steps, whose price is there."""
    return ScriptedVenue(
        market(
            PAIR,
            price,
            price_step="0.01",
            quantity_step="0.00001",
            min_quantity="0.00001",
            min_notional=5,
            maker_fee="0.001",
            taker_fee="0.001",
            fee_in=fee_in,
            fee_price=600,
        )
    )


class Watcher:
    """Sees at every moment that no slot of a bot has two open orders at the venue."""

    def __init__(self, venue: ScriptedVenue, state: Callable[[], OrderState]) -> None:
        self._venue = venue
        self._state = state
        self.open: dict[str, str] = {}
        venue.listen(self._see)

    def _see(self, event: OrderEvent) -> None:
        slot = slot_of(event.client_order_id)
        if event.kind is Kind.NEW:
            assert slot not in self.open, (
                f"two open orders in {slot}: {self.open[slot]} and {event.client_order_id}"
            )
            self.open[slot] = str(event.client_order_id)
        elif event.kind.is_terminal:
            self.open.pop(slot, None)


def slot_of(client_order_id: str | None) -> str:
    """Return the slot that an id of a shipped strategy names."""
    assert client_order_id is not None
    return client_order_id[-10:-7]


async def play(  # noqa: PLR0913, PLR0917 - the parts of a rehearsal
    make_bot: Callable[[], OrderKeeper],
    venue: ScriptedVenue,
    course: Course,
    low: Decimal,
    high: Decimal,
    check: Callable[[OrderState], None],
) -> Rehearsal[OrderKeeper]:
    """Let a course happen, end all faults, and check books and orders: then, and after a start with and without checkpoint."""
    random = Random(course.faults.seed)
    stage = Rehearsal(make_bot, venue, course.faults)
    watcher = Watcher(venue, lambda: stage.bot.state)  # type: ignore[arg-type, return-value] # asked once it is there
    await stage.run()
    for action, much in course.actions:
        await _act(stage, venue, action, much, low, high, random)
    await stage.settle()
    state = stage.bot.state
    assert state is not None
    require_books(state, venue)
    require_orders(state, venue)
    check(state)
    assert set(watcher.open.values()) == {order.request.client_order_id for order in venue.open_orders(PAIR)}
    # A bot that knows nothing but log, checkpoint and venue comes to the same.
    before = state.books.document()
    await stage.restart()
    await stage.settle()
    again = stage.bot.state
    assert again is not None
    assert again.books.document() == before
    require_orders(again, venue)
    # And so does one that has lost its checkpoint.
    stage.shelf.checkpoint = None
    await stage.restart()
    await stage.settle()
    assert stage.bot.state is not None
    assert stage.bot.state.books.document() == before
    require_orders(stage.bot.state, venue)
    await stage.stop()
    return stage


async def _act(  # noqa: PLR0913, PLR0917, C901 - the parts of a rehearsal, and one line for each kind of action
    stage: Rehearsal[OrderKeeper],
    venue: ScriptedVenue,
    action: str,
    much: float,
    low: Decimal,
    high: Decimal,
    random: Random,
) -> None:
    price = (low + (high - low) * Decimal(much)).quantize(Decimal("0.01"))
    orders = venue.open_orders(PAIR)
    order = orders[int(much * (len(orders) - 1))] if orders else None
    match action:
        case "move":
            venue.move(PAIR, price)
        case "thin":
            venue.move(PAIR, price, depth=Decimal(random.randint(1, 3000)).scaleb(-5))
        case "part" if order is not None:
            steps = int(order.remaining.scaleb(5))
            if steps > 1:
                venue.fill(order, Decimal(random.randint(1, steps - 1)).scaleb(-5))
        case "cancel" if order is not None:
            venue.end(order)
        case "expire" if order is not None:
            venue.end(order, Kind.EXPIRED)
        case "restart":
            await stage.restart()
        case "outage":
            stage.disconnect()
            await stage.run()
            venue.move(PAIR, price)
            await stage.wait(much * 10)
            stage.reconnect()
        case "wait":
            await stage.wait(much * 100)
        case "stop":
            await stage.run()
            await stage.stop()
            venue.move(PAIR, price)
        case _:  # a part of an order, or its end, while there is none
            pass
    await stage.run()


def require_books(state: OrderState, venue: ScriptedVenue) -> None:
    """Inventory, cash and fees are the sums of the venue's executions."""
    base = quote = Decimal(0)
    fees: dict[str, Decimal] = {}
    for event in venue.executions:
        fill = event.last_fill
        assert fill is not None
        sign = 1 if event.side is Side.BUY else -1
        base += sign * fill.quantity
        quote -= sign * fill.quantity * fill.price
        if fill.fee is not None and fill.fee_currency is not None:
            fees[fill.fee_currency] = fees.get(fill.fee_currency, Decimal(0)) + fill.fee
    books = state.books
    assert books.execution_count == len(venue.executions)
    assert books.fees == fees
    assert books.base == base - fees.get(books.base_currency, Decimal(0))
    assert books.quote == quote - fees.get(books.quote_currency, Decimal(0))


def require_orders(state: OrderState, venue: ScriptedVenue) -> None:
    """The open orders are those that should be, each in its slot."""
    wanted: dict[str, Wanted] = {order.slot: order for order in state.wanted()}
    orders = {slot_of(order.request.client_order_id): order for order in venue.open_orders(PAIR)}
    assert len(orders) == len(venue.open_orders(PAIR))
    prevented = {slot for slot, order in wanted.items() if is_prevented(order.terms, venue)}
    assert orders.keys() - prevented == wanted.keys() - prevented
    for slot, order in orders.items():
        request, terms = order.request, wanted[slot].terms
        assert (request.side, request.quantity, request.price) == (terms.side, terms.quantity, terms.price)


def is_prevented(terms: Terms, venue: ScriptedVenue) -> bool:
    """Return whether the venue refuses an order at its present price, which the bot does not know."""
    found = venue.markets[PAIR]
    if terms.price is None:  # at the market: worth too little there
        return terms.quantity * found.price < (found.rules.min_notional or 0)
    return terms.type is OrderType.LIMIT_MAKER and found.crosses(terms.side, terms.price)
