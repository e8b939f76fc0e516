"""The house market maker: its ladder, its moves, and what it does to those in between."""

from random import Random

from fillwire.simulator.exchange.house import LEVELS, House
from fillwire.simulator.exchange.units import parse_units
from support.simulated_market import SimulatedMarket, rendered, steps


def test_ladder_stands_on_both_sides_of_the_price_and_is_refilled() -> None:
    """Ten levels each side, one tick off the price; what has been taken is quoted again before others act."""
    sim = SimulatedMarket()
    house = House(sim.engine, Random(1))
    bids, asks = sim.market.book.bids.depth(100), sim.market.book.asks.depth(100)
    assert (len(bids), len(asks)) == (LEVELS, LEVELS)
    assert (bids[0][0], asks[0][0]) == (parse_units("99.99"), parse_units("100.01"))
    alice = sim.trader("alice")
    assert house.refresh(sim.market) == []
    order = sim.engine.place(alice, sim.ticket("BUY", kind="MARKET", amount="1000"))[0]
    assert order.status == "FILLED"
    assert sim.market.book.asks.depth(1)[0][1] < asks[0][1]
    house.refresh(sim.market)
    assert sim.market.book.asks.depth(1)[0][0] == asks[0][0]
    assert len(sim.market.book.asks.depth(100)) == LEVELS


def test_move_trades_with_everybody_in_between_at_their_prices() -> None:
    """A fall fills bids at and above the new price, best first, leaves the rest, and triggers stops."""
    sim = SimulatedMarket()
    house = House(sim.engine, Random(1))
    alice = sim.trader("alice")
    high, edge, low = (sim.place(alice, "BUY", "1", price)[0] for price in ("99", "95", "94.99"))
    stop = sim.place(alice, "SELL", "1", "96", kind="STOP_LOSS_LIMIT", stop="96.50")[0]
    told = rendered(house.move(sim.market, parse_units("95")), alice)
    assert [(event["i"], event["L"]) for event in told if event.get("x") == "TRADE"][:2] == [
        (high.order_id, "99.00000000"),
        (edge.order_id, "95.00000000"),
    ]
    assert (high.status, edge.status, low.status) == ("FILLED", "FILLED", "NEW")
    assert "NEW/NEW" in steps(told)
    assert stop.is_working
    assert sim.market.book.bids.depth(1)[0][0] == parse_units("94.99")
    house.move(sim.market, parse_units("96"))
    assert stop.status == "FILLED"


def test_move_triggers_stops_where_nobody_trades() -> None:
    """A stop triggers by the price alone, also if the move met no order."""
    sim = SimulatedMarket()
    house = House(sim.engine, Random(1))
    alice = sim.trader("alice")
    stop = sim.place(alice, "SELL", "1", "96", kind="STOP_LOSS_LIMIT", stop="97")[0]
    assert steps(rendered(house.move(sim.market, parse_units("97.01")), alice)) == []
    told = rendered(house.move(sim.market, parse_units("97")), alice)
    assert steps(told)[0] == "NEW/NEW"
    assert stop.working_us > stop.created_us


def test_price_stays_on_the_tick_and_above_zero() -> None:
    """Prices off the tick are cut to it; nothing moves to zero."""
    sim = SimulatedMarket()
    house = House(sim.engine, Random(1))
    house.move(sim.market, parse_units("98.765"))
    assert sim.market.last_price == parse_units("98.76")
    house.move(sim.market, 0)
    assert sim.market.last_price == sim.market.rules.tick


def test_random_walk_follows_its_seed() -> None:
    """The same seed walks the same way, another seed another."""

    def walk(seed: int) -> list[int]:
        sim = SimulatedMarket()
        house = House(sim.engine, Random(seed))
        prices = []
        for _ in range(20):
            house.wander(sim.market, 10.0)
            prices.append(sim.market.last_price)
        return prices

    assert walk(1) == walk(1) != walk(2)
