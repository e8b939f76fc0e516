"""One connection to Coinbase Exchange: subscribe, receive, and notice when it no longer does.

    connected → signed subscription → acknowledged for every product: receiving

The subscription is the log-in, and must follow within five seconds. With heartbeats there is a frame each second, and
silence is death.

The messages tell an order's life only together. What they leave open is a doubt, which the venue's records settle; what
these show is given to the parser, so that it can go on from there.
"""

from typing import TYPE_CHECKING

import orjson

from fillwire.domain.errors import (
    AuthRejected,
    ConnectionLost,
    SubscriptionRejected,
)
from fillwire.domain.identifiers import Account
from fillwire.venues.coinbase_exchange import requests
from fillwire.venues.coinbase_exchange.auth import Signer
from fillwire.venues.coinbase_exchange.names import ClientOrderIds
from fillwire.venues.coinbase_exchange.orders import ExchangeOrders
from fillwire.venues.coinbase_exchange.refusals import says_expired
from fillwire.venues.coinbase_exchange.rows import read_clock_ns
from fillwire.venues.coinbase_exchange.subscribing import Subscriptions
from fillwire.venues.connection import RestConnection, Stage
from fillwire.venues.parsing import ExecutionReport, Parser, Said
from fillwire.venues.protocol import (
    Authenticated,
    ConnectionLimits,
    Expiring,
    Notice,
    OrderDoubted,
    StreamDoubted,
    Subscribed,
)
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpRequest
from fillwire.venues.symbols import SymbolTable

if TYPE_CHECKING:
    from fillwire.domain.ledger import OrderKey

_S = 1_000_000_000
SILENCE_NS = 5 * _S
_ACKNOWLEDGED_NS = 10 * _S
# When the records are asked again about an order of which they do not show yet what frames told.
_FIRST_DOUBT_NS, _LAST_DOUBT_NS = _S // 2, 30 * _S
# Two comparisons of everything because of messages that were lost are this far apart at least.
_GAP_EVERY_NS = 5 * _S
# Where a bot listens to every pair, the products in which the account has orders are followed, so many at most.
_EVERY_PAIR = "*"
_MAX_USED = 20
_AUTHENTICATION = "authentica"
# Why a subscription is refused for good.
_FOR_A_PERSON = ("is not a valid channel", "require authentication")


