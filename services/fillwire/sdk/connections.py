"""What the connections to venues are doing, for bots that want to know: told as it changes, known when asked."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fillwire.bus.buckets import STATUS, Bucket, Entry
from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.subscriptions import Subscription
from fillwire.bus.watching import Watch
from fillwire.domain.enums import ConnectionState
from fillwire.domain.errors import DecodeError
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.sdk.callbacks import ON_CONNECTED, ON_DISCONNECTED, ON_ERROR, ON_RECONCILED
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import account_tokens, connection_subject

_log = get_log(__name__)

Tell = Callable[[ConnectionEvent, tuple[str, ...]], None]
"""Told of a connection event and the names of the callbacks that it is for."""

_GATEWAYS_KEPT = 16


def callbacks_for(event: ConnectionEvent, last: ConnectionEvent | None) -> tuple[str, ...]:
    """Return which callbacks an event is for, given the one before it: the error first, for it says why."""
    names: list[str] = []
    is_news = last is None or (event.state, event.reason) != (last.state, last.reason)
    if is_news and (
        event.state is ConnectionState.AUTH_FAILED or (event.reason is not None and not event.is_connected)
    ):
        names.append(ON_ERROR)
    was_connected = last is not None and last.is_connected
    if was_connected and not event.is_connected:
        names.append(ON_DISCONNECTED)
    elif event.is_connected and not was_connected:
        names.append(ON_CONNECTED)
    if event.is_reconciled and (
        last is None or not last.is_reconciled or event.reconciled_ns != last.reconciled_ns
    ):
        names.append(ON_RECONCILED)
    return tuple(names)


@dataclass(slots=True)
class _Followed:
    """One account's connection.

    Attributes:
        is_settled: set once it is followed, or that has failed.
        times: time of the last event of each gateway, so that what comes twice or late is told once.
    """

    is_settled: asyncio.Event = field(default_factory=asyncio.Event)
    subscription: Subscription | None = None
    watch: Watch | None = None
    last: ConnectionEvent | None = None
    times: dict[str, int] = field(default_factory=dict)
    tells: list[Tell] = field(default_factory=list)


class Connections:
    """Follows the connections of accounts.

    Every transition is published; the bucket holds the last state for those who come later, and forgets it when its
    gateway has gone silent, which is told as the loss of the connection.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._bucket = Bucket(bus, STATUS)
        self._followed: dict[Account, _Followed] = {}

    def last(self, account: Account) -> ConnectionEvent | None:
        """Return the last state of a followed connection, None if it is not followed or nothing is known."""
        followed = self._followed.get(account)
        return None if followed is None else followed.last

    async def ask(self, account: Account) -> ConnectionEvent | None:
        """Return the state of a connection, followed or not; None if no gateway holds it.

        Raises:
            BrokerError: no answer.
        """
        if account in self._followed:
            return self.last(account)
        entry = await self._bucket.get(account_tokens(account))
        return None if entry is None or entry.value is None else decode_connection(entry.value)

    async def follow(self, account: Account, tell: Tell) -> None:
        """Have `tell` called on every change until `unfollow`, and at once if the connection is known.

        Raises:
            BrokerError: the state of now cannot be read.
        """
        # Who began to follow may fail or be cancelled; whoever came meanwhile then begins anew.
        while (followed := self._followed.get(account)) is not None and not followed.is_settled.is_set():
            await followed.is_settled.wait()
        if followed is not None:
            followed.tells.append(tell)
            if followed.last is not None:
                tell(followed.last, callbacks_for(followed.last, None))
            return
        followed = self._followed[account] = _Followed(tells=[tell])
        try:
            followed.subscription = await self._bus.subscribe(
                connection_subject(account), lambda message: self._receive(account, message)
            )
            followed.watch = await self._bucket.watch(account_tokens(account), self._read)
        except BaseException:
            await self._end(self._followed.pop(account))
            raise
        finally:
            followed.is_settled.set()

    async def unfollow(self, account: Account, tell: Tell) -> None:
        """Undo `follow`; the last to leave ends the subscription."""
        followed = self._followed.get(account)
        if followed is None or tell not in followed.tells:
            return
        followed.tells.remove(tell)
        if not followed.tells:
            await self._end(self._followed.pop(account))

    async def _end(self, followed: _Followed) -> None:
        if followed.subscription is not None:
            await followed.subscription.unsubscribe()
        if followed.watch is not None:
            await followed.watch.stop()

    def _receive(self, account: Account, message: Message) -> None:
        try:
            self._note(account, decode_connection(message.data))
        except DecodeError as error:
            _log.error("connection_event_undecodable", subject=message.subject, error=error)

    async def _read(self, entry: Entry) -> None:
        account = next((known for known in self._followed if account_tokens(known) == entry.key), None)
        if account is None:
            return
        if entry.value is not None:
            self._note(account, decode_connection(entry.value))
            return
        last = self._followed[account].last
        if last is not None and last.state is not ConnectionState.DISCONNECTED:
            gone = replace(
                last,
                state=ConnectionState.DISCONNECTED,
                previous_state=last.state,
                reason=f"gateway {last.gateway} has gone silent",
                connected_since_ns=None,
                time_ns=max(time.time_ns(), last.time_ns + 1),
            )
            self._tell(self._followed[account], gone)

    def _note(self, account: Account, event: ConnectionEvent) -> None:
        followed = self._followed.get(account)
        if followed is None or event.time_ns <= followed.times.get(event.gateway, -1):
            return
        followed.times[event.gateway] = event.time_ns
        if len(followed.times) > _GATEWAYS_KEPT:
            followed.times.pop(next(iter(followed.times)))
        self._tell(followed, event)

    def _tell(self, followed: _Followed, event: ConnectionEvent) -> None:
        names = callbacks_for(event, followed.last)
        followed.last = event
        if names:
            for tell in list(followed.tells):
                tell(event, names)
