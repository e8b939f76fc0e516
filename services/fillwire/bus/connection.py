"""The connection to the broker: made within a deadline, rebuilt whenever the client gives up, closed in order."""

import asyncio
import math
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from fillwire.bus.cancelling import heeding_cancellation
from fillwire.bus.client import DirectClient, DirectHandler
from fillwire.bus.credentials import Credentials, mask_url, parse_servers
from fillwire.bus.dialling import close_client, open_client, sentence
from fillwire.bus.notices import Notices
from fillwire.bus.partitions import Partitions
from fillwire.bus.requests import Answer, ask
from fillwire.bus.subscriptions import MessageHandler, Subscription
from fillwire.bus.tls import TlsSource
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.logs import get_log

__all__ = ["Answer", "Bus", "Credentials"]

_log = get_log(__name__)

CONNECT_TIMEOUT_S = 2
RECONNECT_WAIT_S = 0.2
PING_INTERVAL_S = 5  # a half-open connection is noticed after three of these
FLUSH_TIMEOUT_S = 5  # who sends beyond the following waits as long for the broker to take some
PENDING_BYTES = 8 << 20  # commands kept while disconnected, beyond which core publishes are refused
REBUILD_WAIT_MAX_S = 5.0
REBUILD_DEADLINE_S = 30.0
MOVE_PACE_S = 5.0  # between two moves to another server, doubled each time
MOVE_PACE_MAX_S = 600.0
SUBSCRIPTION_CAPACITY = 65_536


