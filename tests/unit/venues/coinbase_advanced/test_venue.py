"""Coinbase Advanced Trade as a venue."""

from fillwire.venues.coinbase_advanced.venue import CoinbaseAdvanced
from fillwire.venues.venue import CountsBySecond


def test_requests_are_counted_by_the_second() -> None:
    """Thirty a second are the venue's limit: a minute's worth at once would be refused."""
    venue = CoinbaseAdvanced()
    assert isinstance(venue, CountsBySecond)
    assert (venue.weight_per_second, venue.weight_per_minute) == (30, 1800)
