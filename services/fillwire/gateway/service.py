"""The gateway of one exchange: everything wired, started and stopped in order."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from random import Random, SystemRandom
from uuid import uuid4

import aiohttp

from fillwire.bus.buckets import DESIRED, LEASES, PLACEMENTS, STATUS, Bucket
from fillwire.bus.claim import Claim
from fillwire.bus.connection import Bus
from fillwire.bus.leases import Leases
from fillwire.domain.alert_names import CLOCK_SKEWED, EXECUTIONS_MISSING, FRAMES_REFUSED
from fillwire.domain.errors import ConfigError, PublishError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.gateway.account_log import AccountLog
from fillwire.gateway.accounts import KEYS_REFRESH_S, Accounts
from fillwire.gateway.backlog import Backlog
from fillwire.gateway.clock_watch import ClockWatch
from fillwire.gateway.commands import Commands
from fillwire.gateway.desired import Desired
from fillwire.gateway.keys import Keys
from fillwire.gateway.measuring import GatewayMeasures
from fillwire.gateway.naming import Naming
from fillwire.gateway.outlet import Outlet
from fillwire.gateway.ownership import Owner, Ownership, OwnershipPolicy
from fillwire.gateway.peers import Beat
from fillwire.gateway.pipeline import Pipeline
from fillwire.gateway.placements import Placements
from fillwire.gateway.presence import Presence
from fillwire.gateway.publication import Publication
from fillwire.gateway.quarantine import Quarantine
from fillwire.gateway.queries import Queries
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.gateway.refusals import Refusals
from fillwire.gateway.reporting import Reporter
from fillwire.gateway.resolving import Resolving
from fillwire.gateway.rest import RestClient
from fillwire.gateway.session import Session
from fillwire.gateway.stores import Stores
from fillwire.gateway.surroundings import ConnectionPolicy, Environment, Surroundings
from fillwire.gateway.tenancy import Tenancy
from fillwire.gateway.valve import Valve
from fillwire.gateway.voice import Voice
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings import AccountsRead, Settings
from fillwire.runtime.supervision import Supervisor
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.registry import venue
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import HoldsOneConnection, RenamesOrders

_log = get_log(__name__)

PUBLISH_DEADLINE_S = 10.0
CAPACITY = 65_536
STOPPED = "the gateway stopped"


class Gateway:
    """Holds the connections of one exchange's accounts that bots want: `async with gateway.running(bus)`.

    Args:
        settings: the configuration.
        exchange: which exchange.
        name: of this process.
        telemetry: counts and traces fills.
        load: reads the accounts anew, for keys that were replaced.
        linger_s: an account without bots stays connected for so long, in seconds; None for the settings' own.
        keys_refresh_s: time between two looks whether keys were replaced, in seconds.
        capacity: events that may wait for the broker before sockets are no longer read.
        reconciling: how the log is kept in step with the venue's records; None for the settings' own.
        sharing: how accounts are shared with other gateways of the exchange; None for the settings' own.

    Raises:
        ConfigError: the exchange is unknown or switched off, an address of an account with a key cannot be used, or leases
            are too short for orders.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        settings: Settings,
        exchange: str,
        *,
        name: str,
        telemetry: FillTelemetry,
        load: Callable[[], AccountsRead],
        linger_s: float | None = None,
        keys_refresh_s: float = KEYS_REFRESH_S,
        capacity: int = CAPACITY,
        reconciling: ReconcilePolicy | None = None,
        sharing: OwnershipPolicy | None = None,
    ) -> None:
        self._settings = settings
        self._venue = venue(exchange)
        self._exchange = exchange
        self._name = name
        self._telemetry = telemetry
        self._linger_s = settings.websocket.linger_ms / 1e3 if linger_s is None else linger_s
        self._keys_refresh_s = keys_refresh_s
        self._capacity = capacity
        self._reconciling = reconciling or ReconcilePolicy(
            audit_interval_s=settings.websocket.audit_interval_ms / 1e3
        )
        self._order_life_s = self._policy().order_timeout_s + self._venue.request_life_s
        self._sharing = replace(
            sharing or OwnershipPolicy.of(settings.gateway, self._order_life_s),
            overlaps=not isinstance(self._venue, HoldsOneConnection),
        )
        self._keys = Keys(settings, exchange, load)
        self._environments: dict[str, Environment] = {}
        self._supervisor: Supervisor | None = None
        self._accounts_obstacle: Callable[[], str | None] = lambda: "the gateway has not started"
        if not settings.is_websocket_enabled(exchange) and not settings.falls_back_to_polling(exchange):
            raise ConfigError(
                f"live detection at {exchange} is switched off by enabled or websocketEnabled: "
                "expected true, or fallbackToPolling"
            )
        for environment in sorted({account.environment for account in self._keys.accounts}):
            self._endpoints(environment)

    @property
    def accounts_with_key(self) -> frozenset[Account]:
        """The accounts that can be connected."""
        return self._keys.accounts

    @asynccontextmanager
    async def running(self, bus: Bus) -> AsyncIterator[None]:
        """Run inside the block. Streams and buckets are made where they are missing.

        At the end wishes are followed no longer, requests under way are answered, sockets closed, what was read is
        published within `PUBLISH_DEADLINE_S`, and the end is told.

        Args:
            bus: the connection to the broker; it stays open.

        Raises:
            BrokerError: no answer from the broker.
            ConfigError: the broker refuses a stream or bucket.
        """
        async with AsyncExitStack() as stack:
            await self._start(bus, stack)
            yield

    async def failed(self) -> None:
        """Wait until a part of the gateway has ended that must not; raises `PartFailed`."""
        if self._supervisor is not None:
            await asyncio.shield(self._supervisor.failed)

    async def _start(self, bus: Bus, stack: AsyncExitStack) -> None:  # noqa: PLR0915 - one part after the other
        """Start part by part, and leave on `stack` how each is stopped, in the reverse order."""
        stores = Stores(bus, self._settings.nats, escape_token(self._exchange))
        await stores.make()
        supervisor = self._supervisor = Supervisor()
        stack.callback(supervisor.close)
        tls = ssl.create_default_context()
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)))

        def keep_refused(error: PublishError, body: bytes) -> None:
            refusals.keep(error, body)

        outlet = await Outlet.open(
            bus, self._settings, self._exchange, capacity=self._capacity, on_refused=keep_refused
        )
        publisher = outlet.publisher
        stack.push_async_callback(self._flush, outlet)
        reporter = Reporter(publisher, Bucket(bus, STATUS))
        quarantines: dict[Account, Quarantine] = {}

        def quarantine(account: Account) -> Quarantine:
            found = quarantines.get(account)
            if found is None:
                alert = partial(reporter.alert, account, FRAMES_REFUSED)
                found = quarantines[account] = Quarantine(account, publisher, self._name, alert)
            return found

        refusals = Refusals(quarantine, reporter.alert)
        stack.callback(refusals.stop)
        reporter.start(supervisor)
        stack.push_async_callback(reporter.stop)
        backlog = Backlog(bus, outlet, reporter.alert_all)
        backlog.start(supervisor)
        stack.push_async_callback(backlog.stop)
        stack.push_async_callback(self._stop_references)
        desired = Desired(Bucket(bus, DESIRED), self._exchange)
        around = Surroundings(
            venue=self._venue,
            policy=self._policy(),
            valve=Valve(outlet),
            reporter=reporter,
            outlet=outlet,
            tls=tls,
            gateway=self._name,
            random=SystemRandom(),
        )

        woken = asyncio.Event()
        ownership = self._ownership(bus, around.random, woken.set)
        notes = Bucket(bus, PLACEMENTS)
        placements = Placements(notes, self._name, self._order_life_s)
        bus.on_reconnected(placements.look_again)
        stack.callback(bus.off_reconnected, placements.look_again)
        stores.start(supervisor, lambda: publisher.longest_wait_s, placements.note_lost, reporter.alert_all)
        stack.push_async_callback(stores.stop)

        def make_tenancy(account: Account, pairs: frozenset[str]) -> Tenancy:
            claim = ownership.claim(account)
            voice = Voice(reporter, account, lambda: claim.fence)

            def environment() -> Environment:
                return self._environment(account.environment, http, reporter)

            async def fetch_symbols() -> SymbolTable:
                return await environment().reference.fetch_symbols()

            log = AccountLog(bus, account)
            pipeline = Pipeline(
                Publication(
                    account,
                    publisher,
                    self._telemetry,
                    partial(self._clock_offset_ns, account),
                    outlet.spillway,
                ),
                quarantine(account),
                fetch_symbols,
                log,
                self._reconciling,
                room=around.valve.wait_room,
                pairs=lambda: desired.pairs(account) or (),
                alert=partial(voice.alert, account, EXECUTIONS_MISSING),
            )
            session = Session(
                account,
                replace(around, reporter=voice),
                environment,
                pipeline,
                self._keys.get(account),
                pairs,
                self._naming(notes, account),
            )
            commands = self._commands(session, pipeline, log, placements, claim)
            return Tenancy(bus, session, voice, claim, commands)

        await ownership.start(supervisor)
        stack.push_async_callback(ownership.stop)
        accounts = Accounts(
            make_tenancy,
            ownership,
            self._keys,
            desired.pairs,
            woken,
            linger_s=self._linger_s,
            keys_refresh_s=self._keys_refresh_s,
        )
        self._measure(bus, outlet, around, accounts, quarantines, stack)
        accounts.start(supervisor)
        stack.push_async_callback(accounts.stop, STOPPED)
        stack.push_async_callback(desired.stop)
        await desired.start(accounts.change)
        _log.info("gateway_started", gateway=self._name, exchange=self._exchange)

    def _measure(  # noqa: PLR0913, PLR0917 - the parts that are read
        self,
        bus: Bus,
        outlet: Outlet,
        around: Surroundings,
        accounts: Accounts,
        quarantines: Mapping[Account, Quarantine],
        stack: AsyncExitStack,
    ) -> None:
        """Say in numbers how the gateway is, until it is stopped."""
        measures = GatewayMeasures(
            self._exchange,
            bus=bus,
            outlet=outlet,
            meters=around.meters,
            tenancies=lambda: accounts.tenancies,
            quarantines=quarantines,
            environments=self._environments,
        )
        self._telemetry.metrics.add(measures)
        stack.callback(self._telemetry.metrics.remove, measures)
        self._accounts_obstacle = measures.accounts_obstacle

    def accounts_obstacle(self) -> str | None:
        """Return what keeps the gateway from being ready, None if nothing does; see `GatewayMeasures`."""
        return self._accounts_obstacle()

    def _ownership(self, bus: Bus, random: Random, on_change: Callable[[], None]) -> Ownership:
        """Return what shares the accounts with the other gateways of the exchange."""
        policy = self._sharing
        owner = Owner(self._name, uuid4().hex)
        presence = Presence(
            bus,
            self._exchange,
            Beat(
                gateway=owner.gateway,
                instance=owner.instance,
                is_reserve=self._settings.gateway.reserve,
            ),
            beat_s=policy.beat_s,
            doubt_s=policy.doubt_s,
            accounts=lambda: self._keys.accounts,
            on_change=on_change,
        )
        leases = Leases(Bucket(bus, LEASES), owner.encode(), ttl_s=policy.lease_s)
        return Ownership(owner, self._exchange, leases, presence, policy, random, on_change)

    def _commands(
        self, session: Session, pipeline: Pipeline, log: AccountLog, placements: Placements, claim: Claim
    ) -> Commands:
        timeout_s = self._policy().order_timeout_s
        queries = Queries(session.account, session.records, pipeline.known, placements, timeout_s)
        return Commands(
            session,
            placements,
            queries,
            Resolving(session.account, queries, log, placements, timeout_s),
            claim,
            order_life_s=self._order_life_s,
            telemetry=self._telemetry,
        )

    def _naming(self, notes: Bucket, account: Account) -> Naming | None:
        names = self._venue
        return (
            Naming(notes, account, names.order_names(account)) if isinstance(names, RenamesOrders) else None
        )

    def _policy(self) -> ConnectionPolicy:
        return ConnectionPolicy.of(self._settings, self._exchange)

    def _endpoints(self, environment: str) -> Endpoints:
        addresses = self._settings.exchange(self._exchange).addresses(environment)
        return self._venue.endpoints(environment, addresses.websocket_url, addresses.rest_url)

    def _environment(self, name: str, http: aiohttp.ClientSession, reporter: Reporter) -> Environment:
        """Return what the sessions of an environment share, made for the first of them."""
        found = self._environments.get(name)
        if found is None:
            endpoints = self._endpoints(name)
            if endpoints.warning is not None:
                _log.warning("endpoint_replaced", environment=name, reason=endpoints.warning)
            rest = RestClient(http, self._exchange, endpoints.rest_url)
            if self._supervisor is None:
                raise AssertionError("sessions are made by a gateway that has started")
            found = Environment.of(name, endpoints, self._venue, self._policy(), rest, SystemRandom())
            watch = ClockWatch(partial(reporter.alert_all, CLOCK_SKEWED, environment=name))
            found.reference.on_clock.append(watch.note)
            found.reference.start(self._supervisor)
            self._environments[name] = found
        return found

    def _clock_offset_ns(self, account: Account) -> int | None:
        return self._environments[account.environment].reference.clock_offset_ns

    async def _stop_references(self) -> None:
        await asyncio.gather(*(found.reference.stop() for found in self._environments.values()))

    async def _flush(self, outlet: Outlet) -> None:
        left = await outlet.close(PUBLISH_DEADLINE_S)
        if left:
            kept = (
                "they are in the journal" if outlet.spillway else "they are fetched again by the next start"
            )
            _log.error("events_left", count=left, reason=f"not acknowledged before the end: {kept}")
        _log.info(
            "gateway_stopped",
            gateway=self._name,
            published=outlet.publisher.acknowledged_count,
            duplicates=outlet.publisher.duplicate_count,
        )
