"""One account's connection for as long as bots want it: made, held, made again, told of; never given up silently."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fillwire.domain.alert_names import KEY_REFUSED, KEY_UNREADABLE
from fillwire.domain.enums import BreakerState, ConnectionState
from fillwire.domain.errors import (
    AuthRejected,
    ConfigError,
    ConnectionLost,
    Disposition,
    FillwireError,
    Throttled,
    VenueError,
)
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.domain.readings import FrameReading, ReadingOutcome
from fillwire.gateway.access import Access
from fillwire.gateway.account_status import AccountStatus
from fillwire.gateway.connector import Connector, Steps, wait_s
from fillwire.gateway.dealing import Dealing
from fillwire.gateway.detection import Detection
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.naming import Naming
from fillwire.gateway.pipeline import Pipeline, Progress
from fillwire.gateway.polling import Poller
from fillwire.gateway.rereading import read_again
from fillwire.gateway.surroundings import Environment, Surroundings
from fillwire.runtime.backoff import Backoff
from fillwire.runtime.breaker import Breaker
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel
from fillwire.venues.states import Step
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueKey

if TYPE_CHECKING:
    from fillwire.gateway.link import Link

_log = get_log(__name__)

NO_BOT = "no bot listens to this account"
SWITCHED_OFF = "live detection is switched off: REST is asked instead"
# A connection that lived this long has proven itself: its loss begins a new series of attempts.
PROVEN_S = 10.0
_STRICTEST = (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)


class Session:
    """Holds one account's connection from `start` to `stop`.

    A lost connection is made again with growing waits. After as many failures in a row as the policy allows, the
    account's circuit breaker opens: the state is `disconnected` and an alert is raised. From then on one attempt is made
    now and again, for venues come back. A refused key is tried again only when it has changed. Where the venue ends
    connections by age or announces it, the successor is receiving before the old one closes.

    Args:
        account: whose connection.
        around: what all sessions share.
        environment: returns what the sessions of the account's environment share; may raise `ConfigError`.
        pipeline: takes what the connection brings.
        key: the account's key, None if there is none.
        pairs: those that bots listen to.
        naming: where the venue gives orders names of its own.

    Attributes:
        dealing: hands orders to the connection.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - whose, with what, by which key, for how many
        self,
        account: Account,
        around: Surroundings,
        environment: Callable[[], Environment],
        pipeline: Pipeline,
        key: VenueKey | None,
        pairs: frozenset[str],
        naming: Naming | None = None,
    ) -> None:
        policy = around.policy
        self.account = account
        self._around = around
        self._pipeline = pipeline
        self._naming = naming
        self._live: Link | None = None
        self._is_polled = False
        self._connector = Connector(account, around, pipeline, self._note_throttling)
        self._connector.on_key_refused = self._note_key_refused
        self._access = Access(account, around.venue, environment, key, self._connector.attach)
        self._status = AccountStatus(
            account,
            around.gateway,
            around.reporter,
            standing=lambda: pipeline.standing,
            breaker=self._breaker_state,
            clock_offset_ns=lambda: self._access.clock_offset_ns,
            last_event_time_ns=lambda: self._connector.last_event_time_ns,
            outlet=around.outlet,
            meter=around.meters.connections[account],
        )
        self._status.pairs = len(pairs)
        self._connector.use_pairs(pairs)
        self.dealing = Dealing(account, self._access, self._status, pipeline, lambda: self._live)
        self._poller = Poller(account, policy.poll_interval_s, self._poll, self._note_polling)
        self._detection = Detection(
            policy.lost_after_s,
            lambda reason: around.reporter.alert_detection_lost(account, reason),
            lambda reason: around.reporter.alert(account, KEY_REFUSED, reason),
            self._poller if policy.polls else None,
        )
        self._backoff = Backoff.from_policy(policy.reconnect, around.random)
        retries = policy.reconnect.max_retries
        self._breaker = Breaker(None if retries is None else retries + 1)
        self._proving: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        pipeline.on_standing = self._status.tell

    # -- life

    def start(self) -> None:
        """Begin to connect."""
        self._status.start()
        work = self._stream() if self._around.policy.streams else self._only_poll()
        self._task = self._loop.create_task(work, name=f"session {self.account}")

    async def stop(self, reason: str) -> None:
        """Close the connection and tell why; requests under way are answered first, or as unknown. Idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        self._live = None  # no new requests from here on
        self._is_polled = False
        await cancel(task)
        self._detection.stop()
        await self._poller.stop()
        await self._connector.close()
        await self._pipeline.stop()
        if self._naming is not None:
            await self._naming.stop()
        if self._access.environment is not None:
            self._connector.detach(self._access.environment)
        self._status.stop()
        self._status.connected_since_ns = None
        self._status.polling_since_ns = None
        self._status.take_if_allowed(Step.CLOSED, reason)

    def use_key(self, key: VenueKey | None) -> None:
        """Take the account's key as it is now; None if it has none any more.

        A connection that stands is succeeded by one with the new key, and goes on while there is none or the venue
        refuses it. A refused key is tried again only when it differs.
        """
        if key != self._access.offered and self._status.key_refusal is not None:
            self._status.key_refusal = None
            self._status.tell()
        self._access.offer(key)
        if self._live is None:
            self._access.take()

    def note_key_trouble(self, trouble: str | None) -> None:
        """Tell why the account's key is not what its files say, once; None if it is."""
        if trouble == self._status.key_trouble:
            return
        self._status.key_trouble = trouble
        if trouble is not None:
            self._around.reporter.alert(self.account, KEY_UNREADABLE, trouble)
        self._status.tell()

    def _note_key_refused(self, reason: str) -> None:
        """Tell that a new key is refused, while the connection with the one before goes on."""
        told = self._status.key_refusal = f"the new key is refused, the one before stays in use: {reason}"
        self._around.reporter.alert(self.account, KEY_REFUSED, told)
        self._status.tell()

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Take which pairs bots listen to now."""
        self._connector.use_pairs(pairs)
        if len(pairs) != self._status.pairs:
            self._status.pairs = len(pairs)
            self._status.refresh()

    @property
    def state(self) -> ConnectionState:
        """Where the connection is in its life."""
        return self._status.state

    @property
    def is_receiving(self) -> bool:
        """Whether the account's events come in: by a stream or, at an exchange without one, by polls."""
        return self._live is not None or self._is_polled

    @property
    def progress(self) -> Progress:
        """How far the account's events have come."""
        return self._pipeline.progress

    def snapshot(self) -> ConnectionEvent:
        """Return the state as it is now, as a refresh."""
        return self._status.snapshot()

    # -- what is asked of the account

    async def records(self) -> tuple[Inquiry, SymbolTable]:
        """Return what `Access.records` does, unless the venue has refused the key.

        Raises:
            VenueError: the venue does not answer, or refuses the key.
            ConfigError: there is no key, or none of this venue.
        """
        if self._status.state is ConnectionState.AUTH_FAILED:  # a refused key is not tried again
            raise AuthRejected(
                self.account.exchange, f"not asked: {self._status.reason or 'the key is refused'}"
            )
        return await self._access.records()

    async def read_again(self, frame: bytes, received_time_ns: int) -> FrameReading:
        """Read a frame that was refused once; its events take their usual way.

        Raises:
            BrokerError: the log cannot be read.
        """
        environment = self._access.environment
        if self._live is None or environment is None or self._access.key is None:
            reason = f"not read: the connection is {self._status.state}"
            return FrameReading(outcome=ReadingOutcome.FAILED, reason=reason)
        return await read_again(frame, received_time_ns, self._access.keyed(), environment, self._pipeline)

    # -- the connection

    def _note_throttling(self, error: Throttled) -> None:
        self.dealing.note_throttling(error)

    async def _stream(self) -> None:
        """Connect for ever."""
        self._detection.interrupted("connecting")
        await self._recall()
        while True:
            ticket = await self._admitted()
            self._access.take()  # as it is now: it may have been replaced meanwhile
            key = self._access.key
            try:
                await self._connect_and_hold(key, ticket)
            except (AuthRejected, ConfigError) as error:
                self._lose_sight()
                self._breaker.abandoned(ticket)
                await self._await_key(error, key)
            except VenueError as error:
                await self._recover(error, ticket)
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not leave the account without detection
                _log.error("session_failed", account=str(self.account), error=error)
                reason = f"internal error: {type(error).__name__}: {error}"
                await self._recover(ConnectionLost(self.account.exchange, reason), ticket)

    async def _recall(self) -> None:
        """Read how the account was left, before anything new is told of it."""
        await self._pipeline.recall()
        if self._naming is not None:
            await self._naming.start()

    async def _admitted(self) -> int:
        """Wait until the account's breaker lets an attempt through."""
        while True:
            ticket = self._breaker.admit(self._loop.time())
            if ticket is not None:
                return ticket
            await asyncio.sleep(self._breaker.wait_s(self._loop.time()))

    async def _connect_and_hold(self, key: VenueKey | None, ticket: int) -> None:
        """Connect, and hold the connection and its successors until one is lost without; raises why."""
        venue_account = self._access.keyed()
        environment = self._access.found()
        steps = Steps(
            waits=self._wait_for_others,
            begins=self._begin,
            opened=lambda: self._status.take(Step.OPENED),
            authenticated=self._authenticated,
        )
        link = await self._connector.open(venue_account, environment, steps)
        self._access.key = key  # should another have been offered meanwhile, it is the successor's
        self._status.attempt = 0
        self._status.connected_since_ns = time.time_ns()
        self._detection.restored()
        self._status.take(Step.SUBSCRIBED)
        self._proving = self._loop.call_later(PROVEN_S, self._prove, ticket)
        while True:
            self._live = link
            link = await self._connector.succeed(link, self._access, environment)

    def _wait_for_others(self, reason: str) -> None:
        self._detection.interrupted(reason)
        self._status.take_if_allowed(Step.HELD, reason)

    def _begin(self) -> None:
        self._status.attempt += 1
        self._status.take(Step.OPEN)

    def _authenticated(self) -> None:
        self._status.take(Step.AUTHENTICATED)
        self._detection.returning()

    def _prove(self, ticket: int) -> None:
        """Note that a connection has lived for a while."""
        self._breaker.succeeded(ticket)
        self._backoff.reset()
        self._detection.proven()
        self._status.refresh()

    def _breaker_state(self) -> BreakerState:
        own = self._breaker.state(self._loop.time())
        environment = self._access.environment
        venue = BreakerState.CLOSED if environment is None else environment.admission.state
        return min(own, venue, key=_STRICTEST.index)

    # -- after a loss

    def _lose_sight(self) -> None:
        """Note that there is no connection."""
        self._live = None
        if self._proving is not None:
            self._proving.cancel()
            self._proving = None
        self._pipeline.lost()
        self._status.connected_since_ns = None
        self._status.key_refusal = None  # what becomes of the new key from here on is the connection's state

    async def _recover(self, error: VenueError, ticket: int) -> None:
        """Tell of a loss and wait before the next attempt."""
        self._lose_sight()
        pause_s = self._around.policy.max_delay_s
        now_s = self._loop.time()
        is_final = error.disposition is Disposition.STOP
        if is_final:
            self._breaker.trip(now_s, pause_s)
        if is_final or self._breaker.failed(ticket, now_s, pause_s):
            reason = str(error) if is_final else f"gave up after {self._status.attempt} attempts: {error}"
            self._status.take_if_allowed(Step.LOST, str(error))
            self._detection.lost(reason)
            self._status.take_if_allowed(Step.GAVE_UP, reason)
            await asyncio.sleep(wait_s(error, pause_s))
        else:
            self._status.take_if_allowed(Step.LOST, str(error))
            self._detection.interrupted(str(error))
            await asyncio.sleep(wait_s(error, self._backoff.next_delay_s() or 0.0))

    async def _await_key(self, error: FillwireError, key: VenueKey | None) -> None:
        """Tell that the key is refused, or that there is none, and wait for another."""
        self._detection.refused(str(error))
        self._status.take_if_allowed(Step.REFUSED, str(error))
        await self._access.other_key(key)
        self._access.take()

    # -- without a stream

    async def _only_poll(self) -> None:
        """Ask REST for ever; for an exchange at which live detection is switched off."""
        await self._recall()
        while True:
            key = self._access.key
            self._status.take_if_allowed(Step.CLOSED)
            self._status.polling_since_ns = time.time_ns()
            self._status.take(Step.HELD, SWITCHED_OFF)
            try:
                await self._poller.run()
            except (AuthRejected, ConfigError) as error:
                self._status.polling_since_ns = None
                self._is_polled = False
                await self._await_key(error, key)

    async def _poll(self) -> None:
        # It may wait for long: for its turn at the venue, which may want no questions for an hour, or for the broker.
        blind = self._loop.call_later(self._around.policy.lost_after_s, self._note_blind)
        is_polled = False
        try:
            await self._pipeline.poll(*await self._access.records())
            is_polled = True
        finally:  # who cannot ask is blind until it can
            blind.cancel()
            self._is_polled = is_polled and not self._around.policy.streams
        self._status.refresh()

    def _note_blind(self) -> None:
        self._is_polled = False

    def _note_polling(self, since_ns: int | None) -> None:
        self._status.polling_since_ns = since_ns
        self._status.tell()