class ExchangeProtocol(RestConnection):
    """`VenueProtocol` of Coinbase Exchange.

    Args:
        account: whose connection it is.
        signer: key of the account.
        names: the client order ids that are ours.
        symbols: the venue's products.
        pairs: those that bots listen to.
        follows: whether losses are to be noticed on the channel `full` of those pairs.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
        dialled_ns: when dialling began: the limit for connecting counts from here.
    """

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        signer: Signer,
        names: ClientOrderIds,
        symbols: SymbolTable,
        pairs: frozenset[str],
        follows: bool,
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> None:
        super().__init__(
            account=account,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            api=ExchangeOrders(signer, names),
        )
        self._follows = follows
        self._pairs = pairs
        self._names = names
        self._subscriptions = Subscriptions(signer, frozenset(symbols.pairs), frozenset())
        self._subscribe_by_ns = dialled_ns + limits.connect_timeout_ns
        self._asked_ns = 0
        self._is_retry = False
        self._used: list[str] = []
        self._delays: dict[OrderKey, int] = {}
        self._gap_at_ns: int | None = None
        self._is_gap_due = False

    def _make_parser(self, symbols: SymbolTable) -> Parser:
        # It remembers the account's orders, and so lives as long as the connection.
        self._own_parser = Parser(self._account, symbols.pairs, clock_offset_ns=self._clock_offset_ns)
        return self._own_parser

    # -- life

    def connected(self, now_ns: int) -> None:
        """Begin to subscribe."""
        self._stage = Stage.OPENING
        self._heard_ns = now_ns
        for name in self._names.items():
            self._own_parser.name_client(*name)
        self._names.on_name.append(self._own_parser.name_client)
        self._timers.at(now_ns + SILENCE_NS, self._check_silence)
        self._timers.at(self._subscribe_by_ns, self._check_subscribed)
        self._use_subscriptions(now_ns)

    def disconnected(self, now_ns: int) -> None:
        """End: what waits for an answer will get none."""
        if self._own_parser.name_client in self._names.on_name:
            self._names.on_name.remove(self._own_parser.name_client)
        super().disconnected(now_ns)

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Read frames and place orders by this table from now on, and subscribe to what is new in it."""
        super().use_symbols(symbols)
        self._use_subscriptions(self._heard_ns)

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Follow every message of these pairs from now on."""
        self._pairs = pairs
        self._use_subscriptions(self._heard_ns)

    def note_order(self, order: OrderRow) -> None:
        """Have the parser go on from what the records show; ask again while frames told more."""
        self._parser.note_order(order)
        if order.ending is None:
            self._note_use(order.symbol)
        if not self._own_parser.is_doubted(*order.key):
            self._delays.pop(order.key, None)
        elif self._stage is Stage.LIVE:
            delay_ns = self._delays.get(order.key, _FIRST_DOUBT_NS)
            self._delays[order.key] = min(delay_ns * 2, _LAST_DOUBT_NS)
            self._events.append(OrderDoubted(order.key, delay_ns))

    def _take(self, report: ExecutionReport) -> None:
        super()._take(report)
        self._note_use(report.symbol)

    def _note_use(self, symbol: str) -> None:
        if symbol not in self._used and len(self._used) < _MAX_USED:
            self._used.append(symbol)
            self._use_subscriptions(self._heard_ns)

    def _use_subscriptions(self, now_ns: int) -> None:
        if self._stage not in {Stage.OPENING, Stage.LIVE}:
            return
        symbols = self._desk.symbols
        followed = [symbols.symbols[pair] for pair in self._pairs if pair in symbols.symbols]
        followed += self._used if _EVERY_PAIR in self._pairs else ()
        self._subscriptions.use(symbols.pairs, followed if self._follows else ())
        self._ask(now_ns)

    def _ask(self, now_ns: int) -> None:
        frames = self._subscriptions.ask(now_ns + self._clock_offset_ns)
        if frames:
            self._frames += frames
            self._asked_ns = now_ns
            self._timers.at(now_ns + _ACKNOWLEDGED_NS, self._check_acknowledged)

    def _check_acknowledged(self, now_ns: int) -> None:
        is_due = now_ns >= self._asked_ns + _ACKNOWLEDGED_NS
        if self._stage is Stage.LIVE and is_due and self._subscriptions.is_pending:
            self._fail(
                ConnectionLost(self._venue, "a change of the subscriptions was not acknowledged in time")
            )

    def _receive_control(self, control: Said, now_ns: int) -> None:
        match control.type:
            case "heartbeat":  # by far the most there is, and it has been heard
                pass
            case "order_doubted":
                self._events.append(OrderDoubted.of(control))
            case "subscriptions":
                self._note_subscriptions(control, now_ns)
            case "error":
                self._note_error(control, now_ns)
            case "sequence_gap":
                self._note_gap(now_ns)
            case kind:
                self._events.append(Notice(kind))

    def _note_gap(self, now_ns: int) -> None:
        """Have everything compared: the orders that are known are doubted one by one, but one may have begun and ended."""
        if self._gap_at_ns is None or now_ns >= self._gap_at_ns + _GAP_EVERY_NS:
            self._tell_gap(now_ns)
        elif not self._is_gap_due:
            self._is_gap_due = True
            self._timers.at(self._gap_at_ns + _GAP_EVERY_NS, self._tell_gap)

    def _tell_gap(self, now_ns: int) -> None:
        self._gap_at_ns, self._is_gap_due = now_ns, False
        self._events.append(StreamDoubted("the venue's numbers show that messages are missing"))

    def _note_subscriptions(self, control: Said, now_ns: int) -> None:
        is_whole = self._subscriptions.note(orjson.loads(control.json)["channels"])
        if self._stage is Stage.OPENING and self._subscriptions.is_granted:
            self._stage = Stage.LIVE
            self._events += (Authenticated(), Subscribed())
            self._timers.at(now_ns + self._limits.lifetime_ns, self._expire)
        elif self._stage is Stage.LIVE and not is_whole:
            self._fail(ConnectionLost(self._venue, "the venue shows no subscription of the account any more"))
            return
        self._use_subscriptions(now_ns)

    def _note_error(self, control: Said, now_ns: int) -> None:
        said = orjson.loads(control.json)
        message = ": ".join(filter(None, (said["message"], said["reason"])))
        if says_expired(message):
            self._note_expired(message, now_ns)
        elif _AUTHENTICATION in said["message"].lower():
            self._fail(AuthRejected(self._venue, message))
        elif self._subscriptions.leave_out(message):
            self._ask(now_ns)
        elif any(words in message for words in _FOR_A_PERSON):
            self._fail(SubscriptionRejected(self._venue, message))
        else:
            self._fail(ConnectionLost(self._venue, f"the venue reports an error: {message}"))

    def _note_expired(self, message: str, now_ns: int) -> None:
        """The venue refuses the time of the signature: sign once more when it has told its own."""
        if self._is_retry or self._stage is not Stage.OPENING:
            offset_s = self._clock_offset_ns / _S
            self._fail(
                ConnectionLost(
                    self._venue,
                    "subscription refused because of its time, also after the venue was asked for its own "
                    f"(clock offset {offset_s:+.3f} s): set this machine's clock; {message}",
                )
            )
            return
        self._is_retry = True
        self._measure_clock(now_ns, self._subscribe_again)

    def _subscribe_again(self, now_ns: int) -> None:
        self._subscriptions.forget()
        self._use_subscriptions(now_ns)

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

    def _expire(self, _now_ns: int) -> None:
        if self._stage is Stage.LIVE:
            self._events.append(Expiring("a connection is renewed once a day"))

    # -- the venue's clock

    def _clock_request(self) -> HttpRequest:
        return requests.server_time()

    def _read_clock_ns(self, body: bytes) -> int:
        return read_clock_ns(body)
