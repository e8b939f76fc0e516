"""When one account's log is compared with the venue's records next, and how thoroughly."""

from collections.abc import Callable, Sequence


class Agenda:
    """What is to be done now and then; times are those of the loop, in seconds.

    Args:
        now_s: the loop's clock.
        audit_interval_s: between two questions for the open orders.
        sweep_interval_s: between two questions for everything.
        follow_up_s: after going live everything is asked for again.
    """

    def __init__(
        self,
        now_s: Callable[[], float],
        *,
        audit_interval_s: float,
        sweep_interval_s: float,
        follow_up_s: Sequence[float],
    ) -> None:
        self._now_s = now_s
        self._audit_interval_s = audit_interval_s
        self._sweep_interval_s = sweep_interval_s
        self._follow_up_s = follow_up_s
        self._sweeps_at_s: list[float] = []
        self._audit_at_s = 0.0
        self._all_at_s = 0.0

    def begin(self) -> None:
        """Plan from now on, when the account has gone live."""
        now_s = self._now_s()
        self._audit_at_s = now_s + self._audit_interval_s
        self._sweeps_at_s = [now_s + after_s for after_s in self._follow_up_s]

    @property
    def next_s(self) -> float:
        """When something is to be done next."""
        return min(self._audit_at_s, *self._sweeps_at_s[:1])

    def sweep_too(self) -> None:
        """Sweep as soon as possible, and then as planned."""
        self._sweeps_at_s.insert(0, self._now_s())

    def begin_again(self) -> None:
        """Sweep as soon as possible, and follow up as after going live: the venue's records lag."""
        now_s = self._now_s()
        self._sweeps_at_s = [now_s, *(now_s + after_s for after_s in self._follow_up_s)]

    def sweep_instead(self) -> None:
        """Sweep as soon as possible, in place of all follow-ups but the last."""
        self._sweeps_at_s = [0.0, *self._sweeps_at_s[-1:]]

    @property
    def is_sweep_due(self) -> bool:
        """Whether it is time to sweep."""
        return bool(self._sweeps_at_s) and self._sweeps_at_s[0] <= self._now_s()

    def note_sweep(self) -> None:
        """Note that the sweep that was due has been made."""
        self._sweeps_at_s.pop(0)
        if not self._sweeps_at_s:
            self._sweeps_at_s.append(self._now_s() + self._sweep_interval_s)

    @property
    def is_audit_due(self) -> bool:
        """Whether it is time to audit."""
        return self._audit_at_s <= self._now_s()

    def note_audit(self) -> None:
        """Note that the audit that was due has been made."""
        self._audit_at_s = self._now_s() + self._audit_interval_s

    def take_all(self) -> bool:
        """Return whether a poll asks for the open orders of all symbols, which costs as much as a dozen symbols.

        Once in the time between two sweeps; whoever is told so does it.
        """
        now_s = self._now_s()
        if now_s < self._all_at_s:
            return False
        self._all_at_s = now_s + self._sweep_interval_s
        return True
