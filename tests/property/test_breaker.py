"""The circuit breaker under any interleaving of attempts, results and time, against a plain model of what it promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fillwire.domain.enums import BreakerState
from fillwire.runtime.breaker import Breaker

LIMIT = 3
SECONDS = st.floats(0.25, 8.0, allow_nan=False)


class BreakerMachine(RuleBasedStateMachine):
    """Clients that try, succeed, fail and give up as they like, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(LIMIT)
        self.now_s = 0.0
        self.under_way: dict[int, bool] = {}  # ticket → whether its failure still counts
        self.failures = 0
        self.open_until_s: float | None = None
        self.probe: int | None = None

    @property
    def is_admitting(self) -> bool:
        """Whether somebody may try now."""
        return self.open_until_s is None or (self.probe is None and self.now_s >= self.open_until_s)

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    @rule()
    def try_it(self) -> None:
        """Somebody asks to be let in."""
        ticket = self.breaker.admit(self.now_s)
        assert (ticket is not None) == self.is_admitting
        if ticket is not None:
            assert ticket not in self.under_way
            self.under_way[ticket] = True
            if self.open_until_s is not None:
                self.probe = ticket

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        """An attempt succeeds, however old it is."""
        self.breaker.succeeded(self._pick(data))
        self.failures, self.open_until_s, self.probe = 0, None, None

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), open_s=SECONDS)
    def fail(self, data: st.DataObject, open_s: float) -> None:
        """An attempt fails, however old it is."""
        counts = self.under_way[ticket := self._choose(data)]
        self.under_way.pop(ticket)
        opens = False
        if self.open_until_s is None and counts:
            self.failures += 1
            opens = self.failures >= LIMIT
        elif ticket == self.probe:
            self.failures += 1
            opens = True
        assert self.breaker.failed(ticket, self.now_s, open_s) is opens
        if opens:
            self.open_until_s, self.probe = self.now_s + open_s, None
            self.under_way = dict.fromkeys(self.under_way, False)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """An attempt ends without result."""
        ticket = self._pick(data)
        self.breaker.abandoned(ticket)
        if ticket == self.probe:
            self.probe = None

    def _choose(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.under_way)))

    def _pick(self, data: st.DataObject) -> int:
        ticket = self._choose(data)
        self.under_way.pop(ticket)
        return ticket

    @invariant()
    def it_says_what_it_does(self) -> None:
        """State, wait and count are the model's."""
        state = self.breaker.state(self.now_s)
        if self.open_until_s is None:
            assert state is BreakerState.CLOSED
        elif self.probe is None and self.now_s < self.open_until_s:
            assert state is BreakerState.OPEN
        else:
            assert state is BreakerState.HALF_OPEN
        assert (self.breaker.wait_s(self.now_s) == 0) == self.is_admitting
        assert self.breaker.failed_count == self.failures

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        """Whoever waits is let in by time, unless somebody under way has yet to say how it went."""
        assert self.probe is None or self.probe in self.under_way
        wait_s = self.breaker.wait_s(self.now_s)
        assert wait_s <= 8.0 or self.probe is not None


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
