"""An account's sockets: one is opened, held, succeeded before the venue ends it, and closed."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from fillwire.domain.errors import AuthRejected, ConfigError, ConnectionLost, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.gateway.access import Access
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.link import Link
from fillwire.gateway.pipeline import Pipeline
from fillwire.gateway.surroundings import Environment, Surroundings
from fillwire.runtime.backoff import Backoff
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel
from fillwire.venues.records import OrderRow
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import HoldsOneConnection, VenueAccount, VenueKey

_log = get_log(__name__)

_NS = 1_000_000_000


def _ignore(_reason: str = "") -> None:
    """Tell nobody: the account is receiving by another connection."""


class Steps(NamedTuple):
    """Who is told how an attempt to connect goes; nobody, where the account receives meanwhile.

    Attributes:
        waits: why it has not begun yet.
        begins: it begins.
        opened: the socket is up.
        authenticated: the venue has accepted the key.
    """

    waits: Callable[[str], None] = _ignore
    begins: Callable[[], None] = _ignore
    opened: Callable[[], None] = _ignore
    authenticated: Callable[[], None] = _ignore


_SILENT = Steps()


class Connector:
    """Makes one account's connections, and hands them what the gateway learns elsewhere while they live.

    Args:
        account: whose connections.
        around: what all sessions share.
        pipeline: takes what they bring.
        on_throttled: told that the venue wants to be left alone.

    Attributes:
        pairs: those that bots listen to.
        on_key_refused: told that the venue refuses another key, while the connection goes on with the one before.
    """

    def __init__(
        self,
        account: Account,
        around: Surroundings,
        pipeline: Pipeline,
        on_throttled: Callable[[Throttled], None],
    ) -> None:
        self._account = account
        self._around = around
        self._pipeline = pipeline
        self._on_throttled = on_throttled
        self._links: set[Link] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._last_event_time_ns: int | None = None
        self.pairs: frozenset[str] = frozenset()
        self.on_key_refused: Callable[[str], None] = _ignore
        pipeline.on_settled = self._note_order

    # -- what the gateway learns elsewhere

    def attach(self, environment: Environment) -> None:
        """Follow the environment's symbols, clock and bans from now on."""
        environment.reference.on_symbols.append(self._use_symbols)
        environment.reference.on_clock.append(self._use_clock)
        environment.ban.on_quiet.append(self._keep_quiet)

    def detach(self, environment: Environment) -> None:
        """Follow them no longer."""
        environment.reference.on_symbols.remove(self._use_symbols)
        environment.reference.on_clock.remove(self._use_clock)
        environment.ban.on_quiet.remove(self._keep_quiet)

    def _use_symbols(self, symbols: SymbolTable) -> None:
        self._pipeline.use_symbols(symbols)
        for link in self._links:
            link.use_symbols(symbols)

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Have all connections know which pairs bots listen to."""
        if pairs != self.pairs:
            self.pairs = pairs
            for link in self._links:
                link.use_pairs(pairs)

    def _note_order(self, order: OrderRow) -> None:
        for link in self._links:
            link.note_order(order)

    def _use_clock(self, offset_ns: int) -> None:
        for link in self._links:
            link.use_clock(offset_ns)

    def _keep_quiet(self, seconds: float) -> None:
        for link in self._links:
            link.keep_quiet(time.time_ns() + int(seconds * _NS))

    @property
    def last_event_time_ns(self) -> int | None:
        """When the last order event was read, None before the first."""
        for link in self._links:
            self._note_last_event(link)
        return self._last_event_time_ns

    def _note_last_event(self, link: Link) -> None:
        if link.last_event_time_ns is not None:
            self._last_event_time_ns = max(self._last_event_time_ns or 0, link.last_event_time_ns)

    # -- one connection

    async def open(
        self, venue_account: VenueAccount, environment: Environment, steps: Steps | None = None
    ) -> Link:
        """Return a connection that receives: the venue has acknowledged the stream, and the log has caught up.

        Args:
            venue_account: the account with its key.
            environment: where it is reached.
            steps: who is told; None for a successor, which is made while another connection receives.

        Raises:
            VenueError: it could not be made; nothing is left of it.
        """
        around, tells = self._around, steps or _SILENT
        await around.valve.wait_open()
        async with environment.admission.attempt(self._account, tells.waits):
            tells.begins()
            symbols = await environment.reference.ready()
            link = self._link(venue_account, environment, symbols, tells)
            try:
                url = await environment.inquiry(venue_account).answer(venue_account.address())
                tls = around.tls if url.startswith("wss:") else None
                await link.connect(url, around.policy.connect_timeout_s, tls)
            except BaseException:
                self._drop(link)
                raise
        try:
            inquiry = environment.inquiry(venue_account)
            began_ns = time.perf_counter_ns()
            await self._pipeline.catch_up(inquiry, symbols, is_successor=steps is None)
            if steps is not None:
                took_ns = time.perf_counter_ns() - began_ns
                around.meters.caught_up[self._account.environment].record(took_ns)
            link.require_live()
        except BaseException:
            self._drop(link)
            raise
        return link

    def _link(
        self, venue_account: VenueAccount, environment: Environment, symbols: SymbolTable, tells: Steps
    ) -> Link:
        around = self._around
        link = Link(
            venue=self._account.exchange,
            protocol=venue_account.protocol(
                symbols=symbols,
                pairs=self.pairs,
                limits=around.policy.limits(around.venue.lifetime_s, around.random),
                clock_offset_ns=environment.reference.clock_offset_ns or 0,
                dialled_ns=time.time_ns(),
            ),
            intake=self._pipeline,
            rest=environment.rest,
            clock_offset_ns=lambda: environment.reference.clock_offset_ns or 0,
            valve=around.valve,
            explain=around.venue.error,
            on_opened=tells.opened,
            on_authenticated=tells.authenticated,
            on_clock=lambda offset_ns, _: environment.reference.use_clock(offset_ns),
            on_throttled=self._on_throttled,
        )
        self._links.add(link)
        link.ended.add_done_callback(lambda _: self._forget(link))
        return link

    def _drop(self, link: Link) -> None:
        link.driver.abort("not needed any more")
        self._forget(link)

    def _forget(self, link: Link) -> None:
        self._note_last_event(link)
        self._links.discard(link)

    # -- and its successor

    async def succeed(self, link: Link, access: Access, environment: Environment) -> Link:
        """Wait until the connection is about to expire, or another key is offered; return its successor, which is receiving.

        Where the venue holds one connection per account, another key is first tried with a question, and then this
        connection is closed.

        Raises:
            VenueError: the connection ended first.
        """
        opening = asyncio.get_running_loop().create_task(
            self._open_successor(link, access, environment), name=f"successor {self._account}"
        )
        try:
            await _first(opening, link.ended)
            if not opening.done():
                link.require_live()
            successor = opening.result()
        finally:
            await cancel(opening)
        self._retire(link)
        return successor

    async def _open_successor(self, link: Link, access: Access, environment: Environment) -> Link:
        """Return a second connection beside the live one, however many attempts it takes, with the key that is offered."""
        policy = self._around.policy
        backoff = Backoff.from_policy(policy.reconnect, self._around.random, is_limited=False)
        while True:
            key = await self._key_of_successor(link, access)
            is_other = key != access.key
            try:
                venue_account = access.with_key(key)
                if is_other and isinstance(self._around.venue, HoldsOneConnection):
                    await self._make_way(link, environment.inquiry(venue_account))
                successor = await self.open(venue_account, environment)
            except (AuthRejected, ConfigError) as error:
                # The live connection goes on with its key while the venue lets it, and tells when it ends.
                _log.warning("successor_refused", account=str(self._account), error=error)
                if is_other:
                    self.on_key_refused(str(error))
                await access.other_key(key)
            except VenueError as error:
                _log.warning("successor_not_opened", account=str(self._account), error=error)
                await asyncio.sleep(wait_s(error, backoff.next_delay_s() or policy.max_delay_s))
            else:
                access.key = key
                if is_other:
                    _log.info("key_replaced", account=str(self._account))
                return successor

    async def _key_of_successor(self, link: Link, access: Access) -> VenueKey:
        """Wait until a successor is wanted, and return the key for it."""
        while True:
            key = access.offered
            if key is not None and key != access.key:
                return key
            if key is not None and link.expiring.done():
                _log.info("connection_expiring", account=str(self._account), reason=link.expiring.result())
                return key
            change = asyncio.get_running_loop().create_task(access.other_key(key))
            try:
                await (change if link.expiring.done() else _first(change, link.expiring))
            finally:
                await cancel(change)

    async def _make_way(self, link: Link, inquiry: Inquiry) -> None:
        """Close the only connection that the venue allows, for one with a key that it answers."""
        await inquiry.open_orders()
        because = "closed for another key: the exchange holds one connection per account"
        await link.close(self._around.policy.order_timeout_s, ConnectionLost(self._account.exchange, because))
        await (
            asyncio.get_running_loop().create_future()
        )  # until who waits for the end of the connection ends this

    def _retire(self, link: Link) -> None:
        """Close a connection that has a successor, when the answers it owes have come."""
        task = asyncio.get_running_loop().create_task(
            link.close(self._around.policy.order_timeout_s), name=f"retire {self._account}"
        )
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def close(self) -> None:
        """Close all connections; the answers they owe are awaited for a while."""
        drain_s = self._around.policy.order_timeout_s
        await asyncio.gather(*(link.close(drain_s) for link in self._links), *self._retiring)


def wait_s(error: VenueError, delay_s: float) -> float:
    """Return how long to wait after `error`, in seconds: `delay_s`, and no shorter than the venue asks for."""
    return max(delay_s, error.retry_after_s) if isinstance(error, Throttled) else delay_s


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of `futures` is done."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
