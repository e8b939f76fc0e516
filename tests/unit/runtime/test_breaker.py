"""The circuit breaker, step by step."""

import math

import pytest

from fillwire.domain.enums import BreakerState
from fillwire.runtime.breaker import Breaker

S = BreakerState


def _ticket(breaker: Breaker, now_s: float) -> int:
    ticket = breaker.admit(now_s)
    assert ticket is not None
    return ticket


def _opened(open_s: float = 5.0) -> Breaker:
    """Return a breaker that two failures have opened at 10 s."""
    breaker = Breaker(2)
    assert not breaker.failed(_ticket(breaker, 9.0), 9.0, open_s)
    assert breaker.failed(_ticket(breaker, 10.0), 10.0, open_s)
    return breaker


def test_it_opens_at_the_last_failure_allowed_and_half_opens_when_its_time_has_passed() -> None:
    """Closed until the second failure; then nobody is admitted for five seconds; then it is half open."""
    breaker = _opened()
    assert (breaker.state(10.0), breaker.wait_s(10.0)) == (S.OPEN, 5.0)
    assert breaker.admit(14.9) is None
    assert breaker.state(15.0) is S.HALF_OPEN
    assert breaker.wait_s(15.0) == 0.0


def test_half_open_admits_one_and_its_success_closes() -> None:
    """The others wait without a time, for the result decides; after a success everybody is admitted."""
    breaker = _opened()
    probe = _ticket(breaker, 15.0)
    assert breaker.admit(15.0) is None
    assert breaker.wait_s(15.0) == math.inf
    assert breaker.state(15.0) is S.HALF_OPEN
    breaker.succeeded(probe)
    assert (breaker.state(15.0), breaker.failed_count) == (S.CLOSED, 0)
    assert _ticket(breaker, 15.0) != _ticket(breaker, 15.0)


def test_a_failed_probe_opens_it_again_for_its_own_time() -> None:
    """One failure is enough when half open; the time is the one given with it."""
    breaker = _opened()
    assert breaker.failed(_ticket(breaker, 15.0), 16.0, 20.0)
    assert breaker.wait_s(16.0) == 20.0
    assert breaker.failed_count == 3


def test_an_abandoned_probe_lets_another_try() -> None:
    """Who was cancelled leaves the place to the next."""
    breaker = _opened()
    breaker.abandoned(_ticket(breaker, 15.0))
    assert breaker.state(15.0) is S.HALF_OPEN
    assert breaker.admit(15.0) is not None


def test_an_attempt_from_before_tells_nothing_by_failing_and_everything_by_succeeding() -> None:
    """A straggler's failure neither prolongs the opening nor ends the probe; its success closes."""
    breaker = Breaker(1)
    straggler, other, second = (_ticket(breaker, 0.0) for _ in range(3))
    assert breaker.failed(second, 0.0, 5.0)
    assert not breaker.failed(straggler, 4.0, 100.0)
    assert breaker.wait_s(4.0) == 1.0
    probe = _ticket(breaker, 5.0)
    assert not breaker.failed(other, 5.0, 100.0)
    assert breaker.admit(5.0) is None
    breaker.abandoned(probe)
    breaker.succeeded(other)
    assert breaker.state(5.0) is S.CLOSED


def test_a_failure_from_before_is_not_counted_after_it_has_closed() -> None:
    """Opened and closed again, it begins to count anew."""
    breaker = Breaker(1)
    straggler, opener = _ticket(breaker, 0.0), _ticket(breaker, 0.0)
    breaker.failed(opener, 0.0, 1.0)
    breaker.succeeded(_ticket(breaker, 1.0))
    assert not breaker.failed(straggler, 2.0, 1.0)
    assert breaker.state(2.0) is S.CLOSED


def test_without_a_limit_only_a_person_or_a_verdict_opens_it() -> None:
    """A thousand failures leave it closed; `trip` opens it, and from then on the probe decides."""
    breaker = Breaker(None)
    for _ in range(1000):
        assert not breaker.failed(_ticket(breaker, 0.0), 0.0, 1.0)
    breaker.trip(0.0, 3.0)
    assert breaker.wait_s(0.0) == 3.0
    assert breaker.failed(_ticket(breaker, 3.0), 3.0, 1.0)
    breaker.succeeded(_ticket(breaker, 4.0))
    assert breaker.state(4.0) is S.CLOSED


def test_no_failures_at_all_is_no_limit_to_ask_for() -> None:
    """Zero would open it before anybody has tried."""
    with pytest.raises(ValueError, match="failures 0: expected at least 1"):
        Breaker(0)
