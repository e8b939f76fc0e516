"""A fill's way through what traces it, with the code of gateway and host: records, headers, stamps and decisions."""

import time
from dataclasses import replace
from decimal import Decimal

from fillwire.bus.messages import Message
from fillwire.domain.enums import Kind, OrderType, Side
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from fillwire.gateway.following import Following
from fillwire.gateway.lineage import Lineage
from fillwire.runtime.fill_traces import GatewayTrace, HostTrace
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.tracing import TraceContext, encode_context
from fillwire.sdk.asking import Asking
from fillwire.sdk.bot import bot_of
from fillwire.sdk.causality import Call, Cause, set_cause
from fillwire.sdk.observing import observer
from fillwire.sdk.samples import sample_fill, sample_order_event
from fillwire.sdk.strategy import Strategy
from fillwire.wire.commands import PLACE_ORDER
from fillwire.wire.headers import STAMPS, TRACEPARENT

ACCOUNT = Account("alice", "binance", "live")
SUBJECT = "orders.alice.binance.live.BTC-USDT.filled"
CALLBACK = "on_order_filled"
_FILLS_PER_ORDER = 10
_BODY = b"x" * 720
# Of no event: what its ids cost must not be paid before the measurement begins.
_KEPT = encode_context(TraceContext(b"\x01" * 16, b"\x01" * 8, is_sampled=True))
_MS = 1_000_000


class _Bot(Strategy):
    """Has one callback."""

    name = "grid"
    pairs = ("BTC-USDT",)

    def on_order_filled(self, order: OrderEvent) -> None:
        """Do nothing."""


class TracedPath:
    """Takes fills by number, after `prepare` has made what a fill has anyway: its id and its decoded event.

    Args:
        telemetry: of gateway and host at once.
    """

    def __init__(self, telemetry: FillTelemetry) -> None:
        self._telemetry = telemetry
        self._lineage = Lineage()
        self._bot = bot_of(_Bot(), ACCOUNT)
        self._observe = observer(telemetry)
        self._asking = Asking(telemetry, self._bot)
        self._first = 0
        self._events: list[OrderEvent] = []
        self._messages: list[Message] = []
        self._sample = sample_order_event(
            ACCOUNT,
            Kind.FILLED,
            pair="BTC-USDT",
            order_id="1",
            side=Side.BUY,
            quantity=Decimal("0.5"),
            cumulative_quantity=Decimal("0.5"),
            price=Decimal(64000),
            client_order_id=None,
            fill=sample_fill("1", Decimal(64000), Decimal("0.5")),
            venue_time_ns=0,
            received_time_ns=0,
        )
        self._request = OrderRequest(
            client_order_id="grid-1",
            pair="BTC-USDT",
            side=Side.SELL,
            type=OrderType.LIMIT,
            quantity=Decimal("0.5"),
            price=Decimal(64100),
        )

    def prepare(self, numbers: range) -> None:
        """Make what the fills of these numbers have anyway; those of before are gone."""
        self._first = numbers.start
        self._events = [_numbered(self._sample, number) for number in numbers]
        self._messages = [self._message(*pair) for pair in zip(numbers, self._events, strict=True)]

    def _message(self, number: int, event: OrderEvent) -> Message:
        received_ns = event.received_time_ns
        headers = [f"{STAMPS}: 0,{received_ns + 10_000},{received_ns + 40_000}"]
        ratio = self._telemetry.sampling.ratio
        if int((number + 1) * ratio) > int(number * ratio):
            headers.append(f"{TRACEPARENT}: {_KEPT}")
        raw = "".join(("NATS/1.0\r\n", *(f"{line}\r\n" for line in headers), "\r\n")).encode()
        return Message(SUBJECT.encode(), b"", _BODY, raw, lambda _frame: None)

    def gateway_record(self, number: int) -> GatewayTrace:
        """Return what the gateway remembers of a fill."""
        event = self._events[number - self._first]
        earlier = self._lineage.append(event.order_id, event.event_id)
        now_ns = time.time_ns()
        return GatewayTrace(
            event_id=event.event_id,
            subject=SUBJECT,
            exchange="binance",
            environment="live",
            user="alice",
            pair="BTC-USDT",
            kind="filled",
            order_id=event.order_id,
            trade_id=str(number),
            exchange_time_ns=now_ns - 3 * _MS,
            clock_offset_ns=120_000,
            received_ns=now_ns - 200_000,
            parsed_ns=now_ns - 190_000,
            published_ns=now_ns - 150_000,
            acknowledged_ns=now_ns,
            frame_bytes=540,
            body_bytes=720,
            earlier=earlier if self._telemetry.is_exporting else (),
        )

    def gateway(self, number: int) -> None:
        """Do what the gateway does for the trace of a fill: header, record, hand in."""
        record = self.gateway_record(number)
        self._telemetry.traceparent(record.event_id)
        self._telemetry.fill_published(record)

    def host_record(self, number: int) -> HostTrace:
        """Return what the host remembers of a call."""
        event = self._events[number - self._first]
        return HostTrace(
            event_id=event.event_id,
            subject=SUBJECT,
            exchange="binance",
            environment="live",
            user="alice",
            pair="BTC-USDT",
            kind="filled",
            order_id=event.order_id,
            trade_id=str(number),
            exchange_time_ns=event.exchange_time_ns,
            received_ns=event.received_time_ns,
            clock_offset_ns=0,
            parsed_ns=event.received_time_ns + 10_000,
            published_ns=event.received_time_ns + 40_000,
            bot="grid",
            callback=CALLBACK,
            delivered_ns=event.received_time_ns + 100_000,
            started_ns=event.received_time_ns + 110_000,
            returned_ns=event.received_time_ns + 130_000,
        )

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
            outcome=outcome, pair="BTC-USDT", client_order_id="grid-1", order_id=str(number), reason="refused"
        )
        asked.answered(following.answered(answer))


def _numbered(sample: OrderEvent, number: int) -> OrderEvent:
    order_id = str(12_510_050_000 + number // _FILLS_PER_ORDER)
    now_ns = time.time_ns()
    return replace(
        sample,
        order_id=order_id,
        event_id=f"binance:live:alice:BTCUSDT:{order_id}:{number}",
        exchange_time_ns=now_ns - 3 * _MS,
        received_time_ns=now_ns - 200_000,
    )
