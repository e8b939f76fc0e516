"""Questions go to the end: over pages, over windows, over pages whose rows say nothing about what is missing."""

import pytest

from fillwire.domain.ledger import Ledger
from support.memory_venue import SECOND_NS, SYMBOL, MemoryVenue
from support.order_events import EPOCH_NS
from support.reconciling import Gateway, MemoryLog

DAY_NS = 86_400 * SECOND_NS


@pytest.fixture
def venue() -> MemoryVenue:
    """A venue on which nothing has happened."""
    return MemoryVenue(EPOCH_NS)


async def _trades(venue: MemoryVenue, since_ns: int, known: str | None = None) -> list[tuple[str, str]]:
    """Return order and trade ids since then, asked in pages of three."""
    inquiry = Gateway(venue, MemoryLog(refuses_doubles=False), Ledger()).inquiry
    return [(row.order_id, row.trade_id) for row in await inquiry.executions_since(SYMBOL, since_ns, known)]


@pytest.mark.parametrize("before", range(9))
async def test_both_sides_of_a_self_trade_are_found_where_pages_end(venue: MemoryVenue, before: int) -> None:
    """One trade id, two rows: wherever a page of three ends, neither is passed over nor taken twice."""
    one, other = venue.place(50), venue.place(50)
    for _ in range(before):
        venue.fill(one)
    venue.trade_with_self(one, other)
    venue.fill(other)
    found = await _trades(venue, EPOCH_NS)
    assert len(found) == before + 3
    assert len(set(found)) == before + 3
    assert [trade for order, trade in found if order == "1"] == one.trade_ids()
    assert [trade for order, trade in found if order == "2"] == other.trade_ids()


async def test_an_empty_window_is_not_the_end_of_the_history(venue: MemoryVenue) -> None:
    """Nothing for three days, then an execution: windows are asked until one is not empty."""
    order = venue.place(9)
    venue.now_ns += 3 * DAY_NS + DAY_NS // 2
    for _ in range(5):
        venue.fill(order)
    assert [trade for _, trade in await _trades(venue, EPOCH_NS)] == order.trade_ids()


async def test_counting_on_from_a_known_execution_costs_no_windows(venue: MemoryVenue) -> None:
    """A month after it, one question finds what followed; what lies before the beginning is left out."""
    order = venue.place(9)
    venue.fill(order)
    since_ns = venue.now_ns + 1
    venue.now_ns += 30 * DAY_NS
    venue.fill(order)
    found = await _trades(venue, since_ns, order.trade_ids()[0])
    assert [trade for _, trade in found] == order.trade_ids()[1:]
    assert venue.requests == 1


async def test_of_a_full_page_of_orders_each_half_of_the_window_is_asked_for(venue: MemoryVenue) -> None:
    """Rows come in the order of placing, not of change: ten orders in pages of three are all found, as they are now."""
    orders = [venue.place(2) for _ in range(10)]
    for order in reversed(orders):
        venue.fill(order)
    inquiry = Gateway(venue, MemoryLog(refuses_doubles=False), Ledger()).inquiry
    rows = await inquiry.changed_orders(SYMBOL, EPOCH_NS)
    assert {row.order_id: int(row.executed) for row in rows} == {str(n): 1 for n in range(1, 11)}
    assert len(rows) == 10


async def test_the_executions_of_one_order_are_found_from_the_beginning_or_from_a_known_one(
    venue: MemoryVenue,
) -> None:
    """Seven in pages of three; those after the fourth do not include it."""
    order = venue.place(9)
    for _ in range(7):
        venue.fill(order)
    inquiry = Gateway(venue, MemoryLog(refuses_doubles=False), Ledger()).inquiry
    key = (SYMBOL, "1")
    assert [row.trade_id for row in await inquiry.executions_of(key)] == order.trade_ids()
    after = await inquiry.executions_of(key, order.trade_ids()[3])
    assert [row.trade_id for row in after] == order.trade_ids()[3:]  # the known one with them
