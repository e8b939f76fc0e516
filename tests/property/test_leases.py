"""Never two that believe to hold one lease: whatever is lost, delayed or paused, step by step and by a clock of its own."""

import contextlib
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fillwire.bus.buckets import Entry
from fillwire.bus.errors import RequestTimedOut, RevisionConflict
from fillwire.bus.leases import Lease

T = TypeVar("T")

TTL_S = 20.0
MARKER_TTL_S = 60.0
KEY = "alice.binance.live"
HOLDERS = ("a", "b", "c")
FAULTS = st.sampled_from(["none", "none", "none", "lost", "late"])


class _Turn:
    """Suspends a call until the machine lets it go on, and returns what is to happen to its message."""

    def __await__(self) -> Generator[None, str, str]:
        return (yield)


class Broker:
    """A bucket as the broker keeps it: revisions, conditional writes, expiry by its own clock, markers that expire."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.late: list[Callable[[], object]] = []
        self._sequence = 0
        self._value: bytes | None = None
        self._revision = 0
        self._until_s = 0.0

    def expire(self) -> None:
        """Let what is due go: a value leaves a marker, a marker nothing."""
        while self._revision and self.now_s >= self._until_s:
            if self._value is None:
                self._revision = 0
            else:
                self._store(None, self._until_s + MARKER_TTL_S)

    def _store(self, value: bytes | None, until_s: float) -> int:
        self._sequence += 1
        self._value, self._revision, self._until_s = value, self._sequence, until_s
        return self._sequence

    def write(self, value: bytes | None, ttl_s: float, expected_revision: int) -> int:
        """Write on condition."""
        self.expire()
        if expected_revision != self._revision:
            raise RevisionConflict("LEASES", KEY, expected_revision)
        return self._store(value, self.now_s + ttl_s)

    def read(self) -> Entry:
        """Return what there is."""
        self.expire()
        return Entry(KEY, self._value, self._revision)


class Store:
    """`LeaseStore` over a connection on which requests and answers get lost, or arrive after they were given up."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def _carry_out(self, operation: Callable[[], T]) -> T:
        fate = await _Turn()
        if fate == "late":
            self._broker.late.append(operation)
        if fate != "none":
            raise RequestTimedOut("no answer")
        result = operation()
        if await _Turn() != "none":
            raise RequestTimedOut("no answer")
        return result

    async def look(self, key: str) -> Entry:
        """See `LeaseStore`."""
        assert key == KEY
        return await self._carry_out(self._broker.read)

    async def put(
        self, key: str, value: bytes, *, ttl_s: float | None = None, expected_revision: int | None = None
    ) -> int:
        """See `LeaseStore`."""
        assert key == KEY
        assert ttl_s is not None
        assert expected_revision is not None
        return await self._carry_out(partial(self._broker.write, value, ttl_s, expected_revision))

    async def delete(self, key: str, *, expected_revision: int | None = None) -> int:
        """See `LeaseStore`."""
        assert key == KEY
        assert expected_revision is not None
        return await self._carry_out(partial(self._broker.write, None, MARKER_TTL_S, expected_revision))


