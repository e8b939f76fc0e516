"""What the gateway and the host remember of one fill, stamped on the path and turned into spans off it.

Both are made for every fill, kept or not. A structure of msgspec is made in a fourth of the time of a dataclass, if its
fields are given by place: name them in tests only. They refer to nothing that refers to them, so the collector of
reference cycles need not look at the thousands that wait for their export.
"""

from typing import TypeAlias

from msgspec import Struct

Ancestor: TypeAlias = tuple[str, bytes]
"""An earlier event: its id and `tracing.digest_of` it."""


class GatewayTrace(Struct, gc=False):
    """One event's way through the gateway. Treat it as frozen, but for what its publication stamps on it.

    Attributes:
        event_id: identity of the event, seed of its trace.
        subject: subject on which it was published.
        exchange: venue and product.
        environment: such as `live`.
        user: owner of the order.
        pair: our spelling, `BASE-QUOTE`.
        kind: what happened to the order.
        order_id: the venue's id of the order.
        trade_id: the venue's id of the execution, None for an event without one.
        exchange_time_ns: when the venue emitted the report, by the venue's clock; None if it did not say.
        clock_offset_ns: venue clock minus gateway clock; None before it was measured.
        received_ns: when the frame was read, as all below by the gateway's clock.
        parsed_ns: when the frame had become an event.
        published_ns: when the event was handed to the broker.
        acknowledged_ns: when the broker had stored it; None if that is not known.
        frame_bytes: size of the venue's frame.
        body_bytes: size of the published event.
        earlier: earlier events of the same order, to which the trace is linked.
        ids: `tracing.digest_of` the event; None where nobody needed it yet.
    """

    event_id: str
    subject: str
    exchange: str
    environment: str
    user: str
    pair: str
    kind: str
    order_id: str
    trade_id: str | None
    exchange_time_ns: int | None
    clock_offset_ns: int | None
    received_ns: int
    parsed_ns: int
    published_ns: int
    acknowledged_ns: int | None
    frame_bytes: int
    body_bytes: int
    earlier: tuple[Ancestor, ...]
    ids: bytes | None


class HostTrace(Struct, gc=False):
    """One call of one bot's method for one event. Treat it as frozen.

    Attributes:
        event_id: identity of the event, seed of its trace.
        subject: subject on which it arrived.
        exchange: venue and product.
        environment: such as `live`.
        user: owner of the order.
        pair: our spelling, `BASE-QUOTE`.
        kind: what happened to the order.
        order_id: the venue's id of the order.
        trade_id: the venue's id of the execution, None for an event without one.
        exchange_time_ns: when the venue emitted the report, by the venue's clock; None if it did not say.
        received_ns: when the gateway read the frame, by the gateway's clock.
        clock_offset_ns: venue clock minus gateway clock, from the message's stamps; None without them.
        parsed_ns: when the frame had become an event, from the message's stamps; None without them.
        published_ns: when the event was handed to the broker, from the message's stamps; None without them.
        bot: name of the bot.
        callback: name of the method that was called.
        delivered_ns: when the host had the message, as all below by the host's clock.
        started_ns: when the method was called.
        returned_ns: when it returned or raised.
        body_bytes: size of the message's body.
        delivery: the broker's count of deliveries of this event to this bot, from 1.
        attempt: count of calls of this method for this delivery, from 1.
        callback_index: place of this method among those called for the delivery, from 0.
        is_parent_sampled: what the message's `traceparent` says (`tracing.is_parent_sampled`), None without one.
        error: what the method raised.
    """

    event_id: str
    subject: str
    exchange: str
    environment: str
    user: str
    pair: str
    kind: str
    order_id: str
    trade_id: str | None
    exchange_time_ns: int | None
    received_ns: int
    clock_offset_ns: int | None
    parsed_ns: int | None
    published_ns: int | None
    bot: str
    callback: str
    delivered_ns: int
    started_ns: int
    returned_ns: int
    body_bytes: int = 0
    delivery: int = 1
    attempt: int = 1
    callback_index: int = 0
    is_parent_sampled: bool | None = None
    error: BaseException | None = None

    @property
    def is_first_call(self) -> bool:
        """Whether this is the bot's first sight of this delivery."""
        return self.attempt == 1 and self.callback_index == 0


def emitted_ns(exchange_time_ns: int | None, clock_offset_ns: int | None, received_ns: int) -> int:
    """Return when the venue emitted the report by the gateway's clock: never after the frame was read.

    A report without a time, or one that the offset puts into the future, was emitted when it was read.
    """
    if exchange_time_ns is None:
        return received_ns
    begun_ns = exchange_time_ns - (clock_offset_ns or 0)
    return begun_ns if begun_ns < received_ns else received_ns  # noqa: FURB136 - for every fill; `min` takes thrice as long
