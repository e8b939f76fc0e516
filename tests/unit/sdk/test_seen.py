"""Which events a bot has handled."""

from fillwire.sdk.seen import SeenEvents


def test_at_least_the_last_capacity_ids_are_remembered_and_memory_is_bounded() -> None:
    """Ids are forgotten no sooner than `capacity` later, and no more than twice as many are kept."""
    seen = SeenEvents(capacity=100)
    for number in range(1000):
        assert str(number) not in seen
        seen.add(str(number))
        assert all(str(earlier) in seen for earlier in range(max(0, number - 99), number + 1))
        assert sum(str(earlier) in seen for earlier in range(number + 1)) <= 200
