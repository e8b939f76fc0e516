"""Growth, jitter and refusals of the backoff."""

from random import Random

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.runtime.backoff import Backoff, Jitter


class _Highest(Random):
    """Chance that always draws the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        """Return `b`."""
        return max(a, b)


class _Lowest(Random):
    """Chance that always draws the lower bound."""

    def uniform(self, a: float, b: float) -> float:
        """Return `a`."""
        return min(a, b)


def _delays(random: Random, jitter: Jitter) -> list[float | None]:
    backoff = Backoff(
        initial_delay_s=0.1, max_delay_s=0.5, multiplier=2, max_retries=4, random=random, jitter=jitter
    )
    return [backoff.next_delay_s() for _ in range(5)]


@pytest.mark.parametrize(
    ("random", "jitter", "expected"),
    [
        (_Highest(), Jitter.FULL, [0.1, 0.2, 0.4, 0.5, None]),
        (_Highest(), Jitter.EQUAL, [0.1, 0.2, 0.4, 0.5, None]),
        (_Lowest(), Jitter.FULL, [0.0, 0.0, 0.0, 0.0, None]),
        (_Lowest(), Jitter.EQUAL, [0.05, 0.1, 0.2, 0.25, None]),
    ],
)
def test_the_series_of_the_settings(random: Random, jitter: Jitter, expected: list[float | None]) -> None:
    """The ceiling doubles up to its maximum, the floor is 0 or half the ceiling, and the fifth delay is refused."""
    assert _delays(random, jitter) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("initial_s", "max_s", "multiplier", "retries", "complaint"),
    [
        (2, 1, 2, 1, "backoff of 2 s up to 1 s: expected 0 <= initial delay <= max delay"),
        (-1, 1, 2, 1, "backoff of -1 s up to 1 s: expected 0 <= initial delay <= max delay"),
        (1, 1, 0.5, 1, "backoff multiplier 0.5: expected at least 1"),
        (1, 1, float("nan"), 1, "backoff multiplier nan: expected at least 1"),
        (1, 1, 1, -1, "max retries -1: expected at least 0"),
    ],
)
def test_impossible_series_are_refused(
    initial_s: float, max_s: float, multiplier: float, retries: int, complaint: str
) -> None:
    """Bounds that contradict each other are named instead of making a strange series."""
    with pytest.raises(ConfigError) as caught:
        Backoff(
            initial_delay_s=initial_s,
            max_delay_s=max_s,
            multiplier=multiplier,
            max_retries=retries,
            random=Random(),
        )
    assert str(caught.value) == complaint
