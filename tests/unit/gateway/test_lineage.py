"""Which events an event's trace is linked to."""

from fillwire.gateway.lineage import EVENTS, ORDERS, Lineage


def _append(lineage: Lineage, order: str, event_id: str) -> tuple[str, ...]:
    """Append an event, and return the ids of those before it, which come with what they were noted with."""
    earlier = lineage.append(order, (event_id, event_id.encode()))
    assert all(noted == known.encode() for known, noted in earlier)
    return tuple(known for known, _ in earlier)


def test_an_event_follows_those_of_its_order() -> None:
    """The oldest comes first; other orders have lines of their own."""
    lineage = Lineage()
    assert _append(lineage, "BTCUSDT 1", "new") == ()
    assert _append(lineage, "BTCUSDT 2", "other") == ()
    assert _append(lineage, "BTCUSDT 1", "fill-1") == ("new",)
    assert _append(lineage, "BTCUSDT 1", "fill-2") == ("new", "fill-1")


def test_an_event_that_is_published_again_is_not_its_own_ancestor() -> None:
    """It has the links that it had the first time, and does not stand twice in those of later events."""
    lineage = Lineage()
    for event_id in ("new", "fill-1", "fill-2"):
        _append(lineage, "BTCUSDT 1", event_id)
    assert _append(lineage, "BTCUSDT 1", "fill-1") == ("new",)
    assert _append(lineage, "BTCUSDT 1", "fill-3") == ("new", "fill-1", "fill-2")


def test_memory_is_bounded_in_both_directions() -> None:
    """Of an order the last events count, and of too many orders the oldest is forgotten."""
    lineage = Lineage()
    for number in range(10 * EVENTS):
        earlier = _append(lineage, "BTCUSDT 1", str(number))
        assert earlier == tuple(map(str, range(max(0, number - EVENTS), number)))
    for number in range(ORDERS):
        _append(lineage, f"ETHUSDT {number}", "new")
    assert _append(lineage, "BTCUSDT 1", "late") == ()
    assert _append(lineage, f"ETHUSDT {ORDERS - 1}", "fill") == ("new",)
