"""What one user's pages are shown live, or an administrator's: followed at the broker by subjects of that user alone."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from fillwire.bus import api
from fillwire.bus.buckets import BOT_STATUS, BOTS, DECISIONS, DESIRED, STATUS, Bucket, BucketDefinition, Entry
from fillwire.bus.connection import Bus
from fillwire.bus.durables import StartAtSequence
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.console.clients import Client
from fillwire.console.facts import Facts, connection_facts, order_facts
from fillwire.console.viewers import token_of
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.events import ConnectionEvent
from fillwire.runtime.alerting import AlertLimiter
from fillwire.runtime.logs import get_log
from fillwire.wire.bots import decode_bot_status
from fillwire.wire.codec import decode_connection, decode_order
from fillwire.wire.dead_letters import REPLAY_FOR
from fillwire.wire.headers import STAMPS, parse_stamps
from fillwire.wire.subjects import (
    CONNECTIONS,
    DEAD_LETTERS,
    ORDERS,
    QUARANTINE,
    account_tokens,
    parse_account_tokens,
)
from fillwire.wire.wishes import parse_wish_key, read_wish

if TYPE_CHECKING:
    from fillwire.domain.bots import BotStatus

_log = get_log(__name__)

KEPT_EVENTS: Final = 500
_SHOWN: Final = 200  # characters of a key that anybody may have written
_LOOK_BACK: Final = 3_000  # messages of the log that are looked at for a page's first fills
_BOTS_PACE_S: Final = 5.0  # pages ask for their bots anew as often while nothing but their lag changes
_LOOK_BACK_S: Final = 15.0  # pages are told that the broker is back when that is done, or after so long


class Scope:
    """Follows what one user's accounts do, or everybody's, for as long as a page of theirs is open.

    Args:
        bus: the connection.
        user: whose; None for everybody's.
    """

    def __init__(self, bus: Bus, user: str | None) -> None:
        self._bus = bus
        self._user = token_of(user)
        self._clients: set[Client] = set()
        self._connections: dict[str, ConnectionEvent] = {}
        self._silent: set[str] = set()
        self._wishes: dict[str, dict[str, int]] = {}
        self._events: deque[Facts] = deque(maxlen=KEPT_EVENTS)
        self._seen: dict[str, None] = {}
        self._bots: dict[str, BotStatus] = {}  # what each does, without time and number
        self._bots_due: asyncio.TimerHandle | None = None
        self._unread = AlertLimiter(_tell_unread)
        self._exits = AsyncExitStack()
        self._exits.callback(self._unread.stop)

    # -- life

    async def start(self) -> None:
        """Begin to follow, and return when what is so now is known.

        Raises:
            BrokerError: it cannot be read.
        """
        bus, user = self._bus, self._user
        try:
            for subject, handler in (
                (bus.partitions.live(self._order_events), self._take_live),
                (f"{CONNECTIONS}.{user}.>", self._take_connection),
                (f"{DEAD_LETTERS}.{user}.>", lambda _: self._tell_changed("letters")),
                (f"{QUARANTINE}.*.*.{user}.>", lambda _: self._tell_changed("frames")),
                (f"{DECISIONS.prefix}*.{user}.>", self._take_decision),
            ):
                self._exits.push_async_callback((await bus.subscribe(subject, handler)).unsubscribe)
            await self._watch(STATUS, self._note_status)
            await self._watch(DESIRED, self._note_wish)
            await self._watch(BOT_STATUS, self._note_bot_status)
            await self._watch(BOTS, self._note_bot)
            await self._look_back()
        except BaseException:
            await self.stop()
            raise
        bus.on_reconnected(self._handle_reconnected)
        bus.on_disconnected(self._handle_disconnected)
        self._exits.callback(bus.off_reconnected, self._handle_reconnected)
        self._exits.callback(bus.off_disconnected, self._handle_disconnected)

    async def stop(self) -> None:
        """Follow nothing any longer."""
        if self._bots_due is not None:
            self._bots_due.cancel()
        await self._exits.aclose()

    async def _watch(self, definition: BucketDefinition, handler: Callable[[Entry], Awaitable[None]]) -> None:
        watch = await Bucket(self._bus, definition).watch(f"{self._user}.>", handler)
        self._exits.push_async_callback(watch.stop)

    async def _look_back(self) -> None:
        """Take the newest events of the log, so that a page does not begin empty."""
        streams = self._bus.partitions.streams_at(self._order_events)
        # Apart, for the older ones must not push out what is told meanwhile, nor what another stream holds.
        parts: list[deque[Facts]] = []
        try:
            for stream in streams:
                stored: deque[Facts] = deque(maxlen=KEPT_EVENTS)
                parts.append(stored)
                take = partial(self._take_stored, stored)
                info = await api.call(self._bus, f"STREAM.INFO.{stream}")
                start = max(1, int(info["state"]["last_seq"]) - _LOOK_BACK // len(streams))
                await read_stream(self._bus, stream, self._order_events, StartAtSequence(start), take)
        finally:
            known = sorted(chain(*parts, self._events), key=lambda facts: facts["time_ms"])
            self._events = deque(known, maxlen=KEPT_EVENTS)

    @property
    def _order_events(self) -> str:
        return f"{ORDERS}.{self._user}.>"

    # -- pages

    @property
    def client_count(self) -> int:
        """Pages that listen."""
        return len(self._clients)

    def attach(self, client: Client) -> None:
        """Tell a page from now on; what is so now is what `snapshot` says."""
        self._clients.add(client)

    def detach(self, client: Client) -> None:
        """Tell a page no more. Idempotent."""
        self._clients.discard(client)

    def snapshot(self) -> Facts:
        """Return the state of things."""
        keys = sorted(self._connections.keys() | self._wishes.keys())
        return {
            "now_ms": time.time_ns() // 1_000_000,
            "broker": {"is_connected": self._bus.is_connected},
            "accounts": [self._account(key) for key in keys],
            "events": list(self._events),
        }

    # -- accounts

    def _account(self, key: str) -> Facts:
        """Return what is known of an account: whether bots want its fills, and whether they are detected live."""
        account = parse_account_tokens(key)
        event = self._connections.get(key)
        bots = sum(self._wishes.get(key, {}).values())
        is_silent = event is None or key in self._silent
        return {
            "key": key,
            "user": account.user,
            "exchange": account.exchange,
            "environment": account.environment,
            "bots": bots,
            "is_silent": is_silent,
            "is_lost": bots > 0 and (event is None or is_silent or not event.is_connected),
            "is_gone": bots == 0 and (event is None or is_silent),
            "connection": None if event is None else connection_facts(event),
        }

    def _tell_account(self, key: str) -> None:
        facts = self._account(key)
        if facts["is_gone"]:
            self._connections.pop(key, None)
            self._silent.discard(key)
        for client in self._clients:
            client.put_account(key, facts)

    def _take_connection(self, message: Message) -> None:
        try:
            event = decode_connection(message.data)
        except DecodeError as error:
            _log.warning("connection_not_read", subject=message.subject, error=error)
            return
        self._note_connection(event)

    def _note_connection(self, event: ConnectionEvent) -> None:
        key = account_tokens(event.account)
        known = self._connections.get(key)
        if known is not None and known.gateway == event.gateway and known.time_ns > event.time_ns:
            return  # the bucket is written after the event is told
        self._connections[key] = event
        self._silent.discard(key)
        self._tell_account(key)

    async def _note_status(self, entry: Entry) -> None:
        if entry.value is not None:
            self._note_connection(decode_connection(entry.value))
        elif entry.key in self._connections:
            self._silent.add(entry.key)
            self._tell_account(entry.key)

    async def _note_wish(self, entry: Entry) -> None:
        try:
            account, subscriber = parse_wish_key(entry.key)
            bots = None if entry.value is None else read_wish(entry.value).bots
        except DecodeError as error:  # as gateways do: whoever may write it can write anything
            self._unread.raise_("wish", f"{entry.key[:_SHOWN]}: {error}"[: 2 * _SHOWN])
            return
        key = account_tokens(account)
        wishes = self._wishes.setdefault(key, {})
        if bots is None:
            wishes.pop(subscriber, None)
        else:
            wishes[subscriber] = bots
        if not wishes:
            del self._wishes[key]
        self._tell_account(key)

    async def _note_bot(self, _entry: Entry) -> None:
        self._tell_changed("bots")

    async def _note_bot_status(self, entry: Entry) -> None:
        """Tell at once what a bot does; how far behind it is, which every host says often, now and then."""
        before = self._bots.pop(entry.key, None)
        try:
            said = None if entry.value is None else decode_bot_status(entry.value)
        except DecodeError:  # who asks for the list is told
            said = None
        if said is not None:
            # Of the count only whether it is known: a page that does not know it shows none.
            said = self._bots[entry.key] = replace(said, time_ns=0, waiting_count=said.waiting_count and 0)
        if said is None or said != before:
            self._tell_changed("bots")
        elif self._bots_due is None:
            self._bots_due = asyncio.get_running_loop().call_later(_BOTS_PACE_S, self._tell_bots)

    def _tell_bots(self) -> None:
        self._bots_due = None
        self._tell_changed("bots")

    def _take_decision(self, _: Message) -> None:
        for what in ("letters", "frames"):  # by the command line, or another page
            self._tell_changed(what)

    # -- order events

    def _take_live(self, message: Message) -> None:
        facts = self._unseen(message, time.time_ns())
        if facts is None:
            return
        self._events.append(facts)
        for client in self._clients:
            client.put_event(facts)

    def _take_stored(self, into: deque[Facts], message: Message) -> None:
        if (facts := self._unseen(message, message.stored_time_ns)) is not None:
            into.append(facts)

    def _unseen(self, message: Message, seen_ns: int) -> Facts | None:
        """Return the event in a message, None if there is nothing new in it."""
        if message.header(REPLAY_FOR) is not None:  # for one bot, which could not handle it before
            return None
        if not message.data:  # a gateway's question whether the broker divides the log
            return None
        try:
            event = decode_order(message.data)
        except DecodeError as error:
            _log.warning("event_not_read", subject=message.subject, error=error)
            return None
        if event.event_id in self._seen:
            return None
        self._seen[event.event_id] = None
        while len(self._seen) > 2 * _LOOK_BACK:
            del self._seen[next(iter(self._seen))]
        header = message.header(STAMPS)
        try:
            stamps = None if header is None else parse_stamps(header)
        except ValueError:  # somebody else's publisher
            stamps = None
        return order_facts(event, stamps, seen_ns)

    # -- the rest

    def _tell_changed(self, what: str) -> None:
        for client in self._clients:
            client.put_changed(what)

    def _handle_disconnected(self) -> None:
        for client in self._clients:
            client.put_broker(is_connected=False)

    async def _handle_reconnected(self) -> None:
        """Read what was told while nobody listened, and give every page the state of things, as far as that goes."""
        try:
            async with asyncio.timeout(_LOOK_BACK_S):
                await self._look_back()
        except (BrokerError, TimeoutError) as error:
            _log.warning("look_back_failed", error=error)
        for client in self._clients:
            client.begin_anew()
            client.put_broker(is_connected=self._bus.is_connected)  # it may be away again
            for what in ("bots", "letters", "frames"):
                client.put_changed(what)


def _tell_unread(reason: str) -> None:
    _log.warning("wishes_not_read", reason=reason)


class Scopes:
    """The scopes in use, one for each user of whom a page is open.

    Args:
        bus: the connection.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._scopes: dict[str | None, Scope] = {}
        self._lock = asyncio.Lock()

    def count(self) -> int:
        """Return how many pages listen, of all users."""
        return sum(scope.client_count for scope in self._scopes.values())

    @asynccontextmanager
    async def following(self, user: str | None, client: Client) -> AsyncIterator[Scope]:
        """Tell a page inside the block, and follow the user's subjects for as long as any page of theirs is told.

        Raises:
            BrokerError: what is so now cannot be read.
        """
        async with self._lock:
            scope = self._scopes.get(user)
            if scope is None:
                scope = Scope(self._bus, user)
                await scope.start()
                self._scopes[user] = scope
            scope.attach(client)
        try:
            yield scope
        finally:
            scope.detach(client)
            if not scope.client_count and self._scopes.get(user) is scope:
                del self._scopes[user]
                await scope.stop()
