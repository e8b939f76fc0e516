"""Symbols of one account whose records could not be compared while those of others could, and when each is next."""

from collections.abc import Callable
from dataclasses import dataclass

from fillwire.gateway.recollection import Recollection


@dataclass(slots=True)
class _Entry:
    """One symbol: what is to be compared, since when it is here, when it is asked for next."""

    found: Recollection
    reads_executions: bool
    first_s: float
    due_s: float
    delay_s: float


class LeftOut:
    """The symbols of one account that the venue did not tell of when it was asked; never more than it has been asked for.

    Args:
        now_s: the loop's clock, in seconds.
        retry_first_s: wait before the first repetition of the questions, which doubles.
        retry_max_s: longest wait between two.
    """

    def __init__(self, now_s: Callable[[], float], retry_first_s: float, retry_max_s: float) -> None:
        self._now_s = now_s
        self._retry_first_s = retry_first_s
        self._retry_max_s = retry_max_s
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)

    def __contains__(self, symbol: str | None) -> bool:
        """Return whether the symbol is here."""
        return symbol in self._entries

    def __str__(self) -> str:
        """Return how many there are and which the first are, for a person."""
        return (
            f"{len(self)} symbols, such as {', '.join([*self._entries][:5])}"
            if self._entries
            else "no symbol"
        )

    def add(self, symbol: str, found: Recollection, *, reads_executions: bool) -> None:
        """Have the symbol compared from there, or from where it was to be compared already if that is earlier."""
        entry = self._entries.get(symbol)
        if entry is None:
            now_s, delay_s = self._now_s(), self._retry_first_s
            self._entries[symbol] = _Entry(found, reads_executions, now_s, now_s + delay_s, delay_s)
            return
        if found.since_ns < entry.found.since_ns:
            entry.found = found
        entry.reads_executions |= reads_executions

    def discard(self, symbol: str) -> None:
        """Note that the symbol has been compared."""
        self._entries.pop(symbol, None)

    def postpone(self, symbol: str) -> None:
        """Note that the symbol was asked for in vain."""
        entry = self._entries.get(symbol)
        if entry is not None:
            entry.due_s = self._now_s() + entry.delay_s
            entry.delay_s = min(entry.delay_s * 2, self._retry_max_s)

    def to_sweep(self, *, is_due: bool) -> list[tuple[str, Recollection, bool]]:
        """Return the symbols, or those whose time has come, each with from where on and whether by executions."""
        now_s = self._now_s()
        return [
            (symbol, entry.found, entry.reads_executions)
            for symbol, entry in self._entries.items()
            if not is_due or entry.due_s <= now_s
        ]

    @property
    def next_due_s(self) -> float | None:
        """When the next symbol is asked for, None if there is none."""
        return min((entry.due_s for entry in self._entries.values()), default=None)

    @property
    def oldest_s(self) -> float | None:
        """Since when the oldest is here, by the loop's clock, None if there is none."""
        return min((entry.first_s for entry in self._entries.values()), default=None)

    @property
    def cursor_ns(self) -> int | None:
        """From when on something may be missing, by the gateway's clock, None if there is none."""
        return min((entry.found.cursor_ns for entry in self._entries.values()), default=None)
