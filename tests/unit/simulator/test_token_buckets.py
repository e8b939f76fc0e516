"""Limits per second: a burst passes at once, then so many per second."""

from fillwire.simulator.token_buckets import TokenBuckets


def test_a_burst_passes_and_the_bucket_refills() -> None:
    """What is refused costs nothing; after a second as many pass as refill in it."""
    now = [1_000_000_000_000]
    buckets = TokenBuckets(2, 5, lambda: now[0])
    assert [buckets.take("here") for _ in range(6)] == [True] * 5 + [False]
    assert buckets.take("there")
    now[0] += 1_000_000_000
    assert [buckets.take("here") for _ in range(3)] == [True, True, False]
    now[0] += 60_000_000_000
    assert buckets.left("here") == 5


def test_what_was_used_can_be_forgotten() -> None:
    """A cleared bucket is full."""
    buckets = TokenBuckets(1, 1, lambda: 10**18)
    assert buckets.take("here")
    assert not buckets.take("here")
    buckets.clear()
    assert buckets.take("here")