class Bus:
    """One process's connection to the broker; make it with `await Bus.connect(...)`.

    Subscriptions, responders, publishers and pull loops made on it survive a lost connection as well as a client that
    has closed for good (expired credentials, limits): then a new client takes over and everything is set up on it.

    Attributes:
        api_prefix: first tokens of requests to JetStream.
        partitions: into how many streams the log of order events is divided.
        notices: tells who wants to know when the connection is lost and when it is back, with subscriptions in place.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        credentials: Credentials | None = None,
        inbox_prefix: str = "_INBOX",
        partitions: int = 1,
    ) -> None:
        self._servers = parse_servers(url)
        self._shown_url = ",".join(mask_url(server) for server in self._servers)
        self.name = name
        self.inbox_prefix = inbox_prefix
        self._credentials = credentials or Credentials()
        self.api_prefix = self._credentials.api_prefix
        self.partitions = Partitions(partitions)
        files = self._credentials.tls_files
        self._tls = None if files is None else TlsSource(files)
        self._options = self._credentials.client_options()
        self._client = self._new_client()
        self._subscriptions: set[Subscription] = set()
        self.notices = Notices(name)
        self.on_reconnected = self.notices.on_reconnected
        self.off_reconnected = self.notices.off_reconnected
        self.on_disconnected = self.notices.on_disconnected
        self.off_disconnected = self.notices.off_disconnected
        self._moved_s = -math.inf
        self._move_pace_s = MOVE_PACE_S
        self._is_closing = False
        self._was_reconnected = False
        self._was_closed = False
        self._signal = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._last_error: Exception | None = None

    # -- life

    @classmethod
    async def connect(  # noqa: PLR0913 - what a connection is; all but url and name have a default
        cls,
        url: str,
        *,
        name: str,
        credentials: Credentials | None = None,
        inbox_prefix: str = "_INBOX",
        deadline_s: float = 10.0,
        partitions: int = 1,
    ) -> Self:
        """Return a connected bus.

        Args:
            url: `nats://`, `tls://`, `ws://` or `wss://`; several servers of one cluster separated by commas.
            name: shown in the broker's monitoring, such as `gateway-binance/pod-3`.
            credentials: None for a broker without authentication.
            inbox_prefix: subject prefix of all answers to us, so that permissions can tell users apart.
            deadline_s: until then the broker may still be starting; connecting is tried again and again.
            partitions: into how many streams the log of order events is divided there.

        Raises:
            BrokerError: no broker answered before the deadline, or it refuses the credentials.
            ConfigError: an url or credentials that cannot be used.
        """
        bus = cls(url, name=name, credentials=credentials, inbox_prefix=inbox_prefix, partitions=partitions)
        await bus._open(bus._client, deadline_s)
        bus._supervisor = asyncio.get_running_loop().create_task(bus._supervise(), name=f"bus {name}")
        return bus

    async def close(self, deadline_s: float = 5.0) -> None:
        """Stop receiving, let handlers finish what has arrived, send what is buffered, disconnect. Idempotent.

        Whatever is not finished at the deadline is cancelled.
        """
        if self._is_closing:
            return
        self._is_closing = True
        loop = asyncio.get_running_loop()
        end = loop.time() + deadline_s
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        subscriptions = list(self._subscriptions)
        try:
            for subscription in subscriptions:
                await self._remove_subscription(subscription)
            if self._client.is_connected:
                await self._round_trip(max(0.01, end - loop.time()))
            for subscription in subscriptions:
                if subscription.inbox is not None:
                    await subscription.inbox.join(max(0.0, end - loop.time()))
        finally:
            for subscription in subscriptions:
                await subscription.unsubscribe()
            await close_client(self._client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- state

    @property
    def nc(self) -> Client:
        """The client of the moment; it is another one after a rebuild, so do not keep it."""
        return self._client

    @property
    def js(self) -> JetStreamContext:
        """A JetStream context of the client of the moment; do not keep it."""
        return self._client.jetstream()

    @property
    def is_connected(self) -> bool:
        """Whether the client believes to be connected; `is_healthy` knows."""
        return bool(self._client.is_connected)

    async def obstacle(self) -> str | None:
        """Return what keeps a service from being ready, None if the broker answers within a second."""
        return None if await self.is_healthy(1.0) else "no answer from the broker"

    async def is_healthy(self, deadline_s: float = 2.0) -> bool:
        """Whether a round trip to the broker succeeds within the deadline."""
        if not self._client.is_connected:
            return False
        return await self._round_trip(deadline_s)

    async def _round_trip(self, deadline_s: float) -> bool:
        try:
            async with asyncio.timeout(deadline_s):
                await heeding_cancellation(self._client.rtt(timeout=10))
        except (TimeoutError, nats.errors.Error, OSError):
            return False
        return True

    async def move_on(self) -> bool:
        """Break the connection and make it anew at another server of the cluster, if one can be reached.

        For who is connected and yet is not served, as on the smaller side of a divided cluster. Return False if there
        is no other server, or if it was moved not long ago: whoever is never served must not keep the others moving.
        """
        now_s = asyncio.get_running_loop().time()
        if len(self._client.servers) < 2 or not self._client.is_connected:  # noqa: PLR2004 - this one and another
            return False
        if now_s - self._moved_s < self._move_pace_s:
            return False
        is_settled = now_s - self._moved_s > 2 * MOVE_PACE_MAX_S
        self._move_pace_s = MOVE_PACE_S if is_settled else min(2 * self._move_pace_s, MOVE_PACE_MAX_S)
        self._moved_s = now_s
        _log.warning("broker_left", bus=self.name)
        await self._client.force_reconnect()
        return True

    # -- messages

    async def publish(
        self, subject: str, payload: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Publish a core message: not acknowledged, kept by no one unless a stream takes the subject.

        While disconnected it is buffered.

        Raises:
            BrokerError: the buffer is full, the payload too big, the subject malformed, or the bus is closed.
        """
        try:
            await self._client.publish(subject, payload, headers=dict(headers) if headers else None)
        except (nats.errors.Error, ValueError) as error:
            raise BrokerError(f"cannot publish on {subject}: {sentence(error)}") from error

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout_s: float = 2.0,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the answer to a request.

        Raises:
            NoResponder: nobody listens on the subject; the request was certainly not carried out.
            RequestTimedOut: no answer came in time; whether the request was carried out is unknown.
            BrokerError: the request could not be sent.
        """
        return (await self.request_message(subject, payload, timeout_s, headers)).data

    async def request_message(
        self,
        subject: str,
        payload: bytes = b"",
        timeout_s: float = 2.0,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to a request with its headers; raises as `request` does."""
        return await ask(self._client, subject, payload, timeout_s, headers)

    async def subscribe(
        self,
        subject: str,
        handler: MessageHandler,
        queue: str = "",
        *,
        capacity: int = SUBSCRIPTION_CAPACITY,
    ) -> Subscription:
        """Subscribe to a subject or pattern.

        Args:
            subject: what to receive.
            handler: a coroutine function is awaited for one message after another, in order, by a task of this
                subscription; a plain function is called in the read loop, costs least, and must be quick.
            queue: name of the group of which one member receives each message.
            capacity: messages that may wait for a coroutine function; more are dropped and counted.

        Raises:
            BrokerError: a malformed subject, or the bus is closed.
        """
        if self._is_closing:
            raise BrokerError(f"cannot subscribe to {subject}: the bus is closed")
        if not subject or re.search(r"\s", subject + queue):
            raise BrokerError(f"cannot subscribe to {subject!r}: expected a subject without white space")
        subscription = Subscription.of_messages(subject, queue, handler, self.write, capacity)
        await self._add_subscription(subscription)
        return subscription

    async def subscribe_raw(self, subject: str, receive: DirectHandler) -> Subscription:
        """Subscribe with a function that is called in the read loop with the message's parts; for this room only."""
        subscription = Subscription(subject, "", receive)
        await self._add_subscription(subscription)
        return subscription

    async def _add_subscription(self, subscription: Subscription) -> None:
        subscription.remove = self._remove_subscription
        self._subscriptions.add(subscription)
        if not self._client.is_closed:  # else the rebuild will do it
            await self._attach(self._client, subscription)

    async def _attach(self, client: DirectClient, subscription: Subscription) -> None:
        subscription.sid = await client.subscribe_direct(
            subscription.subject, subscription.receive, subscription.queue
        )

    async def _remove_subscription(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
        if subscription.sid is not None and not self._client.is_closed:
            await self._client.unsubscribe_direct(subscription.sid)
        subscription.sid = None

    def new_inbox(self) -> str:
        """Return a subject of our own for answers."""
        return str(self._client.new_inbox())

    def write(self, command: bytes) -> None:
        """Send a complete protocol command with the next turn of the loop; for this room only."""
        self._client.write(command)

    def write_now(self, commands: list[bytes]) -> bool:
        """Send complete protocol commands at once; False if they were dropped; for this room only."""
        return self._client.write_now(commands)

    @property
    def max_payload_bytes(self) -> int:
        """The largest message the broker takes, headers included."""
        return int(self._client.max_payload)

    # -- supervision

    def _new_client(self) -> DirectClient:
        return DirectClient(tls=self._tls, requires_tls=self._options.get("tls") is not None)

    async def _open(self, client: DirectClient, deadline_s: float) -> None:
        """Connect `client`; see `open_client`."""
        await open_client(
            client,
            self._servers,
            self._client_options(client),
            self._note_error,
            shown_url=self._shown_url,
            deadline_s=deadline_s,
        )

    def _note_error(self, error: Exception) -> None:
        reason = sentence(error)
        if "permissions violation" in reason and str(error) != str(self._last_error):
            _log.warning(
                "broker_permission_missing", bus=self.name, reason=reason
            )  # else it shows as silence only
        else:
            _log.debug("broker_client_error", bus=self.name, reason=reason)
        self._last_error = error

    def _client_options(self, client: DirectClient) -> dict[str, Any]:
        async def note_disconnected() -> None:
            self._handle_disconnected(client)

        async def note_reconnected() -> None:
            self._was_reconnected = True
            self._signal.set()

        async def note_closed() -> None:
            if client is self._client and not self._is_closing:
                self._was_closed = True
                self._signal.set()

        return self._options | {
            "name": self.name,
            "disconnected_cb": note_disconnected,
            "reconnected_cb": note_reconnected,
            "closed_cb": note_closed,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "reconnect_time_wait": RECONNECT_WAIT_S,
            "max_reconnect_attempts": -1,
            "ping_interval": PING_INTERVAL_S,
            "drain_timeout": 3,
            "pending_size": PENDING_BYTES,
            "flush_timeout": FLUSH_TIMEOUT_S,
            "inbox_prefix": self.inbox_prefix,
        }

    def _handle_disconnected(self, client: DirectClient) -> None:
        if client is not self._client or self._is_closing:
            return
        _log.warning("broker_disconnected", bus=self.name, reason=sentence(self._last_error))
        self.notices.tell_disconnected()

    async def _supervise(self) -> None:
        while True:
            await self._signal.wait()
            self._signal.clear()
            if self._was_closed:
                self._was_closed = False
                await self._rebuild()
                self._was_reconnected = True
            if self._was_reconnected:
                self._was_reconnected = False
                _log.info("broker_reconnected", bus=self.name)
                await self.notices.tell_reconnected()

    async def _rebuild(self) -> None:
        _log.warning("broker_client_closed", bus=self.name, reason=sentence(self._last_error))
        wait_s = RECONNECT_WAIT_S
        while True:
            client = self._new_client()
            try:
                await self._open(client, deadline_s=REBUILD_DEADLINE_S)
                for subscription in list(self._subscriptions):
                    await self._attach(client, subscription)
            except (BrokerError, ConfigError, nats.errors.Error, OSError) as error:
                _log.warning("broker_rebuild_failed", bus=self.name, reason=sentence(error))
                await close_client(client)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, REBUILD_WAIT_MAX_S)
            else:
                self._client = client
                if client.is_closed:  # closed again while subscriptions were being set up
                    self._was_closed = True
                    self._signal.set()
                return