class LeaseMachine(RuleBasedStateMachine):
    """Three processes that want one lease, a broker, and a network that does what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = Broker()
        self.leases = {
            name: Lease(
                Store(self.broker),
                KEY,
                name.encode(),
                ttl_s=TTL_S,
                clock=partial(self._clock, 1000.0 * number),
            )
            for number, name in enumerate(HOLDERS)
        }
        self.running: dict[str, Coroutine[Any, str, object]] = {}
        self.fence = 0
        self.last_holder = ""

    def _clock(self, offset_s: float) -> float:
        return self.broker.now_s + offset_s

    def _resume(self, name: str, call: Coroutine[Any, str, object], fate: str | None) -> None:
        try:
            call.send(fate)  # type: ignore[arg-type]  # a coroutine is begun with None
        except StopIteration:
            self.running.pop(name, None)
        except (RequestTimedOut, RevisionConflict):
            self.running.pop(name, None)
        else:
            self.running[name] = call

    @rule(name=st.sampled_from(HOLDERS), what=st.sampled_from(["acquire", "renew", "renew", "release"]))
    def begin(self, name: str, what: str) -> None:
        """Begin a call; one after another."""
        if name not in self.running:
            self._resume(name, getattr(self.leases[name], what)(), None)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), fate=FAULTS)
    def go_on(self, data: st.DataObject, fate: str) -> None:
        """Let a message arrive, or not."""
        name = data.draw(st.sampled_from(sorted(self.running)))
        self._resume(name, self.running[name], fate)

    @rule(name=st.sampled_from(HOLDERS))
    def undisturbed(self, name: str) -> None:
        """A whole acquisition that nothing disturbs: it succeeds if nobody has the lease by the broker's own account."""
        if name in self.running:
            return
        value = self.broker.read().value
        self._resume(name, self.leases[name].acquire(), None)
        while name in self.running:
            self._resume(name, self.running[name], "none")
        assert self.leases[name].is_held == (value in {None, name.encode()})

    @rule(name=st.sampled_from(HOLDERS))
    def unheard(self, name: str) -> None:
        """An acquisition that the broker stores if it may, and of which the answer is lost."""
        if name not in self.running:
            self._resume(name, self.leases[name].acquire(), None)
            for fate in ("none", "none", "none", "lost"):  # the look and the write: request, answer
                if name in self.running:
                    self._resume(name, self.running[name], fate)

    @rule(name=st.sampled_from(HOLDERS), seconds=st.sampled_from([0.0, 1.0, 19.0, 25.0]))
    def slow(self, name: str, seconds: float) -> None:
        """A renewal of which every message takes its time, or whose sender is paused before it reads the answer."""
        if name not in self.running:
            self._resume(name, self.leases[name].renew(), None)
            while name in self.running:
                self.broker.now_s += seconds
                self._resume(name, self.running[name], "none")

    @precondition(lambda self: self.broker.late)
    @rule(data=st.data())
    def arrive_late(self, data: st.DataObject) -> None:
        """Let a request arrive that was given up long ago."""
        operation = self.broker.late.pop(data.draw(st.integers(0, len(self.broker.late) - 1)))
        with contextlib.suppress(RevisionConflict):
            operation()

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 19.9, 20.0, 61.0]))
    def pass_time(self, seconds: float) -> None:
        """Let time pass; whoever has a call under way was paused meanwhile."""
        self.broker.now_s += seconds

    @invariant()
    def at_most_one_believes(self) -> None:
        """At most one holds the lease; and each change of the holder comes with a greater fencing token."""
        holders = [name for name, lease in self.leases.items() if lease.is_held]
        assert len(holders) <= 1, holders
        for name in holders:
            fence = self.leases[name].fence
            assert fence is not None
            assert fence > self.fence or (fence == self.fence and name == self.last_holder)
            self.fence, self.last_holder = fence, name

    def teardown(self) -> None:
        """Close what is under way."""
        for call in self.running.values():
            call.close()


LeaseMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestLeases = LeaseMachine.TestCase


def test_the_token_grows_when_an_unheard_write_follows_another_holder() -> None:
    """Cut off, succeeded by another, and back by a write whose answer was lost: the token is a new one."""
    machine = LeaseMachine()
    machine.undisturbed("a")
    machine.at_most_one_believes()
    machine.pass_time(TTL_S)
    machine.undisturbed("b")
    machine.at_most_one_believes()
    machine.begin("b", "release")
    while "b" in machine.running:
        machine._resume("b", machine.running["b"], "none")
    machine.unheard("a")
    machine.undisturbed("a")
    assert machine.leases["a"].is_held
    machine.at_most_one_believes()
