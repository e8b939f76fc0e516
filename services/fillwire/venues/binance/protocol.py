"""One connection to Binance Spot: log on, subscribe, receive, and notice when it no longer does.

    HMAC, RSA    connected → userDataStream.subscribe.signature → receiving
    Ed25519      connected → session.logon → userDataStream.subscribe → receiving

Silence is no sign of trouble: an idle account sends nothing for hours. The connection counts as dead when
`session.status` is not answered or shows no subscription, or when not even the server's pings arrive.
"""

import orjson

from fillwire.domain.enums import Reach
from fillwire.domain.errors import AuthRejected, ConnectionLost, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.binance import requests
from fillwire.venues.binance.auth import KeyKind, Signer
from fillwire.venues.binance.calls import Calls, NoAnswer, Reply, Then
from fillwire.venues.binance.orders import OrderDesk
from fillwire.venues.binance.refusals import (
    ALREADY_SUBSCRIBED,
    CLOCK_OUTSIDE_WINDOW,
    Refusal,
    connection_error,
    throttled,
)
from fillwire.venues.connection import LOST, Connection, Stage
from fillwire.venues.parsing import Said
from fillwire.venues.protocol import (
    Authenticated,
    ConnectionLimits,
    Expiring,
    HttpAsk,
    Notice,
    Subscribed,
    Throttling,
)
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Action

_S = 1_000_000_000
# The venue pings every 20 seconds.
SILENCE_NS = 60 * _S
_PROBE_TIMEOUT_NS = 1 * _S, 10 * _S  # at least, at most
# Made once: one comes with every fill.
_NOTICES = {kind: Notice(kind) for kind in ("account", "balance", "external_lock", "list_status")}


