"""A fill's way through what traces it, with the code of gateway and host: stamps, headers, counts and decisions."""

import time
from decimal import Decimal

from fillwire.bus.messages import Message
from fillwire.bus.publisher import PublishOutcome
from fillwire.domain.enums import OrderType, Side
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from fillwire.gateway.following import Following
from fillwire.gateway.unstored import Unstored
from fillwire.runtime.fill_tracer import AccountTracer
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.tracing import TraceContext, encode_context
from fillwire.sdk.asking import Asking
from fillwire.sdk.bot import bot_of
from fillwire.sdk.causality import Call, Cause, set_cause
from fillwire.sdk.observing import observer
from fillwire.sdk.strategy import Strategy
from fillwire.venues.parsing import ExecutionReport, Parser
from fillwire.wire.codec import decode_order
from fillwire.wire.commands import PLACE_ORDER
from fillwire.wire.headers import STAMPS, TRACEPARENT
from support.spot_frames import ACCOUNT, SYMBOLS, frame

SUBJECT = "orders.alice.binance.live.SOL-USDT.partially_filled"
CALLBACK = "on_order_partially_filled"
_FILLS_PER_ORDER = 10
_BODY = b"x" * 720
# Of no event: what its ids cost must not be paid before the measurement begins.
_KEPT = encode_context(TraceContext(b"\x01" * 16, b"\x01" * 8, is_sampled=True))
_MS = 1_000_000
# The venue's time, order and trade, of which each fill has its own; made once, for a load of 10,000 fills a second.
_FRAME = frame(E="%d", i="%d", t="%d").replace(b'"%d"', b"%d")
_STORED = PublishOutcome(SUBJECT, "", 1, is_duplicate=False, send_count=1)


class _Bot(Strategy):
    """Has one callback."""

    name = "grid"
    pairs = ("SOL-USDT",)

    def on_order_partially_filled(self, order: OrderEvent) -> None:
        """Do nothing."""


class TracedPath:
    """Takes fills by number, after `prepare` has made what a fill has anyway: its id and its decoded event.

    Args:
        telemetry: of gateway and host at once.
    """

    def __init__(self, telemetry: FillTelemetry) -> None:
        self._telemetry = telemetry
        self._unstored = Unstored(None)
        self._account = AccountTracer(
            telemetry.tracer,
            exchange=ACCOUNT.exchange,
            environment=ACCOUNT.environment,
            user=ACCOUNT.user,
            clock_offset_ns=_clock_offset_ns,
            settle=self._unstored.settle,
        )
        self._parser = Parser(ACCOUNT, SYMBOLS)
        self._bot = bot_of(_Bot(), ACCOUNT)
        self._observe = observer(telemetry)
        self._asking = Asking(telemetry, self._bot)
        self._first = 0
        self._reports: list[tuple[ExecutionReport, str]] = []
        self._events: list[OrderEvent] = []
        self._messages: list[Message] = []
        self._numbers: list[int] = []
        self._request = OrderRequest(
            client_order_id="grid-1",
            pair="SOL-USDT",
            side=Side.SELL,
            type=OrderType.LIMIT,
            quantity=Decimal("0.5"),
            price=Decimal(64100),
        )

    def prepare(self, numbers: range) -> None:
        """Make what the fills of these numbers have anyway; those of before are gone."""
        self._first = numbers.start
        self._reports = [self._read(number) for number in numbers]
        self._events = [decode_order(report.json) for report, _ in self._reports]
        self._messages = [self._message(*pair) for pair in zip(numbers, self._events, strict=True)]
        self._numbers = [self._unstored.take(0, 0) for _ in numbers]

    def _read(self, number: int) -> tuple[ExecutionReport, str]:
        now_ns = time.time_ns()
        order_id = 12_510_050_000 + number // _FILLS_PER_ORDER
        (report,) = self._parser.parse(_FRAME % (now_ns // _MS - 3, order_id, number), now_ns - 200_000)
        if not isinstance(report, ExecutionReport):
            raise TypeError(f"expected a fill, found {report!r}")
        return report, f"{report.symbol} {report.order_id}"

    def _message(self, number: int, event: OrderEvent) -> Message:
        received_ns = event.received_time_ns
        headers = [f"{STAMPS}: 0,{received_ns + 10_000},{received_ns + 40_000}"]
        ratio = self._telemetry.sampling.ratio
        if int((number + 1) * ratio) > int(number * ratio):
            headers.append(f"{TRACEPARENT}: {_KEPT}")
        raw = "".join(("NATS/1.0\r\n", *(f"{line}\r\n" for line in headers), "\r\n")).encode()
        reply = b"$JS.ACK.ORDERS.grid.1.%d.%d.%d.0" % (number + 1, number + 1, received_ns)
        message = Message(SUBJECT.encode(), reply, _BODY, raw, lambda _frame: None)
        if message.sequence != number + 1:  # the bot's worker has read it, too
            raise AssertionError(f"expected {number + 1}, found {message.sequence}")
        return message

    def gateway(self, number: int) -> None:
        """Do what the gateway does for the trace of a fill: as `Publication.publish`, and until the broker's answer."""
        place = number - self._first
        report, order = self._reports[place]
        sent = self._account.sent(report, SUBJECT, order, report.received_time_ns + 10_000, 540)
        sent.number = self._numbers[place]
        sent.headers()
        sent.acknowledged(_STORED)

    def host(self, number: int, *, raised: Exception | None = None, is_slow: bool = False) -> None:
        """Do what the host does for the trace of a fill once its callback has returned."""
        place = number - self._first
        event = self._events[place]
        started_ns = event.received_time_ns + (2_000 * _MS if is_slow else 110_000)
        self._observe(
            self._bot,
            event,
            self._messages[place],
            CALLBACK,
            0,
            1,
            event.received_time_ns + 100_000,
            started_ns,
            started_ns + 20_000,
            raised,
        )

    def counter_order(self, number: int, outcome: Outcome) -> None:
        """Do what host and gateway do for the trace of an order that a callback places."""
        place = number - self._first
        event, message = self._events[place], self._messages[place]
        set_cause(Cause(event.event_id, CALLBACK, Call(event, message, 1, event.received_time_ns + 110_000)))
        asked = self._asking.begin(PLACE_ORDER, self._request)
        if asked is None:
            raise AssertionError("telemetry exports")
        header = f"NATS/1.0\r\n{TRACEPARENT}: {asked.headers[TRACEPARENT]}\r\n\r\n".encode()
        request = Message(b"commands", b"", b"", header, lambda _frame: None)
        following = Following(self._telemetry, ACCOUNT, PLACE_ORDER, request)
        following.noted()
        following.sent()
        following.venue_answered()
        answer = TradeOrder(
            outcome=outcome, pair="SOL-USDT", client_order_id="grid-1", order_id=str(number), reason="refused"
        )
        asked.answered(following.answered(answer))


def _clock_offset_ns() -> int:
    return 120_000
