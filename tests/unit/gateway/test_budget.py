"""How many connections may be dialled."""

from hypothesis import given
from hypothesis import strategies as st

from fillwire.gateway.budget import ConnectBudget


def test_a_few_go_at_once_and_the_rest_at_an_even_pace() -> None:
    """Sixty a minute with a burst of three: three now, then one a second; after a pause three at once again."""
    budget = ConnectBudget(60, burst=3)
    assert [budget.reserve(100.0) for _ in range(5)] == [0.0, 0.0, 0.0, 1.0, 2.0]
    assert [budget.reserve(200.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


@given(
    st.integers(1, 600),
    st.integers(1, 50),
    st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=200),
)
def test_no_minute_sees_more_than_its_number_and_one_burst(
    per_minute: int, burst: int, pauses: list[float]
) -> None:
    """However the accounts come, the turns given within a minute stay below the venue's limit."""
    budget = ConnectBudget(per_minute, burst)
    now_s = 0.0
    turns = []
    for pause in pauses:
        now_s += pause
        turns.append(now_s + budget.reserve(now_s))
    for first in turns:
        within = [turn for turn in turns if first <= turn < first + 60 - 1e-6]
        assert len(within) <= per_minute + min(burst, per_minute)
