"""What waits to be told: one notification per account and alert, whatever the number of alerts; no I/O and no clock."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fillwire.domain.events import Alert

Settle = Callable[[], None]
"""Called when an alert needs no further care: its message may be acknowledged."""

Key = tuple[str, str, str, str]

_MAX_QUIET: Final = 10_000


@dataclass(slots=True)
class Notification:
    """Alerts of one kind about one account that wait together.

    Attributes:
        number: place of the first of them in the stream: with the count, the receiver knows a repetition by it.
        newest: place of the newest.
        alert: the newest of them.
        count: how many they are.
        first_time_ns: when the first was raised.
        due_s: when it is sent next, by the loop's clock.
        dead_s: when it is given up.
        attempts: how often it was sent in vain.
    """

    number: int
    newest: int
    alert: Alert
    count: int
    first_time_ns: int
    due_s: float
    dead_s: float
    settle: Settle
    attempts: int = 0

    @property
    def key(self) -> Key:
        """What it is about."""
        return key_of(self.alert)


def key_of(alert: Alert) -> Key:
    """Return what an alert is about: what is told together."""
    return alert.user, alert.exchange, alert.environment, alert.alert


class Outbox:
    """Notifications that wait, at most `capacity`.

    After one was taken by the receiver, further alerts of its kind and account wait for `quiet_s` and are told as one.

    Args:
        capacity: notifications that wait at most.
        quiet_s: time between two notifications of a kind about an account, in seconds.
        deadline_s: a notification that nobody takes is given up so long after it was due first, in seconds.
    """

    def __init__(self, capacity: int, quiet_s: float, deadline_s: float) -> None:
        self._capacity = capacity
        self._quiet_s = quiet_s
        self._deadline_s = deadline_s
        self._waiting: dict[Key, Notification] = {}
        self._quiet_until_s: dict[Key, float] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def add(self, number: int, alert: Alert, settle: Settle, now_s: float) -> bool:
        """Take an alert; return False if there is no room for it, so that it must be offered again."""
        key = key_of(alert)
        waiting = self._waiting.get(key)
        if waiting is not None:
            # The newest stands for all: those before it need no further care.
            waiting.settle()
            waiting.newest, waiting.alert, waiting.settle = number, alert, settle
            waiting.count += 1
            return True
        if len(self._waiting) >= self._capacity:
            return False
        due_s = max(now_s, self._quiet_until_s.get(key, now_s))
        self._waiting[key] = Notification(
            number, number, alert, 1, alert.time_ns, due_s, due_s + self._deadline_s, settle
        )
        return True

    @property
    def next_s(self) -> float | None:
        """When the next is due, by the loop's clock; None if none waits."""
        return min((waiting.due_s for waiting in self._waiting.values()), default=None)

    def due(self, now_s: float) -> Notification | None:
        """Return the one that has been due for longest, None if none is."""
        found = min(self._waiting.values(), key=lambda waiting: waiting.due_s, default=None)
        return found if found is not None and found.due_s <= now_s else None

    def note_taken(self, notification: Notification, told_count: int, now_s: float) -> None:
        """Note that the receiver has it, with so many alerts; what came in the meantime waits for the quiet to end."""
        key = notification.key
        self._note_quiet(key, now_s)
        if notification.count > told_count:
            later_s = now_s + self._quiet_s
            # A notification of its own, known by another number than what the receiver has already.
            self._waiting[key] = Notification(
                notification.newest,
                notification.newest,
                notification.alert,
                notification.count - told_count,
                notification.alert.time_ns,
                later_s,
                later_s + self._deadline_s,
                notification.settle,
            )
            return
        del self._waiting[key]
        notification.settle()

    def note_failed(self, notification: Notification, delay_s: float, now_s: float) -> bool:
        """Note that nobody took it, and send it again in `delay_s`; return False if it is given up instead."""
        notification.attempts += 1
        if now_s + delay_s >= notification.dead_s:
            del self._waiting[notification.key]
            notification.settle()
            return False
        notification.due_s = now_s + delay_s
        return True

    def _note_quiet(self, key: Key, now_s: float) -> None:
        if len(self._quiet_until_s) >= _MAX_QUIET:
            self._quiet_until_s = {
                known: until_s for known, until_s in self._quiet_until_s.items() if until_s > now_s
            }
            if len(self._quiet_until_s) >= _MAX_QUIET:
                self._quiet_until_s.pop(next(iter(self._quiet_until_s)))
        self._quiet_until_s[key] = now_s + self._quiet_s
