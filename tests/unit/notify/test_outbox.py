"""What waits to be told: joined by kind and account, bounded, quiet after it was taken, given up at the deadline."""

from collections.abc import Callable

from fillwire.domain.events import Alert
from fillwire.notify.outbox import Outbox


class _Case:
    def __init__(self, capacity: int = 10, quiet_s: float = 300.0, deadline_s: float = 900.0) -> None:
        self.outbox = Outbox(capacity, quiet_s, deadline_s)
        self.settled: list[int] = []

    def add(self, number: int, now_s: float, name: str = "detection_lost", user: str = "alice") -> bool:
        alert = _alert(number, name, user)
        return self.outbox.add(number, alert, self._settle(number), now_s)

    def _settle(self, number: int) -> Callable[[], None]:
        return lambda: self.settled.append(number)


def _alert(number: int, name: str, user: str) -> Alert:
    return Alert(
        alert=name,
        user=user,
        exchange="binance",
        environment="live",
        reason=f"reason {number}",
        time_ns=number,
    )


def test_alerts_of_a_kind_about_an_account_are_told_together() -> None:
    """The newest is told, with how many there were and since when; those before it need no further care."""
    case = _Case()
    for number in (1, 2, 3):
        assert case.add(number, 0.0)
    assert case.add(4, 0.0, user="bob")
    first = case.outbox.due(0.0)
    assert first is not None
    assert (first.alert.reason, first.count, first.first_time_ns) == ("reason 3", 3, 1)
    assert (len(case.outbox), case.settled) == (2, [1, 2])


def test_what_was_taken_is_quiet_for_a_while_and_then_told_as_one() -> None:
    """The second alert of a flood waits, and with it all that follow."""
    case = _Case(quiet_s=300)
    case.add(1, 0.0)
    first = case.outbox.due(0.0)
    assert first is not None
    case.outbox.note_taken(first, first.count, 1.0)
    assert case.settled == [1]
    case.add(2, 2.0)
    case.add(3, 250.0)
    assert case.outbox.due(300.0) is None
    assert case.outbox.next_s == 301.0
    again = case.outbox.due(301.0)
    assert again is not None
    assert (again.count, again.alert.reason) == (2, "reason 3")


def test_what_comes_while_it_is_being_sent_is_not_taken_for_told() -> None:
    """The receiver has one of two: the other waits, and is known by a number of its own."""
    case = _Case()
    case.add(1, 0.0)
    sent = case.outbox.due(0.0)
    assert sent is not None
    told = sent.count
    case.add(2, 0.1)
    case.outbox.note_taken(sent, told, 0.2)
    assert case.settled == [1]
    rest = case.outbox.due(400.0)
    assert rest is not None
    assert (rest.count, rest.alert.reason, rest.number) == (1, "reason 2", 2)


def test_without_room_an_alert_is_not_taken_but_one_of_a_kind_that_waits_is() -> None:
    """It stays in the stream; joining needs no room."""
    case = _Case(capacity=2)
    assert case.add(1, 0.0, user="a")
    assert case.add(2, 0.0, user="b")
    assert not case.add(3, 0.0, user="c")
    assert case.add(4, 0.0, user="a")
    assert len(case.outbox) == 2


def test_it_is_sent_again_until_the_deadline() -> None:
    """Then it is given up, so that what is newer is told at once when the receiver is back."""
    case = _Case(deadline_s=10)
    case.add(1, 100.0)
    waiting = case.outbox.due(100.0)
    assert waiting is not None
    assert case.outbox.note_failed(waiting, 4.0, 100.0)
    assert case.outbox.due(103.9) is None
    assert case.outbox.due(104.0) is waiting
    assert case.outbox.note_failed(waiting, 4.0, 105.0)
    assert not case.outbox.note_failed(waiting, 4.0, 109.0)
    assert (len(case.outbox), case.settled, waiting.attempts) == (0, [1], 3)


def test_the_longest_due_goes_first() -> None:
    """One that fails does not hold up the others."""
    case = _Case()
    case.add(1, 0.0, user="a")
    case.add(2, 0.5, user="b")
    first = case.outbox.due(1.0)
    assert first is not None
    assert first.number == 1
    case.outbox.note_failed(first, 5.0, 1.0)
    second = case.outbox.due(1.0)
    assert second is not None
    assert second.number == 2
