"""One connection to ToyX: log in, receive, and notice when it no longer does.

    connected → login → welcome: receiving

The venue sends nothing to an idle account, so pings of ours tell whether it lives.
"""

import orjson

from fillwire.domain.errors import AuthRejected, ConnectionLost, FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.connection import RestConnection, Stage
from fillwire.venues.parsing import FrameParser, Said
from fillwire.venues.protocol import Authenticated, ConnectionLimits, OrderDoubted, Ping, Subscribed
from fillwire.venues.rest import HttpRequest
from fillwire.venues.symbols import SymbolTable
from toyx.venue import requests
from toyx.venue.orders import ToyOrders
from toyx.venue.parser import ToyParser
from toyx.venue.rows import time_ns


class ToyProtocol(RestConnection):
    """`VenueProtocol` of ToyX; the arguments are those of `VenueAccount.protocol`."""

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        key: requests.Key,
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
            api=ToyOrders(key),
        )
        self._key = key
        # Two pings go into the interval: a dead connection is found within it.
        self._ping_every_ns = limits.heartbeat_interval_ns // 3
        self._login_by_ns = dialled_ns + limits.connect_timeout_ns

    def _make_parser(self, symbols: SymbolTable) -> FrameParser:
        return ToyParser(self._account, symbols.pairs)

    def connected(self, now_ns: int) -> None:
        """Log in."""
        self._stage = Stage.OPENING
        self._heard_ns = now_ns
        self._frames.append(self._key.login)
        self._timers.at(self._login_by_ns, self._check_login)
        self._timers.at(now_ns + self._ping_every_ns, self._ping)

    def _receive_control(self, control: Said, now_ns: int) -> None:
        _ = now_ns
        if control.type == "refused":
            self._fail(AuthRejected(self._venue, orjson.loads(control.json)["reason"]))
        elif self._stage is Stage.OPENING:
            self._stage = Stage.LIVE
            self._events += [Authenticated(), Subscribed()]

    def _refuse_frame(self, frame: bytes, received_time_ns: int, error: FrameError) -> None:
        super()._refuse_frame(frame, received_time_ns, error)
        if error.symbol is not None and error.order_id is not None:
            self._events.append(OrderDoubted((error.symbol, error.order_id)))

    def _check_login(self, _now_ns: int) -> None:
        if self._stage is Stage.OPENING:
            self._fail(ConnectionLost(self._venue, "no answer to the login in time"))

    def _ping(self, now_ns: int) -> None:
        if now_ns - self._heard_ns >= 2 * self._ping_every_ns:
            self._fail(ConnectionLost(self._venue, "nothing received, not even a pong"))
        elif self._stage is not Stage.ENDED:
            self._frames.append(Ping())
            self._timers.at(now_ns + self._ping_every_ns, self._ping)

    def _clock_request(self) -> HttpRequest:
        return requests.TIME

    def _read_clock_ns(self, body: bytes) -> int:
        return time_ns(orjson.loads(body), "time")
