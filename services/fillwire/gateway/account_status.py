"""What is known and told of one account's connection: its state, and all that the connection event says besides."""

import time
from collections.abc import Callable

from fillwire.domain.enums import BreakerState, ConnectionState
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.gateway.metering import ConnectionMeter
from fillwire.gateway.outlet import Outlet
from fillwire.gateway.reporting import Reports
from fillwire.gateway.standing import Standing
from fillwire.venues.states import ConnectionLife, Step


class AccountStatus:
    """Where an account's connection stands; each step is told.

    Args:
        account: whose connection.
        gateway: name of this process.
        reporter: told of every change.
        standing: returns how the log stands against the venue's records.
        breaker: returns where the breaker is that lets the account connect.
        clock_offset_ns: returns venue clock minus ours, None before it was measured.
        last_event_time_ns: returns when the last order event was read, None before the first.
        outlet: where events wait for the broker.
        meter: counts the steps.

    Attributes:
        attempt: connection attempts since the connection was last receiving.
        pairs: how many pairs bots listen to.
        connected_since_ns: when it last began receiving, None while it is not.
        polling_since_ns: since when REST is asked in place of the stream, None while it is not.
        key_trouble: why the account's key is not what its files say, None if it is.
        key_refusal: why a new key is not in use, None if there is none that the venue refuses.
    """

    def __init__(  # noqa: PLR0913 - whom it tells, and where the facts are
        self,
        account: Account,
        gateway: str,
        reporter: Reports,
        *,
        standing: Callable[[], Standing],
        breaker: Callable[[], BreakerState],
        clock_offset_ns: Callable[[], int | None],
        last_event_time_ns: Callable[[], int | None],
        outlet: Outlet,
        meter: ConnectionMeter,
    ) -> None:
        self.account = account
        self.attempt = 0
        self.pairs = 0
        self.connected_since_ns: int | None = None
        self.polling_since_ns: int | None = None
        self.key_trouble: str | None = None
        self.key_refusal: str | None = None
        self._gateway = gateway
        self._reporter = reporter
        self._standing = standing
        self._breaker = breaker
        self._clock_offset_ns = clock_offset_ns
        self._last_event_time_ns = last_event_time_ns
        self._outlet = outlet
        self._meter = meter
        self._life = ConnectionLife(account)
        self._last_told_ns = 0

    @property
    def state(self) -> ConnectionState:
        """Where the connection is in its life."""
        return self._life.state

    @property
    def reason(self) -> str | None:
        """Why the state was entered."""
        return self._life.reason

    def start(self) -> None:
        """Begin to keep the status fresh for late readers."""
        self._reporter.add(self.account, self.snapshot)

    def stop(self) -> None:
        """Keep it fresh no longer."""
        self._reporter.remove(self.account)

    def take(self, step: Step, reason: str | None = None) -> None:
        """Take a step and tell of it."""
        previous = self._life.state
        self._life.take(step, reason)
        self._meter.note(step, time.time_ns())
        self._reporter.report(self._event(previous))

    def take_if_allowed(self, step: Step, reason: str | None = None) -> None:
        """Take a step unless the state does not know it: what it would say is said already."""
        if self._life.allows(step):
            self.take(step, reason)

    def tell(self) -> None:
        """Tell that something has changed beside the state."""
        self._reporter.report(self.snapshot())

    def refresh(self) -> None:
        """Have the status of late readers written soon; not worth an event."""
        self._reporter.refresh(self.account)

    def snapshot(self) -> ConnectionEvent:
        """Return the state as it is now, as a refresh."""
        return self._event(self._life.state)

    def _event(self, previous: ConnectionState) -> ConnectionEvent:
        # Readers drop what is not newer than what they have.
        self._last_told_ns = max(time.time_ns(), self._last_told_ns + 1)
        account, standing = self.account, self._standing()
        return ConnectionEvent(
            user=account.user,
            exchange=account.exchange,
            environment=account.environment,
            state=self._life.state,
            previous_state=previous,
            reason=self._life.reason,
            attempt=self.attempt,
            subscription_count=self.pairs,
            connected_since_ns=self.connected_since_ns,
            last_event_time_ns=self._last_event_time_ns(),
            clock_offset_ns=self._clock_offset_ns(),
            gateway=self._gateway,
            time_ns=self._last_told_ns,
            reconciled_ns=standing.reconciled_ns,
            missing_since_ns=standing.missing_since_ns,
            breaker=self._breaker(),
            polling_since_ns=self.polling_since_ns,
            waiting_count=self._outlet.queued_count,
            journal_count=self._outlet.journal_count,
            key_trouble=self.key_trouble or self.key_refusal,
        )
