"""How one account's log stands against the venue's own records, as the world is told."""

from collections.abc import Callable
from typing import NamedTuple


class Standing(NamedTuple):
    """How the log stands against the venue's records: see `ConnectionEvent`."""

    reconciled_ns: int | None = None
    missing_since_ns: int | None = None

    def missing_from(self, since_ns: int | None) -> "Standing":
        """Return the same with something missing from then on, unless that is said already; None for nothing."""
        known_ns = self.missing_since_ns
        if since_ns is None or (known_ns is not None and known_ns <= since_ns):
            return self
        return self._replace(missing_since_ns=since_ns)


class Statement:
    """What is said of an account's log; a person is told once for each time that something stays missing.

    Args:
        alert: tells a person.
        on_change: called when `standing` has changed for another reason than a connection.

    Attributes:
        standing: as it is now.
        is_alerted: whether a person has been told of what is missing.
    """

    def __init__(self, alert: Callable[[str], None], on_change: Callable[[], None]) -> None:
        self._alert = alert
        self._on_change = on_change
        self.standing = Standing()
        self.is_alerted = False

    @property
    def is_out_of_step(self) -> bool:
        """Whether it was not said yet that nothing is missing."""
        return self.standing.missing_since_ns is not None or self.standing.reconciled_ns is None

    def note_in_step(self, at_ns: int) -> None:
        """Note that at this time nothing was missing."""
        self.is_alerted = False
        self.standing = Standing(at_ns)

    def note_missing(self, since_ns: int, why: str) -> None:
        """Note that something stays missing; alert once."""
        self.standing = self.standing.missing_from(since_ns)
        if not self.is_alerted:
            self.is_alerted = True
            self._alert(f"executions may be missing: {why}")

    def tell_in_step(self, at_ns: int) -> None:
        """Tell that at this time nothing was missing, unless it was in step before."""
        is_news = self.is_out_of_step
        self.note_in_step(at_ns)
        if is_news:
            self._on_change()

    def tell_missing(self, since_ns: int, why: str) -> None:
        """Tell that something stays missing."""
        before = self.standing
        self.note_missing(since_ns, why)
        if self.standing != before:
            self._on_change()

    def tell_behind(self, since_ns: int) -> None:
        """Tell from when on the records are about to be compared: who is killed meanwhile leaves the rest to the next."""
        before = self.standing
        self.standing = before.missing_from(since_ns)
        if self.standing != before:
            self._on_change()
