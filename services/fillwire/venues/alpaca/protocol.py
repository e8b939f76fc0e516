"""One connection to Alpaca's trading stream: authenticate, listen, receive, and notice when it no longer does.

    connected → auth → authorized → listen → listening with trade_updates → receiving

The venue sends no heartbeat, and an idle account nothing for days: the connection counts as dead when pings of ours are
not answered. There is no replay: what was missed is asked of the records, which the gateway does after each connection.

A connection has no end by age, so none is made beside another: the venue holds one per account and refuses a second.
"""

import orjson

from fillwire.domain.errors import (
    AuthRejected,
    ConnectionLost,
    FrameError,
    SubscriptionRejected,
)
from fillwire.domain.identifiers import Account
from fillwire.venues.alpaca import requests
from fillwire.venues.alpaca.auth import Key
from fillwire.venues.alpaca.orders import AlpacaOrders
from fillwire.venues.alpaca.values import time_ns
from fillwire.venues.connection import RestConnection, Stage
from fillwire.venues.parsing import Said
from fillwire.venues.protocol import (
    Authenticated,
    ConnectionLimits,
    Notice,
    OrderDoubted,
    Ping,
    Subscribed,
)
from fillwire.venues.rest import HttpRequest
from fillwire.venues.symbols import SymbolTable

_S = 1_000_000_000
_STREAM = "trade_updates"
_LISTEN = orjson.dumps({"action": "listen", "data": {"streams": [_STREAM]}})
_LONGEST_PING_NS = 10 * _S
_NOTE = Notice("order_note")


class AlpacaProtocol(RestConnection):
    """`VenueProtocol` of Alpaca.

    Args:
        account: whose connection it is.
        key: its key.
        symbols: the venue's symbols.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
        dialled_ns: when dialling began: the limit for connecting counts from here.
    """

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        key: Key,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> None:
        super().__init__(
            account=account,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            api=AlpacaOrders(key),
        )
        self._key = key
        self._is_authorized = False
        # Three pings go into the interval, and the third is not waited for: a dead connection is found within it.
        self._ping_every_ns = min(_LONGEST_PING_NS, limits.heartbeat_interval_ns // 3)
        self._silence_ns = limits.heartbeat_interval_ns - self._ping_every_ns
        self._listen_by_ns = dialled_ns + limits.connect_timeout_ns

    # -- life

    def connected(self, now_ns: int) -> None:
        """Authenticate: the venue says nothing before that."""
        self._stage = Stage.OPENING
        self._heard_ns = now_ns
        self._frames.append(self._key.frame)
        self._timers.at(self._listen_by_ns, self._check_listening)
        self._timers.at(now_ns + self._ping_every_ns, self._ping)

    def _receive_control(self, control: Said, now_ns: int) -> None:  # noqa: ARG002 - nothing here has a deadline
        said = orjson.loads(control.json)
        match control.type:
            case "authorization":
                self._receive_authorization(said["authorized"], said["action"], said["message"])
            case "listening":
                self._receive_listening(said["streams"])
            case "error":
                self._fail(ConnectionLost(self._venue, f"the venue reports: {said['message'] or 'an error'}"))
            case "order_doubted":
                self._events.append(OrderDoubted.of(control))
            case _:
                self._events.append(_NOTE)

    def _receive_authorization(self, is_authorized: bool, action: str | None, message: str | None) -> None:
        if not is_authorized:
            reason = message or f"the venue answers unauthorized to {action or 'authenticate'}"
            if action == "listen":  # not the key: the venue has lost what it granted
                self._fail(ConnectionLost(self._venue, reason))
            else:
                self._fail(AuthRejected(self._venue, reason))
        elif self._stage is Stage.OPENING and not self._is_authorized:
            self._is_authorized = True
            self._events.append(Authenticated())
            self._frames.append(_LISTEN)

    def _receive_listening(self, streams: list[str]) -> None:
        if _STREAM not in streams:
            found = ", ".join(streams) or "none"
            reason = f"expected the stream {_STREAM} in the acknowledgement, found {found}"
            is_live = self._stage is Stage.LIVE
            error = ConnectionLost if is_live else SubscriptionRejected
            self._fail(error(self._venue, reason))
        elif self._stage is Stage.OPENING and self._is_authorized:
            self._stage = Stage.LIVE
            self._events.append(Subscribed())

    def _check_listening(self, _now_ns: int) -> None:
        if self._stage is Stage.OPENING:
            what = "subscription" if self._is_authorized else "authentication"
            self._fail(ConnectionLost(self._venue, f"no answer to the {what} in time"))

    def _ping(self, now_ns: int) -> None:
        if self._stage is Stage.ENDED:
            return
        silent_ns = now_ns - self._heard_ns
        if silent_ns >= self._silence_ns:
            self._fail(
                ConnectionLost(self._venue, f"nothing received for {silent_ns / _S:g} s, not even a pong")
            )
            return
        self._frames.append(Ping())
        self._timers.at(now_ns + self._ping_every_ns, self._ping)

    # -- frames that are refused

    def _refuse_frame(self, frame: bytes, received_time_ns: int, error: FrameError) -> None:
        super()._refuse_frame(frame, received_time_ns, error)
        if error.symbol is not None and error.order_id is not None:
            # Something happened to the order that the frame could not tell.
            self._events.append(OrderDoubted((error.symbol, error.order_id)))

    # -- the venue's clock

    def _clock_request(self) -> HttpRequest:
        return requests.with_key(requests.clock(), self._key)

    def _read_clock_ns(self, body: bytes) -> int:
        try:
            return time_ns(orjson.loads(body)["timestamp"])
        except (LookupError, TypeError) as error:
            raise ValueError(f"no time: {error}") from error
