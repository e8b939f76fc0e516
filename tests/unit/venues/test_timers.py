"""Deadlines without a clock."""

from fillwire.venues.timers import Timers


def test_what_is_due_runs_in_order_of_time() -> None:
    """Earlier ones first, equal ones as they were asked for, later ones not yet."""
    timers = Timers()
    ran: list[tuple[str, int]] = []
    for due, name in ((30, "late"), (10, "first"), (10, "second"), (20, "third")):
        timers.at(due, lambda now, name=name: ran.append((name, now)))  # type: ignore[misc]  # the name of this turn
    assert timers.next_ns == 10
    timers.run(9)
    assert ran == []
    timers.run(25)
    assert ran == [("first", 25), ("second", 25), ("third", 25)]
    assert timers.next_ns == 30


def test_an_action_may_ask_for_another() -> None:
    """One that asks for a time that has passed runs in the same turn; then nothing is due."""
    timers = Timers()
    ran: list[int] = []
    timers.at(1, lambda now: timers.at(now, ran.append))
    timers.run(5)
    assert ran == [5]
    assert timers.next_ns is None
