"""Orders that are not settled: when each is asked for, since when it is here, and what happens when there are too many."""

import pytest

from fillwire.gateway import pending
from fillwire.gateway.pending import Pending

ONE, OTHER = ("BTCUSDT", "1"), ("BTCUSDT", "2")


class Clock:
    """A loop's clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 10.0

    def __call__(self) -> float:
        """Return now."""
        return self.now_s


def _pending(clock: Clock) -> Pending:
    return Pending(clock, lambda: int(clock.now_s * 1e9), retry_first_s=1.0, retry_max_s=3.0)


def test_an_order_is_asked_for_in_time_and_then_less_and_less_often() -> None:
    """First when it was said, then after waits that double up to the longest."""
    clock = Clock()
    orders = _pending(clock)
    assert orders.add(ONE, 0.5)
    assert (orders.next_due_s, orders.is_due(ONE)) == (10.5, False)
    clock.now_s = 10.5
    assert orders.is_due(ONE)
    waits = []
    for _ in range(4):
        orders.postpone(ONE)
        assert orders.next_due_s is not None
        waits.append(orders.next_due_s - clock.now_s)
    assert waits == [1.0, 2.0, 3.0, 3.0]


def test_an_order_that_is_here_stays_as_it_is() -> None:
    """A gap is told again with every event behind it: the order keeps its age and its turn."""
    clock = Clock()
    orders = _pending(clock)
    orders.add(ONE, 1.0)
    clock.now_s = 11.0
    orders.add(ONE, 5.0)
    orders.add(OTHER, 5.0)
    assert (orders.keys, len(orders), ONE in orders) == ([ONE, OTHER], 2, True)
    assert (orders.next_due_s, orders.oldest_s, orders.oldest_ns) == (11.0, 10.0, 10_000_000_000)
    orders.discard(ONE)
    orders.discard(ONE)
    assert (orders.next_due_s, orders.oldest_s, ONE in orders) == (16.0, 11.0, False)


def test_nothing_is_due_where_nothing_is_pending() -> None:
    """No time, no age, and no complaint about an order that is not here."""
    orders = _pending(Clock())
    orders.postpone(ONE)
    assert (orders.next_due_s, orders.oldest_s, orders.oldest_ns, orders.is_due(ONE)) == (
        None,
        None,
        None,
        False,
    )


def test_one_order_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who adds it learns of it; those that are here stay."""
    monkeypatch.setattr(pending, "MAX_ORDERS", 1)
    orders = _pending(Clock())
    assert orders.add(ONE, 0.0)
    assert not orders.add(OTHER, 0.0)
    assert orders.add(ONE, 0.0)
    assert orders.keys == [ONE]
