"""Limits: windows aligned to the clock, weight by address, unfilled orders by account, bans that grow."""

import pytest

from fillwire.simulator.binance.limits import Limits
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.settings import LimitSettings

MINUTE_US = 60_000_000
START_US = 1_795_000_020_000_000 // MINUTE_US * MINUTE_US


class StillClock(VenueClock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.time_us = START_US

    def now_us(self) -> int:
        """Return the time that was set."""
        return self.time_us


@pytest.fixture
def clock() -> StillClock:
    """Return a clock at the beginning of a minute."""
    return StillClock()


def test_weight_counts_until_the_minute_turns(clock: StillClock) -> None:
    """A window begins with the clock's minute, not with the first request."""
    limits = Limits(LimitSettings(weight_per_minute=10), clock)
    clock.time_us = START_US + 59_000_000
    limits.charge("here", 10)
    with pytest.raises(Refusal) as caught:
        limits.charge("here", 1)
    assert (caught.value.status, caught.value.code) == (429, -1003)
    assert caught.value.data == {
        "serverTime": clock.time_us // 1_000,
        "retryAfter": (START_US + MINUTE_US) // 1_000,
    }
    limits.charge("elsewhere", 10)
    clock.time_us = START_US + MINUTE_US
    limits.charge("here", 10)


def test_refused_requests_lead_to_a_ban_that_doubles(clock: StillClock) -> None:
    """Whoever goes on after 429 gets 418 until the ban ends; the next ban is twice as long."""
    limits = Limits(LimitSettings(weight_per_minute=1, refusals_before_ban=2, ban_s=120), clock)
    lengths = []
    for _ in range(2):
        limits.charge("here", 1)
        refusals = []
        for _ in range(3):
            with pytest.raises(Refusal) as caught:
                limits.charge("here", 1)
            refusals.append(caught.value)
        assert [refusal.status for refusal in refusals] == [429, 429, 418]
        data = refusals[-1].data
        assert data is not None
        until_ms = data["retryAfter"]
        lengths.append(until_ms - clock.time_us // 1_000)
        assert f"IP banned until {until_ms}" in refusals[-1].message
        assert limits.is_banned("here")
        clock.time_us = until_ms * 1_000
        assert not limits.is_banned("here")
    assert lengths == [120_000, 240_000]


def test_unfilled_orders_count_as_in_the_faq(clock: StillClock) -> None:
    """Accepted orders add one; the first fill takes one back as taker and five as maker, never below zero."""
    limits = Limits(LimitSettings(orders_per_10_seconds=6), clock)
    account = Account("alice", 1)

    def count() -> int:
        shown: int = limits.order_documents(account)[0]["count"]
        return shown

    for _ in range(2):
        limits.count_orders(account, 1)
    limits.first_fill(account, is_maker=False)
    assert count() == 1
    for _ in range(4):
        limits.count_orders(account, 1)
    limits.first_fill(account, is_maker=True)
    assert count() == 0
    limits.first_fill(account, is_maker=True)
    assert count() == 0
    limits.count_orders(account, 6)
    with pytest.raises(Refusal) as caught:
        limits.check_orders(account, 1)
    assert (caught.value.status, caught.value.code) == (429, -1015)
    assert caught.value.message == "Too many new orders; current limit is 6 orders per 10 SECOND."
    clock.time_us += 10_000_000
    limits.check_orders(account, 6)
    assert [document["count"] for document in limits.order_documents(account)] == [0, 6]


def test_connection_attempts_are_limited_by_address(clock: StillClock) -> None:
    """Beyond the permitted attempts in five minutes a connection is refused with -1034; each costs weight 2."""
    limits = Limits(LimitSettings(connections_per_5_minutes=2), clock)
    for _ in range(2):
        limits.connect("here")
    assert limits.weight_document("here")["count"] == 4
    with pytest.raises(Refusal) as caught:
        limits.connect("here")
    assert (caught.value.status, caught.value.code) == (429, -1034)


def test_free_requests_are_refunded(clock: StillClock) -> None:
    """The weight of a request that turns out to be free can be taken back."""
    limits = Limits(LimitSettings(), clock)
    limits.charge("here", 1)
    limits.refund("here", 1)
    assert limits.weight_document("here") == {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6000,
        "count": 0,
    }
