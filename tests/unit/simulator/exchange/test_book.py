"""The book alone: best price, age, depth, and removal."""

from fillwire.simulator.exchange.units import parse_units
from support.simulated_market import SimulatedMarket


def test_best_is_highest_bid_and_lowest_ask() -> None:
    """Each side yields its orders as they would trade."""
    sim = SimulatedMarket()
    alice = sim.trader("alice")
    bids = [sim.place(alice, "BUY", "1", price)[0] for price in ("98", "99", "99", "97")]
    asks = [sim.place(alice, "SELL", "1", price)[0] for price in ("102", "101", "103")]
    assert list(sim.market.book.bids) == [bids[1], bids[2], bids[0], bids[3]]
    assert list(sim.market.book.asks) == [asks[1], asks[0], asks[2]]
    assert (sim.market.book.bids.best(), sim.market.book.asks.best()) == (bids[1], asks[1])


def test_depth_adds_up_each_level() -> None:
    """Quantities of one price are one level; the limit keeps the best."""
    sim = SimulatedMarket()
    alice = sim.trader("alice")
    for quantity, price in (("1", "99"), ("2", "99"), ("4", "98"), ("8", "97")):
        sim.place(alice, "BUY", quantity, price)
    assert sim.market.book.bids.depth(2) == [
        (parse_units("99"), parse_units("3")),
        (parse_units("98"), parse_units("4")),
    ]


def test_removed_level_is_gone() -> None:
    """When the last order of a price leaves, the next price is best; removing twice does no harm."""
    sim = SimulatedMarket()
    alice = sim.trader("alice")
    best, rest = (sim.place(alice, "BUY", "1", price)[0] for price in ("99", "98"))
    bids = sim.market.book.bids
    for _ in range(2):
        bids.remove(best)
        assert bids.best() is rest
