"""How often and how soon a callback that raised is called again."""

from dataclasses import dataclass

from fillwire.domain.errors import ConfigError

_MAX_ATTEMPTS = 100  # beyond that it is no policy but a wait for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff without jitter: one bot retries alone, there is no crowd to spread.

    Attributes:
        attempts: calls in all, the first included; then the event becomes a dead letter.
        initial_delay_s: before the second call.
        multiplier: growth from one delay to the next.
        max_delay_s: no delay is longer.
    """

    attempts: int = 5
    initial_delay_s: float = 0.1
    multiplier: float = 3.0
    max_delay_s: float = 5.0

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= _MAX_ATTEMPTS:
            raise ConfigError(f"retry attempts is {self.attempts}: expected 1 to {_MAX_ATTEMPTS}")
        if not (0 <= self.initial_delay_s <= self.max_delay_s and self.multiplier >= 1):
            raise ConfigError(
                f"{self}: expected 0 <= initial_delay_s <= max_delay_s and a multiplier of at least 1"
            )

    def delay_s(self, attempt: int) -> float | None:
        """Return how long to wait after the `attempt`-th call (from 1) raised; None when there is no further one."""
        if attempt >= self.attempts:
            return None
        return min(self.max_delay_s, self.initial_delay_s * self.multiplier ** (attempt - 1))
