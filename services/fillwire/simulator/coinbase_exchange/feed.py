"""The WebSocket feed: who has subscribed to what, and the messages that each connection is sent."""

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

import orjson
from aiohttp import web

from fillwire.simulator.coinbase_exchange import messages
from fillwire.simulator.coinbase_exchange.messages import Place
from fillwire.simulator.coinbase_exchange.subscribing import Channels
from fillwire.simulator.coinbase_exchange.tape import Message, Tape, View
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.exchange.connections import Connection, ConnectionTimes, Gate, Subscription
from fillwire.simulator.exchange.publisher import Publisher

FIRST_SUBSCRIBE_S = 5.0
IDLE_S = 60.0
HEARTBEAT_S = 1.0
_POLICY_VIOLATION = 1008


class Listening(Subscription):
    """That an account has signed on a connection; what it is sent, the feed decides by channels."""

    def tell(self, event: AccountEvent, now_ns: int) -> None:
        """Do nothing: the feed tells what happens to the orders of everybody, from the tapes."""


class FeedConnection(Connection):
    """One accepted connection.

    Attributes:
        channels: what it has subscribed to.
        first_subscribe_s: seconds in which it must subscribe to something.
        idle_s: seconds after which a connection without any message is closed.
    """

    broken = b'{"type":"match","trade_id":10,"sequ'
    first_subscribe_s = FIRST_SUBSCRIBE_S
    idle_s = IDLE_S

    def __init__(  # noqa: PLR0913, PLR0917 - made in one place, from the parts of one request
        self,
        request: web.Request,
        gate: Gate,
        times: ConnectionTimes,
        random: Random,
        tapes: Mapping[str, Tape],
        clock: VenueClock,
    ) -> None:
        super().__init__(request, gate, times, random, connected_us=clock.now_us())
        self.channels = Channels()
        self._tapes = tapes
        self._clock = clock

    def start(self) -> None:
        """Begin to wait for the first subscription."""
        super().start()
        self._timers["first subscribe"] = self._loop.call_later(
            self.first_subscribe_s, self.close, _POLICY_VIOLATION, "no subscription"
        )
        self._timers["idle"] = self._loop.call_later(self.idle_s, self._check_idle, 0)

    def _check_idle(self, sent_frames: int) -> None:
        if self.sent_frames == sent_frames:
            self.close(_POLICY_VIOLATION, "idle")
            return
        self._timers["idle"] = self._loop.call_later(self.idle_s, self._check_idle, self.sent_frames)

    def listen(self, account: Account) -> None:
        """Note that an account has signed on this connection."""
        if not self.serves(account):
            self.subscribe(Listening(self, account))

    def note_subscribed(self) -> None:
        """Note that something has been subscribed to, and send heartbeats if they are wanted."""
        self._timers["first subscribe"].cancel()
        if self.channels.products("heartbeat") and "heartbeat" not in self._timers:
            self._beat()

    def _beat(self) -> None:
        self._timers["heartbeat"] = self._loop.call_later(HEARTBEAT_S, self._beat)
        now_us = self._clock.now_us()
        for product in self.channels.products("heartbeat"):
            tape = self._tapes[product]
            place = Place(product=product, time_us=now_us, sequence=tape.sequence)
            # a kind of its own, which faults of events leave alone
            self.deliver(orjson.dumps(messages.heartbeat(place, tape.last_trade_id)), "response")

    def view_of(self, message: Message) -> View | None:
        """Return what the connection sees of a message as the owner of one of its orders, None if it is none."""
        for channel in ("user", "full"):
            account = self.channels.listener(channel, message.product)
            for view in message.views:
                if view.account is account:
                    return view
        return None

    def sees(self, message: Message) -> bool:
        """Return whether the connection sees what everybody may see of a message."""
        if message.is_private:
            return False
        return self.channels.has("full", message.product) or (
            message.kind == "match" and self.channels.has("matches", message.product)
        )


class FeedPublisher(Publisher):
    """Takes the messages from the tapes and writes them to the connections that see them."""

    def __init__(
        self, clock: VenueClock, tapes: Mapping[str, Tape], connections: Iterable[Connection]
    ) -> None:
        super().__init__(clock)
        self._tapes = tapes
        self._connections = connections

    def publish(self, events: Iterable[AccountEvent]) -> None:
        """Write what has happened; the events themselves are on the tapes."""
        del events
        now_ns = self._clock.now_ns()
        for tape in self._tapes.values():
            if tape.pending:
                pending, tape.pending = tape.pending, []
                for message in pending:
                    self._write(message, now_ns)

    def _write(self, message: Message, now_ns: int) -> None:
        public = b""
        for connection in self._connections:
            if not isinstance(connection, FeedConnection):
                continue
            view = connection.view_of(message)
            if view is not None:
                if view.row >= 0:
                    view.account.executions.emitted_ns[view.row] = now_ns
                payload = orjson.dumps(_merged(message, view))
                connection.deliver(payload, message.kind, view.account)
            elif connection.sees(message):
                public = public or orjson.dumps(message.document)
                connection.deliver(public, message.kind)
            else:
                continue
            self.published += 1


def _merged(message: Message, view: View) -> dict[str, Any]:
    return {**message.document, **view.members}
