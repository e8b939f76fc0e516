"""Records of one fill's way, as gateway and host hand them to telemetry."""

from typing import Any

from msgspec.structs import replace

from fillwire.runtime.fill_traces import GatewayTrace, HostTrace

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

_IDENTITY: dict[str, Any] = {
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
}
_GATEWAY = GatewayTrace(
    **_IDENTITY,
    clock_offset_ns=CLOCK_OFFSET_NS,
    received_ns=RECEIVED_NS,
    parsed_ns=PARSED_NS,
    published_ns=PUBLISHED_NS,
    acknowledged_ns=ACKNOWLEDGED_NS,
    frame_bytes=540,
    body_bytes=720,
    earlier=(),
    ids=None,
)
_HOST = HostTrace(
    **_IDENTITY,
    clock_offset_ns=CLOCK_OFFSET_NS,
    received_ns=RECEIVED_NS,
    parsed_ns=PARSED_NS,
    published_ns=PUBLISHED_NS,
    bot="grid",
    callback="on_order_partially_filled",
    delivered_ns=DELIVERED_NS,
    started_ns=STARTED_NS,
    returned_ns=RETURNED_NS,
    body_bytes=720,
)


def gateway_trace(**changes: Any) -> GatewayTrace:
    """Return the gateway's record of the fill, with `changes`."""
    return replace(_GATEWAY, **changes)


def host_trace(**changes: Any) -> HostTrace:
    """Return the host's record of the fill, with `changes`."""
    return replace(_HOST, **changes)
