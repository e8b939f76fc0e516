"""What one account's connection tells the world while several gateways may hold it: only one of them speaks."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from fillwire.domain.alert_names import DETECTION_LOST, EXECUTIONS_MISSING, KEY_REFUSED, KEY_UNREADABLE
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.gateway.reporting import Reports, Snapshot


class Tone(StrEnum):
    """When to speak."""

    SILENT = "silent"  # another speaks
    DOUBTFUL = "doubtful"  # from when the account is received: who should speak is silent
    LOUD = "loud"  # we own the account


class Voice:
    """Stands between a session and the reporter: lets everything through, or nothing.

    A connection that begins to speak tells its state as it is then, so that who listens hears of one state after
    another, and never of the connections that another gateway makes or closes beside.

    Args:
        reporter: tells the world.
        account: whose connection.
        fence: returns the fencing token of the account's lease, None while it is not ours.
    """

    def __init__(self, reporter: Reports, account: Account, fence: Callable[[], int | None]) -> None:
        self._reporter = reporter
        self._account = account
        self._fence = fence
        self._snapshot: Snapshot | None = None
        self._alerts: dict[str, str] = {}
        self._tone = Tone.SILENT
        self._reason: str | None = None
        self._is_speaking = False

    def use(self, tone: Tone, reason: str | None = None) -> None:
        """Speak as this says from now on.

        Args:
            tone: when.
            reason: one sentence why it is this gateway that speaks, told with its first word.
        """
        if tone is self._tone:
            return
        self._tone = tone
        self._reason = reason
        if tone is Tone.SILENT:
            self._is_speaking = False
            self._reporter.remove(self._account)
        elif self._snapshot is None:
            self._is_speaking = tone is Tone.LOUD
        elif not self._is_speaking:
            self._begin(self._snapshot())
        elif tone is Tone.LOUD:  # it stood in, and owns now
            self._reporter.report(replace(self._snapshot(), reason=reason))

    def _signed(self, event: ConnectionEvent) -> ConnectionEvent:
        """Return the event with the right by which it is told."""
        return replace(event, lease=self._fence())

    def _begin(self, event: ConnectionEvent) -> None:
        """Speak from now on, if it is time: `event` is the first word."""
        if self._tone is not Tone.LOUD and not event.is_connected:
            return
        self._is_speaking = True
        if self._snapshot is not None:
            self._reporter.add(self._account, self._snapshot)
        reason, self._reason = self._reason, None
        self._reporter.report(event if event.reason or not reason else replace(event, reason=reason))
        if event.missing_since_ns is None:
            self._alerts.pop(EXECUTIONS_MISSING, None)
        if event.key_trouble is None:
            self._alerts.pop(KEY_UNREADABLE, None)
        for name, why in self._alerts.items():
            self._reporter.alert(self._account, name, why)
        self._alerts.clear()

    # -- the reporter, as a session sees it

    def add(self, account: Account, snapshot: Snapshot) -> None:
        """See `Reporter.add`."""
        self._snapshot = lambda: self._signed(snapshot())
        if self._is_speaking:
            self._reporter.add(account, self._snapshot)

    def remove(self, account: Account) -> None:
        """See `Reporter.remove`."""
        self._snapshot = None
        self._reporter.remove(account)

    def refresh(self, account: Account) -> None:
        """See `Reporter.refresh`."""
        if self._is_speaking:
            self._reporter.refresh(account)

    def report(self, event: ConnectionEvent) -> None:
        """See `Reporter.report`."""
        event = self._signed(event)
        if self._is_speaking:
            self._reporter.report(event)
            return
        if event.is_connected:
            self._alerts.pop(DETECTION_LOST, None)
            self._alerts.pop(KEY_REFUSED, None)
        if self._tone is Tone.DOUBTFUL:
            self._begin(event)

    def alert_detection_lost(self, account: Account, reason: str) -> None:
        """See `Reporter.alert_detection_lost`."""
        self.alert(account, DETECTION_LOST, reason)

    def alert(self, account: Account, name: str, reason: str) -> None:
        """See `Reporter.alert`; what is kept in silence is told with the first word, if it is true by then."""
        if self._is_speaking:
            self._reporter.alert(account, name, reason)
        else:
            self._alerts[name] = reason
