"""One connection to a private stream of Binance USD-M Futures: receive, keep the key alive, notice when it no longer does.

The stream begins with the socket, whose address holds the listenKey: there is nothing to log on or subscribe to. Orders
go by REST.

Silence is no sign of trouble: an idle account sends nothing for hours, and the venue's own pings come minutes apart. So
the venue is pinged. That it answers pings is learnt from its first answer; where several stay without one though the
venue says other things, only these show that it is there.
"""

import orjson

from fillwire.domain.errors import ConnectionLost
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import OrderKey
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.mapping import read_server_time_ns
from fillwire.venues.binance_futures import requests
from fillwire.venues.binance_futures.announced import Announced
from fillwire.venues.binance_futures.keeping import KeyKeeper
from fillwire.venues.binance_futures.order_api import FuturesOrderApi
from fillwire.venues.connection import RestConnection, Stage
from fillwire.venues.parsing import ExecutionReport, Said
from fillwire.venues.protocol import (
    Authenticated,
    ConnectionLimits,
    Expiring,
    Notice,
    OrderDoubted,
    Ping,
    Subscribed,
)
from fillwire.venues.rest import HttpRequest
from fillwire.venues.symbols import SymbolTable

_S = 1_000_000_000
# The venue pings every three minutes and waits ten for the answer.
SILENCE_NS = 600 * _S
# The report of an announced execution follows within milliseconds.
REPORT_WITHIN_NS = 2 * _S
# A successor of a connection whose key has expired takes a second; without one the account must be known to be deaf.
SUCCEED_WITHIN_NS = 10 * _S
_MISSED_PINGS = 2  # before the venue counts as one that answers none
_PROBE_TIMEOUT_NS = 1 * _S, 10 * _S  # at least, at most


class FuturesProtocol(RestConnection):
    """`VenueProtocol` of Binance USD-M Futures.

    Args:
        account: whose connection it is.
        signer: key pair of the account.
        symbols: the venue's symbols.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
    """

    def __init__(
        self,
        *,
        account: Account,
        signer: Signer,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        clock_offset_ns: int,
    ) -> None:
        super().__init__(
            account=account,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            api=FuturesOrderApi(signer),
        )
        self._announced = Announced(REPORT_WITHIN_NS)
        self._keeper = KeyKeeper(signer, self._calls, self._timers, self._expire, self._fail)
        self._answers_pings: bool | None = None
        self._missed_pings = 0
        self._missed_ns = 0
        # The wait for a probe and the wait for its answer fit into the interval: a dead connection is found within it.
        shortest_ns, longest_ns = _PROBE_TIMEOUT_NS
        third_ns = limits.heartbeat_interval_ns // 3
        self._probe_timeout_ns = max(shortest_ns, min(longest_ns, third_ns))
        self._probe_interval_ns = limits.heartbeat_interval_ns - min(longest_ns, third_ns)

    # -- life

    def connected(self, now_ns: int) -> None:
        """Begin: the stream is there with the socket, and the key was taken when the address was asked for."""
        self._stage = Stage.LIVE
        self._heard_ns = now_ns
        self._events += [Authenticated(), Subscribed()]
        self._keeper.begin(now_ns)
        self._timers.at(now_ns + SILENCE_NS, self._check_silence)
        self._timers.at(now_ns + self._limits.lifetime_ns, self._grow_old)
        self._probe(now_ns)

    def disconnected(self, now_ns: int) -> None:
        """End: the key needs no next hour."""
        super().disconnected(now_ns)
        self._keeper.end()

    def keep_quiet(self, until_ns: int) -> None:
        """Let the key's next hour wait until then; pings are no requests."""
        self._keeper.quiet_until_ns = max(self._keeper.quiet_until_ns, until_ns)

    def _take(self, report: ExecutionReport) -> None:
        self._events.append(report)
        if self._announced:
            self._announced.report((report.symbol, report.order_id), report.trade_id)

    # -- what is no order event

    def _receive_control(self, control: Said, now_ns: int) -> None:
        match control.type:
            case "fill_announced":
                said = orjson.loads(control.json)
                key = said["symbol"], said["order_id"]
                if not self._announced:
                    self._timers.at(now_ns + REPORT_WITHIN_NS, self._check_announced)
                self._announced.announce(key, said["trade_id"], now_ns)
            case "order_doubted":
                self._events.append(OrderDoubted(doubted_order(control)))
            case "listen_key_expired":
                self._expire("the listenKey has expired")
                self._timers.at(now_ns + SUCCEED_WITHIN_NS, self._fall_silent)
            case kind:
                self._events.append(Notice(kind))

    def _check_announced(self, now_ns: int) -> None:
        self._events += [OrderDoubted(key) for key in self._announced.overdue(now_ns)]
        due_ns = self._announced.next_ns()
        if due_ns is not None:
            self._timers.at(due_ns, self._check_announced)

    # -- life

    def _expire(self, reason: str) -> None:
        if self._stage is Stage.LIVE:
            self._events.append(Expiring(reason))

    def _grow_old(self, _now_ns: int) -> None:
        self._expire("the venue ends connections at an age of 24 h")

    def _fall_silent(self, _now_ns: int) -> None:
        self._fail(ConnectionLost(self._venue, "the listenKey has expired, and no successor is there yet"))

    def _probe(self, now_ns: int) -> None:
        if self._stage is not Stage.LIVE:
            return
        if (
            self._answers_pings is None
            and self._missed_pings >= _MISSED_PINGS
            and self._heard_ns > self._missed_ns
        ):
            self._answers_pings = (
                False  # something came since, so the socket is up: the venue does not answer pings
            )
        if self._answers_pings is not False:
            self._frames.append(Ping())
            asked_ns = now_ns
            self._timers.at(now_ns + self._probe_timeout_ns, lambda at_ns: self._probed(asked_ns, at_ns))
            self._timers.at(now_ns + self._probe_interval_ns, self._probe)

    def _probed(self, asked_ns: int, now_ns: int) -> None:
        if self._heard_ns > asked_ns:
            self._answers_pings = True
        elif self._answers_pings is None:  # one may be lost, and the next is answered
            self._missed_pings += 1
            self._missed_ns = now_ns
        else:
            self._fail(
                ConnectionLost(
                    self._venue, f"a ping was not answered within {self._probe_timeout_ns / _S:g} s"
                )
            )

    def _check_silence(self, now_ns: int) -> None:
        due_ns = self._heard_ns + SILENCE_NS
        if now_ns < due_ns:
            self._timers.at(due_ns, self._check_silence)
        else:
            self._fail(
                ConnectionLost(self._venue, f"nothing received for {SILENCE_NS // _S} s, not even a ping")
            )

    # -- the venue's clock

    def _clock_request(self) -> HttpRequest:
        return requests.server_time()

    def _read_clock_ns(self, body: bytes) -> int:
        return read_server_time_ns(orjson.loads(body))


def doubted_order(control: Said) -> OrderKey:
    """Return the order that an `order_doubted` is about."""
    said = orjson.loads(control.json)
    return said["symbol"], said["order_id"]
