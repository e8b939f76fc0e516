"""One connection to Coinbase Advanced Trade: subscribe, receive, and notice when it no longer does.

    connected → subscribe user → acknowledged: receiving → subscribe heartbeats → acknowledged

One channel is asked for at a time, so that it is plain which of them a refusal is meant for: it comes as a frame that
names nothing, on a socket that stays open. The venue refuses a good key now and then; one more token is sent before the
key counts as refused. With heartbeats there is a frame each second, and silence is death.

The stream has no executions. What a frame shows of them is a doubt, which the venue's records settle.
"""

import orjson

from fillwire.domain.enums import Kind
from fillwire.domain.errors import AuthRejected, ConnectionLost
from fillwire.domain.identifiers import Account
from fillwire.venues.coinbase_advanced import requests
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.orders import AdvancedOrders
from fillwire.venues.coinbase_advanced.products import read_time_ns
from fillwire.venues.coinbase_advanced.records import AdvancedRecords
from fillwire.venues.coinbase_advanced.refusals import AUTHENTICATION_FAILURE
from fillwire.venues.connection import RestConnection, Stage
from fillwire.venues.parsing import ExecutionReport, Said
from fillwire.venues.protocol import (
    Authenticated,
    ConnectionLimits,
    Notice,
    OrderDoubted,
    StreamDoubted,
    Subscribed,
)
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpRequest
from fillwire.venues.symbols import SymbolTable

USER, HEARTBEATS = "user", "heartbeats"
_S = 1_000_000_000
SILENCE_NS = 10 * _S


class AdvancedProtocol(RestConnection):
    """`VenueProtocol` of Coinbase Advanced Trade.

    Args:
        account: whose connection it is.
        signer: key of the account.
        records: of the account.
        symbols: the venue's products.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
        dialled_ns: when dialling began: the limit for connecting counts from here.
        proven: names of the keys that the venue has taken before; it refuses these now and then, which passes.
    """

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        signer: TokenSigner,
        records: AdvancedRecords,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
        proven: set[str],
    ) -> None:
        super().__init__(
            account=account,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            api=AdvancedOrders(signer, records),
        )
        self._signer = signer
        self._proven = proven
        self._awaited: str | None = None  # the channel whose acknowledgement is awaited
        self._is_retry = False
        self._subscribe_by_ns = dialled_ns + limits.connect_timeout_ns
        self._began_ns = dialled_ns + clock_offset_ns

    # -- life

    def connected(self, now_ns: int) -> None:
        """Begin to subscribe."""
        self._stage = Stage.OPENING
        self._heard_ns = now_ns
        self._timers.at(now_ns + SILENCE_NS, self._check_silence)
        self._timers.at(self._subscribe_by_ns, self._check_subscribed)
        self._subscribe(USER, now_ns)

    def _take(self, report: ExecutionReport) -> None:
        """Take an order event, unless the order was accepted before this connection: the records have told of it."""
        if report.kind != Kind.NEW or report.transaction_time_ns >= self._began_ns:
            self._events.append(report)

    def note_order(self, order: OrderRow) -> None:
        """Have the parser know what is published of an order."""
        self._parser.note_order(order)

    def _subscribe(self, channel: str, now_ns: int) -> None:
        self._awaited = channel
        self._frames.append(requests.subscribe(self._signer, now_ns + self._clock_offset_ns, channel))

    def _receive_control(self, control: Said, now_ns: int) -> None:
        match control.type:
            case "order_doubted":
                self._events.append(OrderDoubted.of(control))
            case "sequence_gap":
                self._events.append(StreamDoubted("the venue's numbers show that frames are missing"))
            case "subscriptions":
                self._note_subscriptions(control, now_ns)
            case "error":
                self._note_error(control, now_ns)
            case kind:
                self._events.append(Notice(kind))

    def _note_subscriptions(self, control: Said, now_ns: int) -> None:
        channels = {name for event in orjson.loads(control.json)["channels"] for name in event}
        if self._stage is Stage.LIVE and USER not in channels:
            self._fail(ConnectionLost(self._venue, "the venue shows no subscription of the account any more"))
        elif self._awaited in channels:
            granted, self._awaited, self._is_retry = self._awaited, None, False
            if granted == USER:
                self._stage = Stage.LIVE
                self._proven.add(self._signer.key_name)
                self._events += (Authenticated(), Subscribed())
                self._subscribe(HEARTBEATS, now_ns)

    def _note_error(self, control: Said, now_ns: int) -> None:
        said = orjson.loads(control.json)
        message = ": ".join(filter(None, (said["message"], said["reason"])))
        if not message.lower().startswith(AUTHENTICATION_FAILURE) or self._awaited is None:
            # The venue may leave the socket open and send nothing more on it.
            self._fail(ConnectionLost(self._venue, f"the venue reports an error: {message}"))
        elif not self._is_retry:
            self._is_retry = True
            self._measure_clock(now_ns, self._subscribe_again)  # it does not say whether it refused the time
        elif self._awaited == USER:
            is_proven = self._signer.key_name in self._proven
            error = ConnectionLost if is_proven else AuthRejected
            self._fail(error(self._venue, f"{message}, twice with a token of its own each"))
        else:
            self._fail(ConnectionLost(self._venue, f"no subscription to {self._awaited}: {message}"))

    def _subscribe_again(self, now_ns: int) -> None:
        if self._awaited is not None and self._stage is not Stage.ENDED:
            self._subscribe(self._awaited, now_ns)

    def _check_subscribed(self, _now_ns: int) -> None:
        if self._stage is Stage.OPENING:
            self._fail(ConnectionLost(self._venue, "the subscription was not acknowledged in time"))

    def _check_silence(self, now_ns: int) -> None:
        due_ns = self._heard_ns + SILENCE_NS
        if now_ns < due_ns:
            self._timers.at(due_ns, self._check_silence)
        else:
            self._fail(
                ConnectionLost(
                    self._venue, f"nothing received for {SILENCE_NS // _S} s, not even a heartbeat"
                )
            )

    # -- the venue's clock

    def _clock_request(self) -> HttpRequest:
        return requests.server_time()

    def _read_clock_ns(self, body: bytes) -> int:
        return read_time_ns(body)
