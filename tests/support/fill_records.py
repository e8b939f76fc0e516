"""One fill's way, told to a tracer as gateway and host tell it."""

from types import SimpleNamespace
from typing import Any

from fillwire.runtime.fill_tracer import AccountTracer, FillTracer
from fillwire.runtime.tracing import TraceContext, encode_context
from fillwire.wire.headers import STAMPS, TRACEPARENT, Stamps

EVENT_ID = "binance:live:alice:BTCUSDT:12510053279:28457"
SUBJECT = "orders.alice.binance.live.BTC-USDT.partially_filled"
US = 1_000
EMITTED_NS = 1_790_000_000_000_000_000  # by the gateway's clock
CLOCK_OFFSET_NS = 1_500 * US
RECEIVED_NS = EMITTED_NS + 3_000 * US
PARSED_NS = RECEIVED_NS + 10 * US
PUBLISHED_NS = RECEIVED_NS + 40 * US
ACKNOWLEDGED_NS = RECEIVED_NS + 900 * US
DELIVERED_NS = RECEIVED_NS + 700 * US
STARTED_NS = RECEIVED_NS + 750 * US
RETURNED_NS = RECEIVED_NS + 5_750 * US

_FILL: dict[str, Any] = {
    "event_id": EVENT_ID,
    "subject": SUBJECT,
    "exchange": "binance",
    "environment": "live",
    "user": "alice",
    "pair": "BTC-USDT",
    "kind": "partially_filled",
    "order_id": "12510053279",
    "trade_id": "28457",
    "exchange_time_ns": EMITTED_NS + CLOCK_OFFSET_NS,
    "clock_offset_ns": CLOCK_OFFSET_NS,
    "received_ns": RECEIVED_NS,
    "parsed_ns": PARSED_NS,
    "published_ns": PUBLISHED_NS,
    "body_bytes": 720,
}
_GATEWAY = _FILL | {"acknowledged_ns": ACKNOWLEDGED_NS, "frame_bytes": 540, "error": None, "earlier": ()}
_HOST = _FILL | {
    "bot": "grid",
    "callback": "on_order_partially_filled",
    "callback_index": 0,
    "attempt": 1,
    "delivery": 1,
    "delivered_ns": DELIVERED_NS,
    "started_ns": STARTED_NS,
    "returned_ns": RETURNED_NS,
    "error": None,
    "is_parent_sampled": None,
}


def published(tracer: FillTracer, **changes: Any) -> dict[str, str]:
    """Tell of the fill, with `changes`, what the gateway does, and return the headers of its message.

    `earlier` are ids of events of the order that have left and are not stored yet.
    """
    fill = SimpleNamespace(**_changed(_GATEWAY, changes))
    clock = iter([fill.published_ns, fill.acknowledged_ns])
    account = AccountTracer(
        tracer,
        exchange=fill.exchange,
        environment=fill.environment,
        user=fill.user,
        clock_offset_ns=lambda: fill.clock_offset_ns,
        settle=lambda _number: None,
        now_ns=lambda: next(clock),
    )
    fill.received_time_ns, fill.json = fill.received_ns, b"x" * fill.body_bytes
    for event_id in fill.earlier:
        before = SimpleNamespace(**vars(fill) | {"event_id": event_id})
        account.sent(before, fill.subject, "the order", fill.parsed_ns, fill.frame_bytes)
    sent = account.sent(fill, fill.subject, "the order", fill.parsed_ns, fill.frame_bytes)
    headers = sent.headers()
    sent.acknowledged(fill)
    return headers


def called(tracer: FillTracer, **changes: Any) -> None:
    """Tell of the fill, with `changes`, what the host does when a bot's method has returned.

    Without one of the stamps the message has none of them.
    """
    fill = SimpleNamespace(**_changed(_HOST, changes))
    fill.received_time_ns = fill.received_ns
    fill.last_fill = None if fill.trade_id is None else SimpleNamespace(trade_id=fill.trade_id)
    lines = ["NATS/1.0"]
    stamps = fill.clock_offset_ns, fill.parsed_ns, fill.published_ns
    if None not in stamps:
        lines.append(f"{STAMPS}: {Stamps(*stamps).encode()}")
    if fill.is_parent_sampled is not None:
        context = TraceContext(b"\x01" * 16, b"\x01" * 8, fill.is_parent_sampled)
        lines.append(f"{TRACEPARENT}: {encode_context(context)}")
    message: Any = SimpleNamespace(
        data=b"x" * fill.body_bytes,
        raw_subject=fill.subject.encode(),
        raw_reply=b"$JS.ACK.ORDERS.grid.%d.10.11.1700000000000000000.0" % fill.delivery,
        raw_headers="\r\n".join([*lines, "", ""]).encode(),
    )
    event: Any = fill
    tracer.called(
        fill.bot,
        event,
        message,
        fill.callback,
        fill.callback_index,
        fill.attempt,
        fill.delivered_ns,
        fill.started_ns,
        fill.returned_ns,
        fill.error,
    )


def _changed(fill: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    unknown = changes.keys() - fill.keys()
    if unknown:
        raise TypeError(f"expected one of {', '.join(fill)}, found {', '.join(unknown)}")
    return fill | changes
