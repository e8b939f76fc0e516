"""Whatever the settings, a series of delays stays within its bounds and ends where it should."""

from random import Random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from fillwire.runtime.backoff import Backoff, Jitter


class Policy(NamedTuple):
    """Reconnect settings."""

    max_retries: int | None
    initial_delay_ms: int
    max_delay_ms: int
    backoff_multiplier: float


@st.composite
def policies(draw: st.DrawFn, max_retries: st.SearchStrategy[int | None]) -> Policy:
    """Draw settings that are legal, the odd ones included."""
    initial = draw(st.integers(0, 10_000))
    return Policy(
        max_retries=draw(max_retries),
        initial_delay_ms=initial,
        max_delay_ms=draw(st.integers(initial, 3_600_000)),
        backoff_multiplier=draw(st.floats(1, 1e6)),
    )


seeds = st.integers(0, 2**32).map(Random)
jitters = st.sampled_from(Jitter)


@given(policies(st.integers(0, 50)), seeds, jitters)
def test_delays_stay_below_a_ceiling_that_grows_and_ends(
    policy: Policy, random: Random, jitter: Jitter
) -> None:
    """The n-th delay lies between its floor and `min(max, initial * multiplier ** n)`; there are `max_retries`."""
    backoff = Backoff.from_policy(policy, random, jitter)
    delays = list(iter(backoff.next_delay_s, None))
    assert len(delays) == policy.max_retries == backoff.retries
    assert backoff.is_exhausted
    ceiling = policy.initial_delay_ms / 1e3
    for delay in delays:
        assert delay is not None
        assert (ceiling / 2 if jitter is Jitter.EQUAL else 0) <= delay <= ceiling
        ceiling = min(policy.max_delay_ms / 1e3, ceiling * policy.backoff_multiplier)


@given(policies(st.none()), seeds, jitters)
def test_a_series_without_limit_neither_ends_nor_overflows(
    policy: Policy, random: Random, jitter: Jitter
) -> None:
    """Two thousand retries, where a power of the multiplier would have overflowed, still yield a delay."""
    backoff = Backoff.from_policy(policy, random, jitter)
    for _ in range(2_000):
        delay = backoff.next_delay_s()
        assert delay is not None
        assert delay <= policy.max_delay_ms / 1e3
    assert not backoff.is_exhausted


@given(policies(st.integers(1, 20)), st.integers(0, 2**32), jitters, st.integers(0, 30))
def test_reset_begins_anew(policy: Policy, seed: int, jitter: Jitter, used: int) -> None:
    """After `reset` the series is the one a fresh backoff with the same chance would give."""
    random = Random(seed)
    backoff = Backoff.from_policy(policy, random, jitter)
    for _ in range(used):
        backoff.next_delay_s()
    backoff.reset()
    random.seed(seed)
    fresh = Backoff.from_policy(policy, Random(seed), jitter)
    assert list(iter(backoff.next_delay_s, None)) == list(iter(fresh.next_delay_s, None))
