"""One account's connection for as long as bots want it: made, held, made again, told of; never given up silently."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from fillwire.domain.enums import ConnectionState
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
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.link import Link
from fillwire.gateway.pipeline import Pipeline
from fillwire.gateway.supervision import cancel
from fillwire.gateway.surroundings import Environment, Surroundings
from fillwire.runtime.backoff import Backoff
from fillwire.runtime.logs import get_log
from fillwire.venues.states import ConnectionLife, Step
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueAccount, VenueKey

_log = get_log(__name__)

NO_BOT = "no bot listens to this account"
# A connection that lived this long has proven itself: its loss begins a new series of attempts.
PROVEN_S = 10.0


class Session:
    """Holds one account's connection from `start` to `stop`.

    A lost connection is made again with growing waits. After as many failures as the policy allows in a row the state
    is `disconnected` and an alert is raised; from then on one attempt is made now and again, for venues come back. A
    refused key is tried again only when it has changed. Where the venue ends connections by age or announces it, the
    successor is receiving before the old one closes.

    Args:
        account: whose connection.
        around: what all sessions share.
        environment: returns what the sessions of the account's environment share; may raise `ConfigError`.
        pipeline: takes what the connection brings.
        key: the account's key, None if there is none.
        pairs: how many pairs bots listen to.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - whose, with what, by which key, for how many
        self,
        account: Account,
        around: Surroundings,
        environment: Callable[[], Environment],
        pipeline: Pipeline,
        key: VenueKey | None,
        pairs: int,
    ) -> None:
        self.account = account
        self._around = around
        self._find_environment = environment
        self._environment: Environment | None = None
        self._pipeline = pipeline
        self._key = key
        self._key_changed = asyncio.Event()
        self._pairs = pairs
        self._life = ConnectionLife(account)
        self._links: set[Link] = set()
        self._live: Link | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._attempt = 0
        self._connected_since_ns: int | None = None
        self._last_event_time_ns: int | None = None
        self._last_told_ns = 0
        self._is_alerted = False
        self._backoff = Backoff.from_policy(around.policy.reconnect, around.random)
        self._task: asyncio.Task[None] | None = None
        pipeline.on_standing = self._tell_standing

    # -- life

    def start(self) -> None:
        """Begin to connect."""
        self._around.reporter.add(self.account, self.snapshot)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"session {self.account}")

    async def stop(self, reason: str) -> None:
        """Close the connection and tell why; requests under way are answered first, or as unknown. Idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        self._live = None  # no new requests from here on
        await cancel(task)
        drain_s = self._around.policy.order_timeout_s
        await asyncio.gather(*(link.close(drain_s) for link in self._links), *self._retiring)
        await self._pipeline.stop()
        self._detach()
        self._around.reporter.remove(self.account)
        self._connected_since_ns = None
        if self._life.allows(Step.CLOSED):
            self._take(Step.CLOSED, reason)

    def use_key(self, key: VenueKey | None) -> None:
        """Connect with this key from the next attempt on; a refused key is tried again only when it differs."""
        if key != self._key:
            self._key = key
            self._key_changed.set()

    def use_pairs(self, pairs: int) -> None:
        """Take how many pairs bots listen to now."""
        if pairs != self._pairs:
            self._pairs = pairs
            self._around.reporter.refresh(self.account)

    @property
    def state(self) -> ConnectionState:
        """Where the connection is in its life."""
        return self._life.state

    @property
    def is_receiving(self) -> bool:
        """Whether requests of bots reach the venue."""
        return self._live is not None

    def snapshot(self) -> ConnectionEvent:
        """Return the state as it is now, as a refresh."""
        return self._event(self._life.state)

    # -- what bots ask

    async def place(self, request: OrderRequest, *, may_exist: bool) -> TradeOrder:
        """Return what the venue answers to an order; see `VenueProtocol.place_order`."""
        if self._live is None:
            return self._not_sent(request, None)
        return await self._live.place(request, may_exist=may_exist)

    async def cancel(self, request: CancelRequest) -> TradeOrder:
        """Return what the venue answers to a cancellation."""
        if self._live is None:
            return self._not_sent(request, request.order_id)
        return await self._live.cancel(request)

    def _not_sent(self, request: OrderRequest | CancelRequest, order_id: str | None) -> TradeOrder:
        why = f": {self._life.reason}" if self._life.reason else ""
        return TradeOrder(
            outcome=Outcome.REJECTED,
            pair=request.pair,
            client_order_id=request.client_order_id,
            order_id=order_id,
            reason=f"not sent: the connection is {self._life.state}{why}",
        )

    # -- what is told

    def _take(self, step: Step, reason: str | None = None) -> None:
        previous = self._life.state
        self._life.take(step, reason)
        self._around.reporter.report(self._event(previous))

    def _tell_standing(self) -> None:
        """Tell that the log is in step with the venue's records again, or no longer; the connection is as it was."""
        self._around.reporter.report(self._event(self._life.state))

    def _event(self, previous: ConnectionState) -> ConnectionEvent:
        # Readers drop what is not newer than what they have.
        self._last_told_ns = max(time.time_ns(), self._last_told_ns + 1)
        self._note_last_event()
        account, environment, standing = self.account, self._environment, self._pipeline.standing
        return ConnectionEvent(
            user=account.user,
            exchange=account.exchange,
            environment=account.environment,
            state=self._life.state,
            previous_state=previous,
            reason=self._life.reason,
            attempt=self._attempt,
            subscription_count=self._pairs,
            connected_since_ns=self._connected_since_ns,
            last_event_time_ns=self._last_event_time_ns,
            clock_offset_ns=None if environment is None else environment.reference.clock_offset_ns,
            gateway=self._around.gateway,
            time_ns=self._last_told_ns,
            reconciled_ns=standing.reconciled_ns,
            missing_since_ns=standing.missing_since_ns,
        )

    def _note_last_event(self) -> None:
        for link in self._links:
            if link.last_event_time_ns is not None:
                self._last_event_time_ns = max(self._last_event_time_ns or 0, link.last_event_time_ns)

    def _alert(self, reason: str) -> None:
        """Alert once for each time that detection is lost."""
        if not self._is_alerted:
            self._is_alerted = True
            self._around.reporter.alert_detection_lost(self.account, reason)

    # -- what the gateway learns elsewhere

    def _attach(self) -> Environment:
        if self._environment is None:
            self._environment = self._find_environment()
            self._environment.reference.on_symbols.append(self._use_symbols)
            self._environment.reference.on_clock.append(self._use_clock)
        return self._environment

    def _detach(self) -> None:
        if self._environment is not None:
            self._environment.reference.on_symbols.remove(self._use_symbols)
            self._environment.reference.on_clock.remove(self._use_clock)

    def _use_symbols(self, symbols: SymbolTable) -> None:
        self._pipeline.use_symbols(symbols)
        for link in self._links:
            link.use_symbols(symbols)

    def _use_clock(self, offset_ns: int) -> None:
        for link in self._links:
            link.use_clock(offset_ns)

    # -- the connection

    async def _run(self) -> None:
        await self._pipeline.recall()
        while True:
            key = self._key
            try:
                await self._connect_and_hold(self._keyed(key))
            except (AuthRejected, ConfigError) as error:
                await self._await_key(error, key)
            except VenueError as error:
                await self._recover(error)
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not leave the account without detection
                _log.error("session_failed", account=str(self.account), error=error)
                reason = f"internal error: {type(error).__name__}: {error}"
                await self._recover(ConnectionLost(self.account.exchange, reason))

    def _keyed(self, key: VenueKey | None) -> VenueAccount:
        if key is None:
            raise ConfigError(f"no key for {self.account}: expected one in accounts or in credentialsDir")
        environment = self._attach()
        return self._around.venue.account(self.account, key, environment.endpoints)

    async def _connect_and_hold(self, venue_account: VenueAccount) -> None:
        """Connect, and hold the connection and its successors until one is lost without; raises why."""
        self._attempt += 1
        self._take(Step.OPEN)
        link = await self._open(venue_account, is_successor=False)
        loop = asyncio.get_running_loop()
        opened_s = loop.time()
        self._attempt = 0
        self._is_alerted = False
        self._connected_since_ns = time.time_ns()
        self._take(Step.SUBSCRIBED)
        try:
            while True:
                self._live = link
                successor = await self._hold(link, venue_account)
                self._retire(link)
                link = successor
        finally:
            if loop.time() - opened_s >= PROVEN_S:
                self._backoff.reset()

    async def _open(self, venue_account: VenueAccount, *, is_successor: bool) -> Link:
        """Return a connection whose stream the venue has acknowledged.

        Raises:
            VenueError: it could not be made; nothing is left of it.
        """
        around, environment = self._around, self._attach()
        symbols = await environment.reference.ready()
        await around.valve.wait_open()
        await around.budget.wait()
        link = Link(
            venue=self.account.exchange,
            protocol=venue_account.protocol(
                symbols=symbols,
                limits=around.policy.limits(around.venue.lifetime_s, around.random),
                clock_offset_ns=environment.reference.clock_offset_ns or 0,
                dialled_ns=time.time_ns(),
            ),
            intake=self._pipeline,
            valve=around.valve,
            explain=around.venue.error,
            on_opened=_ignore if is_successor else lambda: self._take(Step.OPENED),
            on_authenticated=_ignore if is_successor else lambda: self._take(Step.AUTHENTICATED),
            on_clock=lambda offset_ns, _: environment.reference.use_clock(offset_ns),
        )
        self._links.add(link)
        link.ended.add_done_callback(lambda _: self._forget(link))
        try:
            url = environment.endpoints.websocket_url
            tls = around.tls if url.startswith("wss:") else None
            await link.connect(url, around.policy.connect_timeout_s, tls)
            inquiry = Inquiry(
                around.venue,
                venue_account.records(),
                environment.rest,
                environment.weights,
                lambda: environment.reference.clock_offset_ns or 0,
            )
            await self._pipeline.catch_up(inquiry, symbols, is_successor=is_successor)
            link.require_live()
        except BaseException:
            link.driver.abort("not needed any more")
            self._forget(link)
            raise
        return link

    def _forget(self, link: Link) -> None:
        self._note_last_event()
        self._links.discard(link)

    async def _hold(self, link: Link, venue_account: VenueAccount) -> Link:
        """Wait until the connection is about to expire, and return its successor, which is receiving.

        Raises:
            VenueError: the connection ended first.
        """
        await _first(link.expiring, link.ended)
        link.require_live()
        _log.info("connection_expiring", account=str(self.account), reason=link.expiring.result())
        opening = asyncio.get_running_loop().create_task(
            self._succeed(venue_account), name=f"successor {self.account}"
        )
        try:
            await _first(opening, link.ended)
            if not opening.done():
                link.require_live()
            return opening.result()
        finally:
            await cancel(opening)

    async def _succeed(self, venue_account: VenueAccount) -> Link:
        """Return a second connection beside the live one, however many attempts it takes."""
        backoff = Backoff.from_policy(self._around.policy.reconnect, self._around.random)
        while True:
            try:
                return await self._open(venue_account, is_successor=True)
            except AuthRejected as error:
                # The live connection goes on with this key while the venue lets it, and tells when it ends.
                _log.warning("successor_refused", account=str(self.account), error=error)
                await asyncio.get_running_loop().create_future()
            except VenueError as error:
                _log.warning("successor_not_opened", account=str(self.account), error=error)
                await asyncio.sleep(self._wait_s(error, backoff.next_delay_s()))

    def _retire(self, link: Link) -> None:
        """Close a connection that has a successor, when the answers it owes have come."""
        task = asyncio.get_running_loop().create_task(
            link.close(self._around.policy.order_timeout_s), name=f"retire {self.account}"
        )
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    # -- after a loss

    async def _recover(self, error: VenueError) -> None:
        """Tell of a loss and wait before the next attempt."""
        self._live = None
        self._pipeline.lost()
        self._connected_since_ns = None
        if self._life.allows(Step.LOST):
            self._take(Step.LOST, str(error))
        is_final = error.disposition is Disposition.STOP
        delay_s = None if is_final else self._backoff.next_delay_s()
        if delay_s is None:
            reason = str(error) if is_final else f"gave up after {self._attempt} attempts: {error}"
            if self._life.allows(Step.GAVE_UP):
                self._take(Step.GAVE_UP, reason)
            self._alert(reason)
        await asyncio.sleep(self._wait_s(error, delay_s))

    async def _await_key(self, error: FillwireError, key: VenueKey | None) -> None:
        """Tell that the key is refused, or that there is none, and wait for another."""
        self._live = None
        self._pipeline.lost()
        self._connected_since_ns = None
        if self._life.allows(Step.REFUSED):
            self._take(Step.REFUSED, str(error))
        self._alert(str(error))
        while self._key == key:
            self._key_changed.clear()
            await self._key_changed.wait()

    def _wait_s(self, error: VenueError, delay_s: float | None) -> float:
        """Return how long to wait after `error`: as the backoff says, and no shorter than the venue asks for."""
        wait_s = self._around.policy.max_delay_s if delay_s is None else delay_s
        return max(wait_s, error.retry_after_s) if isinstance(error, Throttled) else wait_s


def _ignore() -> None:
    """Take no step: the account is receiving by another connection."""


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of `futures` is done."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
