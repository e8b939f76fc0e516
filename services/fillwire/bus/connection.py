"""The connection to the broker: made within a deadline, rebuilt whenever the client gives up, closed in order."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from fillwire.bus.cancelling import end_tasks, heeding_cancellation
from fillwire.bus.client import DirectClient, DirectHandler
from fillwire.bus.credentials import Credentials, mask_url, parse_servers
from fillwire.bus.errors import NoResponder, RequestTimedOut
from fillwire.bus.subscriptions import MessageHandler, Subscription
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.logs import get_log

__all__ = ["Answer", "Bus", "Credentials"]

_log = get_log(__name__)

CONNECT_TIMEOUT_S = 2
RECONNECT_WAIT_S = 0.2
PING_INTERVAL_S = 5  # a half-open connection is noticed after three of these
PENDING_BYTES = 8 << 20  # commands kept while disconnected, beyond which core publishes are refused
REBUILD_WAIT_MAX_S = 5.0
CALLBACK_DEADLINE_S = 30.0
SUBSCRIPTION_CAPACITY = 65_536

AsyncCallback = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request; `status` is set only where the broker itself answered, such as 404."""

    data: bytes
    headers: Mapping[str, str]
    status: int | None


class Bus:
    """One process's connection to the broker; make it with `await Bus.connect(...)`.

    Subscriptions, responders, publishers and pull loops made on it survive a lost connection as well as a client that
    has closed for good (expired credentials, limits): then a new client takes over and everything is set up on it.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        credentials: Credentials | None = None,
        inbox_prefix: str = "_INBOX",
    ) -> None:
        self._servers = parse_servers(url)
        self._shown_url = ",".join(mask_url(server) for server in self._servers)
        self.name = name
        self.inbox_prefix = inbox_prefix
        self._options = (credentials or Credentials()).client_options()
        self._client = DirectClient()
        self._subscriptions: set[Subscription] = set()
        self._reconnected: list[AsyncCallback] = []
        self._disconnected: list[Callable[[], None]] = []
        self._is_closing = False
        self._was_reconnected = False
        self._was_closed = False
        self._signal = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._last_error: Exception | None = None

    # -- life

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        name: str,
        credentials: Credentials | None = None,
        inbox_prefix: str = "_INBOX",
        deadline_s: float = 10.0,
    ) -> Self:
        """Return a connected bus.

        Args:
            url: `nats://`, `tls://`, `ws://` or `wss://`; several servers of one cluster separated by commas.
            name: shown in the broker's monitoring, such as `gateway-binance/pod-3`.
            credentials: None for a broker without authentication.
            inbox_prefix: subject prefix of all answers to us, so that permissions can tell users apart.
            deadline_s: until then the broker may still be starting; connecting is tried again and again.

        Raises:
            BrokerError: no broker answered before the deadline, or it refuses the credentials.
            ConfigError: an url or credentials that cannot be used.
        """
        bus = cls(url, name=name, credentials=credentials, inbox_prefix=inbox_prefix)
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
            await self._close_client(self._client)

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

    def on_reconnected(self, callback: AsyncCallback) -> None:
        """Have `callback` awaited after each new connection, when subscriptions are in place again.

        Callbacks run side by side, with a deadline of 30 s; what they raise is logged.
        """
        self._reconnected.append(callback)

    def off_reconnected(self, callback: AsyncCallback) -> None:
        """Undo `on_reconnected`; unknown callbacks are ignored."""
        with contextlib.suppress(ValueError):
            self._reconnected.remove(callback)

    def on_disconnected(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the connection is lost; it must be quick."""
        self._disconnected.append(callback)

    def off_disconnected(self, callback: Callable[[], None]) -> None:
        """Undo `on_disconnected`; unknown callbacks are ignored."""
        with contextlib.suppress(ValueError):
            self._disconnected.remove(callback)

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
            raise BrokerError(f"cannot publish on {subject}: {_sentence(error)}") from error

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
        try:
            answer = await heeding_cancellation(
                self._client.request(
                    subject, payload, timeout=timeout_s, headers=dict(headers) if headers else None
                )
            )
        except nats.errors.NoRespondersError as error:
            raise NoResponder(f"nobody answers on {subject}: expected a responder") from error
        except nats.errors.TimeoutError as error:
            raise RequestTimedOut(f"no answer on {subject} within {timeout_s:g} s") from error
        except (nats.errors.Error, ValueError) as error:
            raise BrokerError(f"cannot send a request on {subject}: {_sentence(error)}") from error
        answer_headers = answer.headers or {}
        status = answer_headers.get("Status")
        return Answer(answer.data, answer_headers, None if status is None else int(status))

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

    async def _open(self, client: DirectClient, deadline_s: float) -> None:
        """Connect `client` within the deadline, or leave nothing of it behind and raise."""
        refused = asyncio.get_running_loop().create_future()

        async def note_error(error: Exception) -> None:
            if "authorization" in str(error).lower() and not refused.done():
                refused.set_result(None)  # trying again with the same credentials cannot help
            self._note_error(error)

        connecting = asyncio.ensure_future(
            client.connect(self._servers, error_cb=note_error, **self._client_options(client))
        )
        try:
            await asyncio.wait({connecting, refused}, timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                await connecting
                return
        except (nats.errors.Error, ValueError, ImportError) as error:
            raise ConfigError(
                f"broker url or credentials cannot be used: {self._shown_url}: {_sentence(error)}"
            ) from error
        finally:
            if not client.is_connected:
                connecting.cancel()
                await asyncio.gather(connecting, return_exceptions=True)
                await self._close_client(client)
        if refused.done():
            raise BrokerError(f"broker at {self._shown_url} refuses the credentials of {self.name}")
        raise BrokerError(
            f"no broker answers at {self._shown_url}: expected a NATS server within {deadline_s:g} s, "
            f"last attempt: {_sentence(self._last_error)}"
        )

    def _note_error(self, error: Exception) -> None:
        reason = _sentence(error)
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
            "inbox_prefix": self.inbox_prefix,
        }

    def _handle_disconnected(self, client: DirectClient) -> None:
        if client is not self._client or self._is_closing:
            return
        _log.warning("broker_disconnected", bus=self.name, reason=_sentence(self._last_error))
        for callback in self._disconnected:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - must not stop the client's own reconnect
                _log.error("disconnected_callback_failed", error=error, bus=self.name)

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
                await self._run_reconnected()

    async def _rebuild(self) -> None:
        _log.warning("broker_client_closed", bus=self.name, reason=_sentence(self._last_error))
        wait_s = RECONNECT_WAIT_S
        while True:
            client = DirectClient()
            try:
                await self._open(client, deadline_s=CALLBACK_DEADLINE_S)
                for subscription in list(self._subscriptions):
                    await self._attach(client, subscription)
            except (BrokerError, ConfigError, nats.errors.Error, OSError) as error:
                _log.warning("broker_rebuild_failed", bus=self.name, reason=_sentence(error))
                await self._close_client(client)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, REBUILD_WAIT_MAX_S)
            else:
                self._client = client
                if client.is_closed:  # closed again while subscriptions were being set up
                    self._was_closed = True
                    self._signal.set()
                return

    async def _run_reconnected(self) -> None:
        async with asyncio.TaskGroup() as group:
            for callback in list(self._reconnected):
                group.create_task(self._run_callback(callback))

    async def _run_callback(self, callback: AsyncCallback) -> None:
        try:
            async with asyncio.timeout(CALLBACK_DEADLINE_S):
                await callback()
        except Exception as error:  # noqa: BLE001 - one callback's failure must not keep the others from being told
            _log.error("reconnected_callback_failed", error=error, bus=self.name)

    async def _close_client(self, client: DirectClient) -> None:
        tasks = client.own_tasks()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await client.close()
        except (TimeoutError, nats.errors.Error, OSError, AssertionError, AttributeError) as error:
            _log.debug("broker_close_failed", bus=self.name, reason=_sentence(error))
            client.abort()
        finally:
            await end_tasks(tasks, CONNECT_TIMEOUT_S)


def _sentence(error: BaseException | None) -> str:
    if error is None:
        return "no answer"
    return str(error).removeprefix("nats: ") or type(error).__name__
