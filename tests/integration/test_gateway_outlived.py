"""A gateway that was stopped while the world went on, and wakes with fills in hand that others have told long ago."""

import signal
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from fillwire.bus.buckets import DESIRED, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.identifiers import execution_event_id
from fillwire.simulator.binance.server import BinanceSimulator
from fillwire.wire.codec import decode_connection, decode_order
from fillwire.wire.subjects import account_tokens, connection_subject
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, gateway_environ
from support.processes import Process, python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

WINDOW_S = 2.0
NATS = {"duplicateWindowMs": int(WINDOW_S * 1e3)}


async def test_a_gateway_that_wakes_after_the_window_tells_nothing_twice(tmp_path: Path) -> None:
    """One gateway is stopped with fills in its socket; another tells them; the first goes on when the ids are forgotten."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedServer(tmp_path))
        venue = await stack.enter_async_context(BinanceSimulator())
        bus = await stack.enter_async_context(await Bus.connect(broker.url, name="test"))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        receiving: set[str] = set()

        async def emit(count: int) -> None:
            body = {"user": ACCOUNT.user, "count": count, "orders": 10}
            async with http.post(f"{venue.rest_url}/sim/emit", json=body) as response:
                job = (await response.json())["job"]

            async def is_emitted() -> bool:
                async with http.get(f"{venue.rest_url}/sim/emit/{job}") as response:
                    return bool((await response.json())["finished_ns"])

            await eventually(is_emitted, 30.0)

        async def executed() -> list[str]:
            url = f"{venue.rest_url}/sim/executions?user={ACCOUNT.user}&limit=100000"
            async with http.get(url) as response:
                rows = (await response.json())["rows"]
            return [execution_event_id(ACCOUNT, row[0], str(row[1]), str(row[2])) for row in rows]

        async def told() -> list[str]:
            ids: list[str] = []
            await read_stream(
                bus,
                "ORDERS",
                "orders.>",
                "all",
                lambda message: ids.append(decode_order(message.data).event_id),
            )
            return ids

        async def is_told() -> bool:
            return set(await executed()) <= set(await told())

        def note(data: bytes) -> None:
            event = decode_connection(data)
            if event.is_connected:
                receiving.add(event.gateway)

        async def start(name: str) -> Process:
            arguments = ("-m", "fillwire", "gateway", "--exchange", "binance", "--nats", broker.url)
            environ = gateway_environ(venue, FILLWIRE_NATS=NATS)
            return await stack.enter_async_context(python(*arguments, "--name", name, environ=environ))

        await bus.subscribe(connection_subject(ACCOUNT), lambda message: note(message.data))
        await ensure_buckets(bus)
        wish = b'{"v":1,"pairs":["BTC-USDT"],"bots":1}'
        await Bucket(bus, DESIRED).put(f"{account_tokens(ACCOUNT)}.test", wish)
        first = await start("first")
        await eventually(lambda: "first" in receiving, 30.0, "first receives")
        await emit(100)
        await eventually(is_told, 30.0, "told by the first")

        first.send(signal.SIGSTOP)
        await emit(100)
        await start("second")
        await eventually(is_told, 60.0, "told by the second")
        end_s = time.monotonic() + 1.5 * WINDOW_S
        await eventually(lambda: time.monotonic() > end_s)
        first.send(signal.SIGCONT)
        await emit(20)
        await eventually(is_told, 30.0, "told by both")
        await first.end()
        counts = Counter(await told())
        assert {event_id: count for event_id, count in counts.items() if count > 1} == {}
        assert any("stored_events_looked_up" in line for line in first.errors)
