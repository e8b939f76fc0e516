"""How long to wait before the next attempt: exponential growth, jitter, a ceiling and a limit of retries."""

from enum import StrEnum
from random import Random
from typing import Protocol

from fillwire.domain.errors import ConfigError


class Jitter(StrEnum):
    """How a delay is spread, so that clients that failed together do not return together.

    `full` draws from 0 to the ceiling: the widest spread. `equal` draws from half the ceiling to the ceiling: it
    never returns at once, which a venue with a budget of connections needs.
    """

    FULL = "full"
    EQUAL = "equal"


class ReconnectPolicy(Protocol):
    """The part of the settings that `Backoff.from_policy` reads; `runtime.settings.ReconnectSettings` is one."""

    @property
    def max_retries(self) -> int | None:
        """Retries before giving up; None retries without limit."""

    @property
    def initial_delay_ms(self) -> int:
        """Ceiling of the first delay."""

    @property
    def max_delay_ms(self) -> int:
        """Ceiling of every delay."""

    @property
    def backoff_multiplier(self) -> float:
        """Growth of the ceiling from one retry to the next."""


class Backoff:
    """Delays of one series of attempts. Not thread-safe; one per connection.

    The ceiling of the n-th delay, counted from 0, is `initial_delay_s * multiplier ** n`, never above `max_delay_s`.

    Args:
        initial_delay_s: ceiling of the first delay, in seconds; at least 0.
        max_delay_s: ceiling of every delay, in seconds; at least `initial_delay_s`.
        multiplier: growth from one ceiling to the next; at least 1.
        max_retries: delays that are handed out before `next_delay_s` answers None; None for no limit.
        random: source of the jitter; pass a seeded one to repeat a series.
        jitter: how the delay is spread below its ceiling.

    Raises:
        ConfigError: an argument is outside its bounds.
    """

    __slots__ = (
        "_ceiling_s",
        "_initial_s",
        "_jitter",
        "_max_retries",
        "_max_s",
        "_multiplier",
        "_random",
        "_retries",
    )

    def __init__(  # noqa: PLR0913 - the policy as the configuration states it, plus its source of chance
        self,
        *,
        initial_delay_s: float,
        max_delay_s: float,
        multiplier: float,
        max_retries: int | None,
        random: Random,
        jitter: Jitter = Jitter.EQUAL,
    ) -> None:
        if not 0 <= initial_delay_s <= max_delay_s:
            raise ConfigError(
                f"backoff of {initial_delay_s:g} s up to {max_delay_s:g} s: expected 0 <= initial delay <= max delay"
            )
        if not multiplier >= 1:  # also catches NaN
            raise ConfigError(f"backoff multiplier {multiplier:g}: expected at least 1")
        if max_retries is not None and max_retries < 0:
            raise ConfigError(f"max retries {max_retries}: expected at least 0")
        self._initial_s = initial_delay_s
        self._max_s = max_delay_s
        self._multiplier = multiplier
        self._max_retries = max_retries
        self._random = random
        self._jitter = jitter
        self._ceiling_s = initial_delay_s
        self._retries = 0

    @classmethod
    def from_policy(
        cls,
        policy: ReconnectPolicy,
        random: Random,
        jitter: Jitter = Jitter.EQUAL,
        *,
        is_limited: bool = True,
    ) -> "Backoff":
        """Return the backoff that the `reconnect` part of the settings describes, with or without its limit."""
        return cls(
            initial_delay_s=policy.initial_delay_ms / 1e3,
            max_delay_s=policy.max_delay_ms / 1e3,
            multiplier=policy.backoff_multiplier,
            max_retries=policy.max_retries if is_limited else None,
            random=random,
            jitter=jitter,
        )

    @property
    def retries(self) -> int:
        """Delays handed out since the start or the last `reset`."""
        return self._retries

    @property
    def is_exhausted(self) -> bool:
        """Whether the retries are used up, so that `next_delay_s` would answer None."""
        return self._max_retries is not None and self._retries >= self._max_retries

    def next_delay_s(self) -> float | None:
        """Return how long to wait before the next attempt, in seconds; None when the retries are used up."""
        if self.is_exhausted:
            return None
        ceiling_s = self._ceiling_s
        self._retries += 1
        # Grown step by step: a power of the multiplier would overflow after some hundred retries.
        self._ceiling_s = min(self._max_s, ceiling_s * self._multiplier)
        floor_s = ceiling_s / 2 if self._jitter is Jitter.EQUAL else 0.0
        # uniform() may round to a hair outside its bounds.
        return min(ceiling_s, max(floor_s, self._random.uniform(floor_s, ceiling_s)))

    def reset(self) -> None:
        """Begin anew after a success.

        Reset when the connection has proven itself, not when it opened: a venue that accepts and drops at once would
        otherwise be called without pause.
        """
        self._retries = 0
        self._ceiling_s = self._initial_s
