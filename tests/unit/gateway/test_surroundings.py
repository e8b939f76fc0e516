"""What sessions share."""

from random import Random

from fillwire.gateway.surroundings import ConnectionPolicy
from fillwire.runtime.settings import ReconnectSettings

POLICY = ConnectionPolicy(
    reconnect=ReconnectSettings(max_delay_ms=30_000), connect_timeout_ms=10_000, heartbeat_interval_ms=30_000
)


def test_the_policy_becomes_the_limits_of_a_connection() -> None:
    """Milliseconds of the configuration are nanoseconds of the protocol; a bot's request ends before the bot gives up."""
    limits = POLICY.limits(86_400.0, Random(1))
    assert limits.connect_timeout_ns == 10_000_000_000
    assert limits.heartbeat_interval_ns == 30_000_000_000
    assert limits.order_timeout_ns == 4_000_000_000
    assert (POLICY.connect_timeout_s, POLICY.order_timeout_s, POLICY.max_delay_s) == (10.0, 4.0, 30.0)


def test_connections_change_over_before_the_venue_ends_them_and_not_together() -> None:
    """Lifetimes lie in the last hour or so of the venue's day, spread."""
    random = Random(1)
    lifetimes = [POLICY.limits(86_400.0, random).lifetime_ns / 3.6e12 for _ in range(200)]
    assert min(lifetimes) > 22.9
    assert max(lifetimes) < 23.8
    assert max(lifetimes) - min(lifetimes) > 0.7
