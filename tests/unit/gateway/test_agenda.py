"""When an account's log is compared with the venue's records."""

import pytest

from fillwire.gateway.agenda import Agenda


class Clock:
    """Stands still until it is set."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def agenda(clock: Clock) -> Agenda:
    """An account that has just gone live: audits every 15 s, sweeps every 60 s, follow-ups after 5 and 30 s."""
    agenda = Agenda(clock, audit_interval_s=15.0, sweep_interval_s=60.0, follow_up_s=(5.0, 30.0))
    agenda.begin()
    return agenda


def _sweeps(agenda: Agenda, clock: Clock, until_s: float) -> list[float]:
    """Return when sweeps are made, each in no time."""
    made: list[float] = []
    while clock.now_s <= until_s:
        if agenda.is_sweep_due:
            agenda.note_sweep()
            made.append(clock.now_s)
        else:
            clock.now_s += 1.0
    return made


def test_the_follow_ups_come_first_and_then_one_sweep_after_another(agenda: Agenda, clock: Clock) -> None:
    """The records lag for a while after a connection."""
    assert _sweeps(agenda, clock, 260.0) == [105.0, 130.0, 190.0, 250.0]


def test_one_sweep_more_leaves_the_others_where_they_are(agenda: Agenda, clock: Clock) -> None:
    """A successor took over."""
    agenda.sweep_too()
    assert _sweeps(agenda, clock, 140.0) == [100.0, 105.0, 130.0]


def test_a_sweep_for_what_cannot_be_kept_takes_the_place_of_a_follow_up(agenda: Agenda, clock: Clock) -> None:
    """Asked for again and again, it is made once."""
    agenda.sweep_instead()
    agenda.sweep_instead()
    assert _sweeps(agenda, clock, 140.0) == [100.0, 130.0]


def test_the_next_thing_to_do_is_a_sweep_or_an_audit(agenda: Agenda, clock: Clock) -> None:
    """Whatever comes first; an audit is counted from the last one."""
    assert agenda.next_s == 105.0
    agenda.note_sweep()
    assert agenda.next_s == 115.0
    clock.now_s = 117.0
    assert agenda.is_audit_due
    agenda.note_audit()
    assert not agenda.is_audit_due
    assert agenda.next_s == 130.0
    agenda.note_sweep()
    assert agenda.next_s == 132.0


def test_polls_ask_for_all_symbols_as_often_as_sweeps_would(agenda: Agenda, clock: Clock) -> None:
    """The first does, those that follow it within a minute do not."""
    assert [agenda.take_all(), agenda.take_all()] == [True, False]
    clock.now_s += 60.0
    assert agenda.take_all()
