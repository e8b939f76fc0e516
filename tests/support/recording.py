"""A recorder under test, in this process or in one of its own, and what the stream holds to compare with."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.recorder.database import Database
from fillwire.recorder.service import Recorder
from fillwire.runtime.lifecycle import Stop
from support.databases import address_of, query
from support.processes import Process, python


@asynccontextmanager
async def recording(bus: Bus, database: Database) -> AsyncIterator[Recorder]:
    """Record while the block runs."""
    stop = Stop()
    recorder = Recorder(bus, database)
    task = asyncio.create_task(recorder.run(stop))
    try:
        yield recorder
    finally:
        stop.request("end of the test")
        await asyncio.wait_for(task, 20)


@asynccontextmanager
async def recorder_process(
    database: Database, nats: str, cwd: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run `fillwire recorder` in a process of its own."""
    async with python(
        "-m",
        "fillwire",
        "recorder",
        "--database",
        address_of(database),
        "--nats",
        nats,
        cwd=cwd,
        environ=environ,
    ) as process:
        yield process


async def stream_ids(bus: Bus) -> list[str]:
    """Return the message ids of the stream, in its order."""
    found: list[str] = []

    def take(message: Message) -> None:
        found.append(message.header("Nats-Msg-Id") or "")

    await read_stream(bus, "ORDERS", "orders.>", "all", take)
    return found


def recorded_ids(database: Database) -> list[str]:
    """Return the identities of the recorded events, in the order of the stream; none before there are tables."""
    try:
        rows = query(database, "SELECT event_id FROM order_events ORDER BY stream_id, sequence")
    except DBAPIError as error:
        if "order_events" in str(error) or "unable to open" in str(error):  # there is none yet
            return []
        raise
    return [event_id for (event_id,) in rows]
