"""What becomes of the engine's events in the account stream."""

import json
from datetime import date

import orjson
import pytest

from fillwire.simulator.alpaca.core import AlpacaCore
from fillwire.simulator.alpaca.events import updates
from fillwire.simulator.alpaca.groups import tie
from fillwire.simulator.alpaca.orders import Facts, status_of
from fillwire.simulator.alpaca.times import parse_time
from fillwire.simulator.alpaca.venue import AlpacaVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.orders import Ticket
from fillwire.simulator.exchange.recurring_fills import RecurringFill
from fillwire.simulator.exchange.reports import ExecutionReport
from fillwire.simulator.exchange.units import parse_units
from fillwire.simulator.settings import SimulatorSettings


@pytest.fixture
def venue() -> AlpacaVenue:
    """Return a venue on which nobody listens."""
    return AlpacaVenue(SimulatorSettings())


@pytest.fixture
def demo(venue: AlpacaVenue) -> Account:
    """Return its demo account."""
    return venue.accounts["demo"]


def ticket(venue: AlpacaVenue, symbol: str, quantity: str, price: str, **more: object) -> Ticket:
    """Return a limit order to buy, unless said otherwise."""
    fields = {
        "market": venue.markets[symbol],
        "is_buy": True,
        "type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": parse_units(quantity),
        "quote_quantity": 0,
        "price": parse_units(price),
        "stop_price": 0,
        "client_order_id": venue.engine.make_client_id(),
        "stp_mode": "NONE",
        "facts": Facts(),
    }
    return Ticket(**fields | more)  # type: ignore[arg-type] # a table of an order's fields


def told(venue: AlpacaVenue, events: list[AccountEvent]) -> list[str]:
    """Return the names of the updates that tell these events."""
    return [
        update.event
        for event in events
        if isinstance(event, ExecutionReport | RecurringFill)
        for update in updates(venue, event)
    ]


def test_stop_order_is_announced_once(venue: AlpacaVenue, demo: Account) -> None:
    """When its stop price is reached the venue says nothing; the next that is heard of it is its fill."""
    order, events = venue.engine.place(
        demo, ticket(venue, "AAPL", "1", "250", type="STOP_LOSS_LIMIT", stop_price=parse_units("240"))
    )
    assert told(venue, events) == ["pending_new", "new"]
    moved = venue.house.move(venue.markets["AAPL"], parse_units("241"))
    reports = [event.execution_type for event in moved if isinstance(event, ExecutionReport)]
    assert (reports, told(venue, moved), order.status) == (["NEW", "TRADE"], ["fill"], "FILLED")


@pytest.mark.parametrize(
    ("reason", "event", "field"),
    [
        ("REJECTED", "rejected", "failed_at"),
        ("SESSION_END", "expired", "expired_at"),
        ("UNFILLED_IOC_QUANTITY_EXPIRED", "canceled", "canceled_at"),
    ],
)
def test_why_an_order_ended_decides_its_last_word(
    venue: AlpacaVenue, demo: Account, reason: str, event: str, field: str
) -> None:
    """What the engine expires is rejected, expired or canceled at this venue, which says when and not why."""
    order, _ = venue.engine.place(demo, ticket(venue, "AAPL", "1", "200"))
    (report, _position) = venue.engine.expire(order, reason)
    assert isinstance(report, ExecutionReport)
    (update,) = updates(venue, report)
    assert (update.event, update.order["status"], update.order[field]) == (event, event, update.timestamp)
    times = {"failed_at", "expired_at", "canceled_at", "filled_at", "replaced_at"}
    assert {name for name in times if update.order[name] is not None} == {field}


@pytest.mark.parametrize(("ends", "status"), [("expires", "canceled"), ("fills", "new")])
def test_legs_follow_the_end_of_their_entry(
    venue: AlpacaVenue, demo: Account, ends: str, status: str
) -> None:
    """Whatever ends an entry unfilled cancels what depends on it; a fill lets it work."""
    core = AlpacaCore(venue)
    entry, _ = venue.engine.place(demo, ticket(venue, "AAPL", "1", "200"))
    leg, events = venue.engine.hold(
        demo, ticket(venue, "AAPL", "1", "250", is_buy=False, facts=Facts(order_class="oto"))
    )
    tie(entry, [leg])
    assert told(venue, events) == ["held"]
    assert demo.balances["AAPL"].locked == 0
    if ends == "expires":
        core.publisher.publish(venue.engine.expire(entry, "SESSION_END"))
    else:
        core.publisher.publish(venue.engine.execute_resting(entry, entry.remaining))
    assert status_of(leg, leg.status, leg.expiry_reason) == status
    assert demo.balances["AAPL"].locked == (0 if ends == "expires" else leg.quantity)


def test_recurring_fills_say_the_same_as_single_ones(venue: AlpacaVenue, demo: Account) -> None:
    """A fill that is computed in advance is told with the same members as one that is not."""
    order, _ = venue.engine.place(demo, ticket(venue, "AAPL", "10", "200"))
    quantity = parse_units("1")
    first = venue.engine.execute_resting(order, quantity, tells_position=False)[0]
    assert isinstance(first, ExecutionReport)
    single = updates(venue, first)[0]
    recurring = RecurringFill.of(venue.engine, order, quantity)
    assert recurring is not None
    (event,) = recurring.execute(tells_position=False)
    assert isinstance(event, RecurringFill)
    again = updates(venue, event)[0]
    assert list(again.more) == list(single.more)
    assert list(again.order) == list(single.order)
    assert (again.event, again.more["qty"], again.order["filled_qty"]) == ("partial_fill", "1", "2")
    assert (single.more["position_qty"], again.more["position_qty"]) == ("100001", "100002")
    assert again.more["execution_id"] != single.more["execution_id"]


def test_equities_are_settled_on_the_next_working_day(venue: AlpacaVenue, demo: Account) -> None:
    """A fill on a Friday in New York is settled on Monday; crypto on its own day."""
    friday_ns = parse_time("2026-11-27T15:00:00Z")
    venue.clock.skew_ns += friday_ns - venue.clock.now_ns()
    for symbol, price, settled in (
        ("AAPL", "200", date(2026, 11, 30)),
        ("BTC/USD", "60000", date(2026, 11, 27)),
    ):
        order, _ = venue.engine.place(demo, ticket(venue, symbol, "1", price))
        report = venue.engine.execute_resting(order, order.remaining)[0]
        assert isinstance(report, ExecutionReport)
        (update,) = updates(venue, report)
        assert update.more["settle_date"] == settled.isoformat()


def test_each_sending_has_an_id_of_its_own(venue: AlpacaVenue, demo: Account) -> None:
    """The time of sending has microseconds and is in the id; the rest of two sendings is the same."""
    _, events = venue.engine.place(demo, ticket(venue, "AAPL", "1", "200"))
    report = events[0]
    assert isinstance(report, ExecutionReport)
    new = updates(venue, report)[1]
    now_ns = parse_time("2026-09-18T13:24:50.034510999Z")
    first, second = (json.loads(orjson.dumps(new.data(venue, now_ns))) for _ in range(2))
    assert first["at"] == "2026-09-18T13:24:50.03451Z"
    assert first["event_id"][:10] == second["event_id"][:10] == "01M2TB1W7J"
    assert first | {"event_id": ""} == second | {"event_id": ""}
    assert first["event_id"] != second["event_id"]
