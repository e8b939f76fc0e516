"""How often and how soon a callback that raised is called again."""

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.sdk.retrying import RetryPolicy


def test_delays_grow_to_a_ceiling_and_end() -> None:
    """The last attempt is followed by none."""
    policy = RetryPolicy(attempts=5, initial_delay_s=0.1, multiplier=3, max_delay_s=1)
    assert [policy.delay_s(attempt) for attempt in range(1, 6)] == [
        0.1,
        pytest.approx(0.3),
        pytest.approx(0.9),
        1,
        None,
    ]
    assert RetryPolicy(attempts=1).delay_s(1) is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"attempts": 0}, "retry attempts is 0: expected 1 to 100"),
        ({"attempts": 101}, "retry attempts is 101"),
        ({"initial_delay_s": -1.0}, "expected 0 <= initial_delay_s"),
        ({"multiplier": 0.5}, "a multiplier of at least 1"),
        ({"initial_delay_s": 9.0, "max_delay_s": 1.0}, "initial_delay_s <= max_delay_s"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(arguments: dict[str, float], sentence: str) -> None:
    """The sentence says what was found and what was expected."""
    with pytest.raises(ConfigError, match=sentence):
        RetryPolicy(**arguments)  # type: ignore[arg-type]  # attempts among them is an int
