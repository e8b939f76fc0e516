"""Rendezvous hashing: each key has one owner, shares are even, and nothing moves that need not."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.rendezvous import ranked

KEYS = st.text(max_size=20)
MEMBERS = st.sets(st.text(min_size=1, max_size=12), min_size=1, max_size=8)


@given(key=KEYS, members=MEMBERS)
def test_all_who_know_the_same_members_agree(key: str, members: set[str]) -> None:
    """The order holds every member once, whatever order they are named in."""
    order = ranked(key, sorted(members))
    assert sorted(order) == sorted(members)
    assert order == ranked(key, sorted(members, reverse=True))


@given(key=KEYS, members=MEMBERS, gone=st.data())
def test_a_member_that_leaves_moves_only_what_it_had(
    key: str, members: set[str], gone: st.DataObject
) -> None:
    """The others keep their order: a key of the one that left goes to the next, and all others stay."""
    left = gone.draw(st.sampled_from(sorted(members)))
    before = ranked(key, members)
    assert ranked(key, members - {left}) == [member for member in before if member != left]


@given(st.integers(2, 6), st.integers(0, 1000))
def test_shares_are_even(count: int, salt: int) -> None:
    """Of many accounts each member has about as many: within half of the mean."""
    members = [f"gateway-{salt}-{number}" for number in range(count)]
    shares = Counter(ranked(f"user-{number}.binance.live", members)[0] for number in range(600))
    mean = 600 / count
    assert all(mean / 2 < shares[member] < mean * 1.5 for member in members), shares


def test_the_next_in_order_is_not_always_the_same() -> None:
    """What one that is gone had is spread over all others, and falls on no single one."""
    members = ["a", "b", "c", "d"]
    heirs = Counter(
        order[1] for number in range(400) if (order := ranked(f"user-{number}", members))[0] == "a"
    )
    assert set(heirs) == {"b", "c", "d"}
    assert min(heirs.values()) * 2 > max(heirs.values())
