"""The simulated venue as others wait for it: what the gateway says is heard, however late who waits comes."""

import asyncio
from pathlib import Path

import aiohttp
import orjson

from fillwire.bus.buckets import STATUS, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.domain.enums import ConnectionState
from fillwire.wire.codec import encode_connection
from fillwire.wire.subjects import account_tokens
from support.eventually import eventually
from support.order_events import connection_event

WAITING = "waiting for the gateway"


async def test_a_connection_whose_last_event_was_missed_is_found_in_the_bucket(tmp_path: Path) -> None:
    """The event was published before anybody listened, and the bucket, which follows, had the one before."""
    async with (
        Stack(tmp_path, {}) as stack,
        aiohttp.ClientSession() as http,
        await Bus.connect(stack.broker.url, name="gateway") as bus,
    ):
        await ensure_buckets(bus)
        venue = await SimulatedVenue.start(stack, http)
        key, bucket = account_tokens(venue.account), Bucket(bus, STATUS)

        async def put(state: ConnectionState) -> None:
            await bucket.put(key, encode_connection(connection_event(state, account=venue.account)))

        async def has_looked() -> bool:
            async with http.get(f"{stack.broker.monitoring_url}/connz") as response:
                connections = orjson.loads(await response.read())["connections"]
            return any(each.get("name") == WAITING and each["out_msgs"] for each in connections)

        await put(ConnectionState.AUTHENTICATED)
        waiting = asyncio.create_task(venue.wait_receiving(stack.broker.url, 10.0))
        await eventually(has_looked)
        assert not waiting.done()
        await put(ConnectionState.RECEIVING)
        await waiting