class BinanceProtocol(Connection):
    """`VenueProtocol` of Binance Spot.

    Args:
        account: whose connection it is.
        signer: key pair of the account.
        symbols: the venue's symbols.
        limits: deadlines and bounds of the connection.
        microseconds: whether the connection was opened with `timeUnit=MICROSECOND`.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
        dialled_ns: when dialling began: the limit for connecting counts from here.
    """

    _is_clock_apart = False

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        signer: Signer,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        microseconds: bool,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> None:
        super().__init__(
            account=account,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            microseconds=microseconds,
        )
        self._signer = signer
        self._calls = Calls(signer, self._timers, clock_offset_ns, self._note_clock, self._note_refusal)
        self._desk = OrderDesk(
            self._calls,
            self._timers,
            symbols,
            limits.order_timeout_ns,
            limits.max_pending_orders,
            self._note_answer,
        )
        self._quiet_until_ns = 0
        # The wait for a probe and the wait for its answer fit into the interval: a dead connection is found within it.
        shortest_ns, longest_ns = _PROBE_TIMEOUT_NS
        third_ns = limits.heartbeat_interval_ns // 3
        self._probe_timeout_ns = max(shortest_ns, min(longest_ns, third_ns))
        self._probe_interval_ns = limits.heartbeat_interval_ns - min(longest_ns, third_ns)
        self._subscribe_by_ns = dialled_ns + limits.connect_timeout_ns

    # -- life

    def connected(self, now_ns: int) -> None:
        """Begin to subscribe."""
        self._stage = Stage.OPENING
        self._heard_ns = now_ns
        self._timers.at(now_ns + SILENCE_NS, self._check_silence)
        if self._signer.kind is KeyKind.ED25519:
            self._ask_life(requests.SESSION_LOGON, now_ns, self._logged_on, is_signed=True)
        else:
            self._ask_life(requests.SUBSCRIBE_SIGNATURE, now_ns, self._subscribed, is_signed=True)

    def disconnected(self, now_ns: int) -> None:
        """End: what waits for an answer will get none."""
        super().disconnected(now_ns)
        self._calls.abandon(LOST, now_ns)

    def frames_to_send(self) -> list[bytes]:
        """Return the text frames to send."""
        return self._calls.frames()

    def requests_to_send(self) -> list[HttpAsk]:
        """Return nothing: all is asked on the socket."""
        return []

    def receive_response(self, key: int, answer: HttpResponse | VenueError, now_ns: int) -> None:
        """Take nothing: see `requests_to_send`."""

    def use_clock(self, offset_ns: int) -> None:
        """Sign with this offset, and judge times by it, from now on."""
        super().use_clock(offset_ns)
        self._calls.clock_offset_ns = offset_ns

    def keep_quiet(self, until_ns: int) -> None:
        """Probe no more until then: while the venue wants no requests, only its pings show that it is there."""
        self._quiet_until_ns = max(self._quiet_until_ns, until_ns)

    def _ask_life(self, call: requests.Call, now_ns: int, then: Then, *, is_signed: bool = False) -> None:
        def unless_ended(reply: Reply, at_ns: int) -> None:
            if self._stage is not Stage.ENDED:
                then(reply, at_ns)

        self._calls.ask(call, now_ns, self._subscribe_by_ns - now_ns, unless_ended, is_signed=is_signed)

    def _logged_on(self, reply: Reply, now_ns: int) -> None:
        if not self._is_granted(reply, requests.SESSION_LOGON, now_ns):
            return
        self._calls.is_logged_on = True
        self._events.append(Authenticated())
        self._ask_life(requests.SUBSCRIBE, now_ns, self._subscribed)

    def _subscribed(self, reply: Reply, now_ns: int) -> None:
        is_active_already = isinstance(reply, Refusal) and reply.code == ALREADY_SUBSCRIBED
        if not is_active_already and not self._is_granted(reply, requests.SUBSCRIBE_SIGNATURE, now_ns):
            return
        if not self._calls.is_logged_on:
            self._events.append(Authenticated())  # the one signature was for both
        self._stage = Stage.LIVE
        self._events.append(Subscribed())
        self._timers.at(now_ns + self._probe_interval_ns, self._probe)
        self._timers.at(now_ns + self._limits.lifetime_ns, self._expire)

    def _is_granted(self, reply: Reply, call: requests.Call, now_ns: int) -> bool:
        if isinstance(reply, NoAnswer):
            self._fail(ConnectionLost(self._venue, reply.reason))
        elif isinstance(reply, Refusal):
            self._fail(self._life_error(reply, call, now_ns))
        else:
            return True
        return False

    def _life_error(self, refusal: Refusal, call: requests.Call, now_ns: int) -> VenueError:
        if refusal.code == CLOCK_OUTSIDE_WINDOW:
            offset_s = self._calls.clock_offset_ns / _S
            return ConnectionLost(
                self._venue,
                f"{call.method} refused because of its time, also after the venue was asked for its own "
                f"(clock offset {offset_s:+.3f} s): set this machine's clock; {refusal}",
            )
        return connection_error(self._venue, refusal, self._calls.venue_now_ms(now_ns))

    def _probe(self, now_ns: int) -> None:
        if self._stage is Stage.LIVE:
            if now_ns < self._quiet_until_ns:
                self._timers.at(self._quiet_until_ns, self._probe)
                return
            self._timers.at(now_ns + self._probe_interval_ns, self._probe)
            self._calls.ask(requests.SESSION_STATUS, now_ns, self._probe_timeout_ns, self._probed)

    def _probed(self, reply: Reply, now_ns: int) -> None:
        if self._stage is not Stage.LIVE:
            return
        if isinstance(reply, NoAnswer):
            self._fail(ConnectionLost(self._venue, reply.reason))
        elif isinstance(reply, Refusal):
            error = connection_error(self._venue, reply, self._calls.venue_now_ms(now_ns))
            if isinstance(error, AuthRejected):
                self._fail(error)
            # Any other refusal is an answer all the same: the connection lives, and the next probe asks again.
        elif not isinstance(reply, dict) or reply.get("userDataStream") is not True:
            self._fail(ConnectionLost(self._venue, "the venue shows no active user data stream any more"))

    def _check_silence(self, now_ns: int) -> None:
        due_ns = self._heard_ns + SILENCE_NS
        if now_ns < due_ns:
            self._timers.at(due_ns, self._check_silence)
        elif self._stage is not Stage.ENDED:
            self._fail(
                ConnectionLost(self._venue, f"nothing received for {SILENCE_NS // _S} s, not even a ping")
            )

    def _expire(self, _now_ns: int) -> None:
        if self._stage is Stage.LIVE:
            self._events.append(Expiring("the venue ends connections at an age of 24 h"))

    def _receive_control(self, control: Said, now_ns: int) -> None:
        kind = control.type
        if kind == "response":
            self._receive_answer(control, now_ns)
        elif kind == "stream_terminated":
            self._fail(ConnectionLost(self._venue, "the venue terminated the event stream"))
        elif kind == "server_shutdown" and self._stage is Stage.LIVE:
            self._events.append(Expiring("the venue announced the shutdown of its server"))
        else:
            self._events.append(_NOTICES.get(kind) or Notice(kind))

    def _receive_answer(self, control: Said, now_ns: int) -> None:
        answer = orjson.loads(control.json)
        if self._calls.receive(answer, now_ns):
            return
        if answer["id"] is None and answer["error"] is not None:
            refusal = Refusal.of_answer(answer["status"], answer["error"])
            self._note_refusal(refusal, now_ns)
            error = connection_error(self._venue, refusal, self._calls.venue_now_ms(now_ns))
            if isinstance(error, AuthRejected):  # the key was revoked while in use
                self._fail(error)
                return
        self._events.append(Notice("unexpected_response"))

    def _measure_clock(self, now_ns: int, then: Action) -> None:
        self._calls.measure_clock(now_ns, then)

    def _note_refusal(self, refusal: Refusal, now_ns: int) -> None:
        if refusal.asks_to_wait:
            error = throttled(self._venue, refusal, refusal.wait_s(self._calls.venue_now_ms(now_ns)))
            if error.reach is Reach.MACHINE:
                self.keep_quiet(now_ns + int(error.retry_after_s * _S))
            self._events.append(Throttling(error))
