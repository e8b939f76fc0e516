"""What a gateway says of itself in numbers, and whether it is ready: read from its parts when somebody asks."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from fillwire.bus.connection import Bus
from fillwire.bus.measuring import measure_publisher
from fillwire.domain.enums import BreakerState, ConnectionState, ErrorClass
from fillwire.domain.identifiers import Account
from fillwire.gateway.metering import Meters
from fillwire.gateway.outlet import Outlet
from fillwire.gateway.quarantine import Quarantine
from fillwire.gateway.session import Session
from fillwire.gateway.surroundings import Environment
from fillwire.gateway.tenancy import Tenancy
from fillwire.runtime import metric_names as names
from fillwire.runtime.metrics import Distribution, Measures

_NS = 1_000_000_000
_BREAKER = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 1.0, BreakerState.OPEN: 2.0}


class GatewayMeasures:
    """Reads the parts of one gateway.

    Args:
        exchange: whose connections it holds.
        bus: the connection to the broker.
        outlet: where events wait for it.
        meters: what is counted of connections.
        tenancies: returns the accounts that are held.
        quarantines: refused frames by account.
        environments: what the sessions of an environment share, by its name.
    """

    def __init__(  # noqa: PLR0913 - the parts it reads
        self,
        exchange: str,
        *,
        bus: Bus,
        outlet: Outlet,
        meters: Meters,
        tenancies: Callable[[], Iterable[Tenancy]],
        quarantines: Mapping[Account, Quarantine],
        environments: Mapping[str, Environment],
    ) -> None:
        self._exchange = exchange
        self._bus = bus
        self._outlet = outlet
        self._meters = meters
        self._tenancies = tenancies
        self._quarantines = quarantines
        self._environments = environments

    # -- readiness

    def accounts_obstacle(self) -> str | None:
        """Return how many accounts are still on the way to their first or next connection, None if none is.

        One whose key is refused, or that was given up for a while, waits for a person or the venue: it is settled.
        """
        sessions = [tenancy.session for tenancy in self._tenancies()]
        unsettled = sum(not _is_settled(session) for session in sessions)
        return f"{unsettled} of {len(sessions)} accounts are not settled yet" if unsettled else None

    # -- metrics

    def __call__(self, into: Measures) -> Iterator[None]:
        """Say everything, account by account."""
        now_ns = time.time_ns()
        into.put(names.BROKER_UP, float(self._bus.is_connected))
        self._measure_outlet(into)
        for tenancy in list(self._tenancies()):
            self._measure_account(into, tenancy, now_ns)
            yield
        for account, meter in list(self._meters.connections.items()):
            labels = account.exchange, account.environment, account.user
            into.put(names.CONNECTION_ATTEMPTS, meter.attempts, *labels)
            into.put(names.CONNECTION_SUCCESSES, meter.successes, *labels)
            into.put(names.CONNECTION_LOSSES, meter.losses, *labels)
            into.put(names.CONNECTION_REFUSALS, meter.refusals, *labels)
            into.put(names.CONNECTION_RECEIVING, meter.received_s(now_ns), *labels)
            yield
        for account, quarantine in list(self._quarantines.items()):
            self._measure_quarantine(into, account, quarantine)
            yield
        for name, environment in list(self._environments.items()):
            self._measure_environment(into, name, environment)
        for name, durations in list(self._meters.caught_up.items()):
            into.put(names.RECONCILE_DURATION, Distribution(durations.snapshot()), self._exchange, name)

    def _measure_outlet(self, into: Measures) -> None:
        publisher = self._outlet.publisher
        into.put(names.QUEUE_DEPTH, publisher.queued_count, "memory")
        into.put(names.QUEUE_DEPTH, publisher.in_flight_count, "in_flight")
        into.put(names.QUEUE_DEPTH, self._outlet.journal_count, "journal")
        spillway = self._outlet.spillway
        into.put(names.SPILLED, 0 if spillway is None else spillway.spilled_count)
        into.put(names.QUEUE_WAIT, max(publisher.longest_wait_s, self._outlet.journal_wait_s))
        measure_publisher(into, publisher)

    @staticmethod
    def _measure_account(into: Measures, tenancy: Tenancy, now_ns: int) -> None:
        account, session = tenancy.account, tenancy.session
        labels = account.exchange, account.environment, account.user
        now = session.snapshot()
        into.put(names.CONNECTION_UP, float(session.is_receiving), *labels)
        for state in ConnectionState:
            into.put(names.CONNECTION_STATE, float(state is now.state), *labels, state)
        into.put(names.CONNECTION_UPTIME, now.uptime_s(now_ns), *labels)
        into.put(names.CONNECTION_POLLED, float(now.polling_since_ns is not None), *labels)
        into.put(names.KEY_TROUBLE, float(now.key_trouble is not None), *labels)
        into.put(names.BREAKER, _BREAKER[now.breaker], *labels)
        into.put(names.LEASE_HELD, float(tenancy.is_held), *labels)
        missing_ns = now_ns if now.missing_since_ns is None else now.missing_since_ns
        into.put(names.MISSING_AGE, max(0, now_ns - missing_ns) / _NS, *labels)
        progress = session.progress
        into.put(names.UNSETTLED_ORDERS, progress.unsettled_count, *labels)
        into.put(names.UNSETTLED_AGE, progress.unsettled_s, *labels)
        into.put(names.EVENTS_PUBLISHED, progress.published_count, *labels)
        into.put(names.EVENTS_LOST, progress.lost_count, *labels)

    @staticmethod
    def _measure_quarantine(into: Measures, account: Account, quarantine: Quarantine) -> None:
        venue = account.exchange, account.environment
        for code, count in quarantine.counts.items():
            into.put(names.FRAMES_REFUSED, count, *venue, account.user, code)
            into.put(names.FRAMES_DROPPED, quarantine.dropped_counts[code], *venue, account.user, code)
        for error_class in ErrorClass:  # 0 as well: what begins above 0 has no increase
            into.put(names.PARSE_ERRORS, quarantine.class_counts[error_class], *venue, error_class)

    def _measure_environment(self, into: Measures, name: str, environment: Environment) -> None:
        offset_ns = environment.reference.clock_offset_ns
        if offset_ns is not None:
            into.put(names.CLOCK_OFFSET, offset_ns / _NS, self._exchange, name)
        into.put(names.RATE_HEADROOM, environment.rest.headroom, self._exchange, name)
        into.put(names.VENUE_QUIET, environment.ban.connects_in_s, self._exchange, name)


def _is_settled(session: Session) -> bool:
    """Return whether a connection is where it stays until a person or the venue acts."""
    if session.is_receiving or session.state is ConnectionState.AUTH_FAILED:
        return True
    # Given up after some attempts; before the first one it is on its way.
    return session.state is ConnectionState.DISCONNECTED and session.snapshot().attempt > 0
