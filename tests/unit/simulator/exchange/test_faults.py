"""Rules of faults without a socket: how they count and whom they strike."""

from random import Random

from fillwire.simulator.binance.tampering import BinanceTampering
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.faults import Faults


def test_rule_strikes_as_often_as_it_says() -> None:
    """A counted rule strikes its number of times; hits are shown."""
    faults = Faults(Random(1), BinanceTampering())
    rule = faults.add("lost_response", count=2)
    assert [faults.strike("lost_response", None) is rule for _ in range(4)] == [True, True, False, False]
    assert faults.documents() == [
        {"id": 1, "kind": "lost_response", "user": None, "next": 0, "probability": 0.0, "hits": 2}
    ]


def test_rule_by_probability_strikes_its_share() -> None:
    """Of a thousand occasions about a quarter are struck."""
    faults = Faults(Random(1), BinanceTampering())
    faults.add("event_first", count=None, probability=0.25)
    hits = sum(faults.strike("event_first", None) is not None for _ in range(1_000))
    assert 200 < hits < 300


def test_rule_of_one_account_spares_the_others() -> None:
    """A rule with a user strikes nobody else."""
    faults = Faults(Random(1), BinanceTampering())
    alice, bob = Account("alice", 1), Account("bob", 2)
    faults.add("login_refused", alice, count=1)
    assert faults.strike("login_refused", bob) is None
    assert faults.strike("login_refused", alice) is not None


def test_frames_pass_untouched_while_no_rule_concerns_them() -> None:
    """Only rules about frames close the gate, and clearing them opens it again."""
    faults = Faults(Random(1), BinanceTampering())
    faults.add("request_error")
    assert faults.is_open
    faults.add("drop")
    assert not faults.is_open
    faults.clear()
    assert faults.is_open


def test_spent_rule_lets_frames_pass_again() -> None:
    """A rule without strokes left costs nothing more."""
    faults = Faults(Random(1), BinanceTampering())
    faults.add("drop", count=0)
    assert faults.is_open


def test_one_rule_is_removed_and_the_others_stay() -> None:
    """Removing a rule ends it alone; one that is not there says so."""
    faults = Faults(Random(1), BinanceTampering())
    first, second = faults.add("drop"), faults.add("login_refused")
    assert faults.remove(first.id) is first
    assert faults.remove(first.id) is None
    assert faults.is_open
    assert faults.strike("login_refused", None) is second
