"""The WebSocket API: one JSON object per frame, sessions, subscriptions, and every operation of the table."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson

from fillwire.simulator.binance import refusals
from fillwire.simulator.binance.connections import BinanceConnection, BinanceSubscription
from fillwire.simulator.binance.core import BinanceCore
from fillwire.simulator.binance.operations import Answer, Operation, Request, Security
from fillwire.simulator.binance.parameters import Parameters
from fillwire.simulator.binance.refusals import BANNED, Refusal
from fillwire.simulator.binance.security import check_signature, check_time, find_key
from fillwire.simulator.binance.signatures import websocket_payload
from fillwire.simulator.exchange.accounts import Account, ApiKey

MAX_SUBSCRIPTIONS = 1_000
MAX_SUBSCRIPTION_IDS = 65_535
_SESSION_WEIGHT = 2
_MAX_WAITING = 1_000
_RETIRED = frozenset({"userDataStream.start", "userDataStream.ping", "userDataStream.stop"})


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Frame:
    """One request as its frame says it. What could be read stays, also when the rest is refused.

    Attributes:
        account: who has signed or logged on, None before that is known.
        is_signed: whether the request carries a time within which it must be acted on.
        shows_orders: whether the response shows the account's unfilled order count.
    """

    def __init__(self, *, shows_limits: bool) -> None:
        self.id: int | str | None = None
        self.method = ""
        self.params = Parameters({})
        self.shows_limits = shows_limits
        self.account: Account | None = None
        self.is_signed = False
        self.shows_orders = False

    def read(self, text: str) -> None:
        """Read the frame.

        Raises:
            Refusal: it is no request.
        """
        try:
            document = json.loads(text, parse_int=_Number, parse_float=_Number)
        except ValueError:
            raise Refusal(-1135, "Invalid JSON Request") from None
        if not isinstance(document, dict):
            raise Refusal(-1135, "Invalid JSON Request")
        self._read_id(document.get("id"))
        method = document.get("method")
        if not isinstance(method, str) or isinstance(method, _Number):
            raise refusals.missing("method")
        self.method = method.removeprefix("v3/")
        params = document.get("params") or {}
        if not isinstance(params, dict):
            raise Refusal(-1135, "JSON sent for parameter 'params' is not valid")
        self.params = Parameters({name: _text(value) for name, value in params.items()})
        self.shows_limits = self.params.boolean("returnRateLimits", default=self.shows_limits)

    def _read_id(self, request_id: object) -> None:
        if isinstance(request_id, _Number) and request_id.removeprefix("-").isdecimal():
            self.id = int(request_id)
        elif isinstance(request_id, _Number) or not isinstance(request_id, str | None):
            raise refusals.invalid("id")
        else:
            self.id = request_id


class Session:
    """The requests of one connection, handled one after the other as they arrive."""

    def __init__(self, core: BinanceCore, connection: BinanceConnection) -> None:
        self._core = core
        self._connection = connection
        self._waiting: set[asyncio.Task[None]] = set()
        self._methods: Mapping[str, Callable[[Parameters], Any]] = {
            "session.logon": self._logon,
            "session.status": self._status,
            "session.logout": self._logout,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_by_signature,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def receive(self, data: str | bytes) -> None:
        """Act on a frame and answer it."""
        if isinstance(data, bytes):
            self._connection.close(1003, "text frames only")
            return
        frame = _Frame(shows_limits=self._connection.shows_limits)
        with self._answering(frame):
            frame.read(data)
            action = self._accept(frame)
            delay_s = self._core.faults.request_delay_s(frame.method, frame.account, "websocket")
            if delay_s:
                self._postpone(delay_s, frame, action)
            else:
                action()

    def end(self) -> None:
        """Drop what still waits for a fault's delay; the connection has ended."""
        for task in self._waiting:
            task.cancel()

    @contextmanager
    def _answering(self, frame: "_Frame") -> Iterator[None]:
        """Answer the request with the refusal that ends the block."""
        try:
            yield
        except Refusal as refusal:
            self._respond(frame, refusal.status, {"error": refusal.body()})
            if refusal.status == BANNED:
                self._core.cut_off(self._connection.address)

    def _postpone(self, delay_s: float, frame: "_Frame", action: Callable[[], None]) -> None:
        """Act later, while the connection goes on."""
        if len(self._waiting) >= _MAX_WAITING:
            raise Refusal(-1003, "Too many requests queued.", status=429)

        async def act_later() -> None:
            await asyncio.sleep(delay_s)
            with self._answering(frame):
                if frame.is_signed:
                    check_time(self._core.venue, frame.params)
                action()

        task = asyncio.create_task(act_later(), name=f"postponed {frame.method}")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _accept(self, frame: "_Frame") -> Callable[[], None]:
        """Return what the request leads to, once limits and security have let it in."""
        limits = self._core.venue.limits
        address = self._connection.address
        session_method = self._methods.get(frame.method)
        if session_method is not None:
            limits.charge(address, _SESSION_WEIGHT)
            session_key = self._connection.session_key
            frame.account = None if session_key is None else session_key.account
            return partial(self._act_on_session, frame, session_method)
        operation = self._core.operations.get(frame.method)
        if operation is None:
            if frame.method in _RETIRED:
                raise Refusal(-1016, "This service is no longer available.", status=410)
            raise refusals.invalid("method")
        weight = operation.weight(frame.params)
        limits.charge(address, weight)
        if operation.security is Security.SIGNED:
            frame.account = self._authenticate(frame.params)
            frame.is_signed = True
        frame.shows_orders = operation.shows_orders
        return partial(self._act, frame, operation, weight)

    def _act_on_session(self, frame: "_Frame", method: Callable[[Parameters], Any]) -> None:
        self._core.refuse_on_demand(frame.method, frame.account, "websocket")
        self._respond(frame, 200, {"result": method(frame.params)})

    def _act(self, frame: "_Frame", operation: Operation, weight: int) -> None:
        core = self._core
        core.refuse_on_demand(operation.name, frame.account, "websocket")
        request = Request(
            venue=core.venue,
            params=frame.params,
            account=frame.account,
            divisor=self._connection.divisor,
            address=self._connection.address,
        )
        self._conclude(frame, operation, frame.account, core.perform(operation, request, weight))

    def _conclude(
        self, frame: "_Frame", operation: Operation, account: Account | None, answer: Answer
    ) -> None:
        """Send response and events, in the order and completeness that the faults leave."""
        core = self._core
        comes_first = bool(answer.events) and core.faults.strike("event_first", account) is not None
        if comes_first:
            core.publisher.publish(answer.events)
        lost = core.faults.lost_response(operation.name, account)
        if lost is not None:
            refusal: Refusal | None = Refusal(-1007, refusals.STATUS_UNKNOWN, status=504)
        else:
            refusal = answer.refusal
        if lost is None or lost.options.get("answer") != "none":
            if refusal is None:
                self._respond(frame, 200, {"result": answer.result})
            else:
                self._respond(frame, refusal.status, {"error": refusal.body()})
        if not comes_first:
            core.publisher.publish(answer.events)

    def _respond(self, frame: "_Frame", status: int, outcome: dict[str, Any]) -> None:
        self._core.answered[f"websocket {status}"] += 1
        document = {"id": frame.id, "status": status, **outcome}
        limits = self._core.venue.limits
        if frame.shows_limits:
            orders: list[dict[str, Any]] = []
            if frame.shows_orders and frame.account is not None:
                orders = limits.order_documents(frame.account)
            document["rateLimits"] = [*orders, limits.weight_document(self._connection.address)]
        self._connection.deliver(orjson.dumps(document), "response", frame.account)

    # Security

    def _authenticate(self, params: Parameters) -> Account:
        """Return whose request it is: of its own key and signature, or of the session's key."""
        session_key = self._connection.session_key
        if session_key is not None and session_key.is_revoked:
            self._drop_session()
        if session_key is not None and not params.has("apiKey"):
            if session_key.is_revoked:
                raise refusals.key_rejected()
            check_time(self._core.venue, params)
            return session_key.account
        return self._signed(params).account

    def _signed(self, params: Parameters) -> ApiKey:
        key = find_key(self._core.venue, params.required("apiKey"))
        check_signature(self._core.venue, key, websocket_payload(params.values), params.required("signature"))
        check_time(self._core.venue, params)
        return key

    def _drop_session(self) -> None:
        """Tell a session that its key is no longer valid, and take its authority away."""
        connection = self._connection
        connection.session_key = None
        connection.authorized_us = None
        body = {"id": None, "status": 401, "error": refusals.key_rejected().body()}
        connection.deliver(orjson.dumps(body), "response")

    # Session methods

    def _session_document(self) -> dict[str, Any]:
        connection = self._connection
        divisor = connection.divisor
        key = connection.session_key
        return {
            "apiKey": None if key is None else key.api_key,
            "authorizedSince": None
            if connection.authorized_us is None
            else connection.authorized_us // divisor,
            "connectedSince": connection.connected_us // divisor,
            "returnRateLimits": connection.shows_limits,
            "serverTime": self._core.venue.clock.now_us() // divisor,
            "userDataStream": bool(connection.subscriptions),
        }

    def _refuse_login(self, account: Account) -> None:
        if self._core.faults.strike("login_refused", account) is not None:
            raise refusals.key_rejected()

    def _logon(self, params: Parameters) -> Any:
        key = self._signed(params)
        params.finish()
        if self._core.venue.verifiers[key.api_key].algorithm != "ed25519":
            raise refusals.key_rejected()
        self._refuse_login(key.account)
        self._connection.session_key = key
        self._connection.authorized_us = self._core.venue.clock.now_us()
        return self._session_document()

    def _status(self, params: Parameters) -> Any:
        params.finish()
        session_key = self._connection.session_key
        if session_key is not None and session_key.is_revoked:
            self._drop_session()
        return self._session_document()

    def _logout(self, params: Parameters) -> Any:
        params.finish()
        self._connection.session_key = None
        self._connection.authorized_us = None
        for subscription in list(self._connection.subscriptions.values()):
            if isinstance(subscription, BinanceSubscription) and subscription.is_of_session:
                self._terminate(subscription)
        return self._session_document()

    def _subscriptions(self, params: Parameters) -> Any:
        params.finish()
        return [{"subscriptionId": number} for number in self._connection.subscriptions]

    def _subscribe(self, params: Parameters) -> Any:
        params.finish()
        key = self._connection.session_key
        if key is None or key.is_revoked:
            raise refusals.key_rejected()
        return self._begin(key.account, is_of_session=True)

    def _subscribe_by_signature(self, params: Parameters) -> Any:
        key = self._signed(params)
        params.finish()
        return self._begin(key.account, is_of_session=False)

    def _begin(self, account: Account, *, is_of_session: bool) -> Any:
        connection = self._connection
        self._refuse_login(account)
        if any(subscription.account is account for subscription in connection.subscriptions.values()):
            raise Refusal(-2035, "User Data Stream subscription already active.")
        if connection.subscriptions_made >= MAX_SUBSCRIPTION_IDS:
            raise Refusal(-2042, "Maximum subscription ID reached for this connection.")
        if len(connection.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Refusal(
                -1191,
                f"Too many subscriptions. Connection may create up to '{MAX_SUBSCRIPTIONS}' subscriptions at a time.",
            )
        subscription = BinanceSubscription(connection, account, is_of_session=is_of_session)
        connection.subscribe(subscription)
        return {"subscriptionId": subscription.id}

    def _unsubscribe(self, params: Parameters) -> Any:
        number = params.integer("subscriptionId")
        params.finish()
        subscriptions = self._connection.subscriptions
        ended = list(subscriptions.values()) if number is None else [subscriptions.get(number)]
        if not ended or None in ended:
            raise Refusal(-2036, "User Data Stream subscription not active.")
        for subscription in ended:
            if isinstance(subscription, BinanceSubscription):
                self._terminate(subscription)
        return {}

    def _terminate(self, subscription: BinanceSubscription) -> None:
        subscription.terminate(self._core.venue.clock.now_us())
