"""Order events straight into the stream, as a gateway would publish them."""

import time

from fillwire.bus.buckets import STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.identifiers import order_scope
from fillwire.wire.codec import encode_connection, encode_order
from fillwire.wire.headers import STAMPS, Stamps
from fillwire.wire.subjects import account_tokens, connection_subject, order_subject


async def publish(bus: Bus, *events: OrderEvent) -> None:
    """Store events in the stream; return when they are there."""
    async with OrderedPublisher(bus) as publisher:
        for event in events:
            publisher.submit(
                order_scope(event.account, event.symbol, event.order_id),
                order_subject(event.account, event.pair, event.kind),
                encode_order(event),
                event.event_id,
                {STAMPS: Stamps(0, event.received_time_ns, time.time_ns()).encode()},
            )
        assert await publisher.flush(20.0) == 0


async def publish_connection(bus: Bus, event: ConnectionEvent, *, ttl_s: float = 60.0) -> None:
    """Publish a connection event and keep it in the bucket, as a gateway does."""
    await Bucket(bus, STATUS).put(account_tokens(event.account), encode_connection(event), ttl_s=ttl_s)
    await bus.publish(connection_subject(event.account), encode_connection(event))
