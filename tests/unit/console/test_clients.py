"""What waits for a page: bounded, the newest of what is a state, and a new beginning for one that is too slow."""

from typing import Any

from fillwire.console.clients import Client


def begun(capacity: int = 3) -> Client:
    """Return what waits for a page that has been given the state of things."""
    client = Client(capacity)
    assert client.take() == (0, [])
    return client


def test_events_wait_in_order_and_of_an_account_only_the_newest() -> None:
    """What waited is taken once."""
    client = begun()
    facts: dict[str, Any] = {"state": "new"}
    client.put_event({"id": 1})
    client.put_account("a", {"state": "old"})
    client.put_event({"id": 2})
    client.put_account("a", facts)
    client.put_changed("bots")
    client.put_changed("bots")
    assert client.take() == (
        None,
        [("accounts", [facts]), ("events", [{"id": 1}, {"id": 2}]), ("changed", {"what": ["bots"]})],
    )
    assert client.take() == (None, [])


def test_one_event_too_many_makes_the_page_begin_anew() -> None:
    """All events that did not reach it are counted, those that come until it is given the state included."""
    client = begun(capacity=3)
    for number in range(6):
        client.put_event({"id": number})
    assert client.take() == (6, [])
    client.put_event({"id": 7})
    assert client.take() == (None, [("events", [{"id": 7}])])
    assert client.lost_count == 6


def test_a_page_that_has_just_come_has_missed_nothing() -> None:
    """What happens before it is given the state stands in the state."""
    client = Client()
    client.put_event({"id": 1})
    assert client.take() == (0, [])
