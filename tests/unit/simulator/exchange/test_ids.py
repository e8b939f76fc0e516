"""Names of orders and executions that are UUIDs."""

from random import Random
from uuid import UUID

from fillwire.simulator.exchange.ids import UuidIds


def test_orders_are_found_again_by_their_name() -> None:
    """A name is the same each time, differs between symbols, and leads back to the order; others lead nowhere."""
    ids = UuidIds(7)
    first, other = ids.order_id("BTC/USD", 1), ids.order_id("ETH/USD", 1)
    assert ids.order_id("BTC/USD", 1) == first != other
    assert (ids.find_order(first), ids.find_order(other)) == (("BTC/USD", 1), ("ETH/USD", 1))
    assert ids.find_order(ids.trade_id("BTC/USD", 1, 1)) is None
    assert UuidIds(8).order_id("BTC/USD", 1) != first


def test_each_side_of_a_trade_has_a_name_of_its_own() -> None:
    """Two orders that trade with each other share a trade, and no execution id."""
    ids = UuidIds(7)
    assert ids.trade_id("BTC/USD", 1, 5) != ids.trade_id("BTC/USD", 2, 5)


def test_names_are_random_uuids() -> None:
    """All names have the form of UUID version 4."""
    ids = UuidIds(7)
    for name in (ids.order_id("A", 1), ids.trade_id("A", 1, 1), ids.make_client_id(Random(1))):
        assert (UUID(name).version, str(UUID(name))) == (4, name)
