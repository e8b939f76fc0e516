"""What recording an event costs, and how many a second go: on SQLite and on PostgreSQL, beside reading and writing alone.

    PYTHONPATH=tests .venv/bin/python -m bench.bench_recorder [--count 40000] [--seconds 5]

Broker, recorder and PostgreSQL are processes of their own on the same cores. `drain` is a stream that is there already;
`paced` one that grows by 5,000 fills a second. The limits are those of the same run: reading the stream and throwing it away,
putting rows that are made already into the same tables by the driver's own means, and the same through SQLAlchemy's insert.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from bench.processes import usage
from fillwire.bus.connection import Bus
from fillwire.bus.partitions import LOG
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.enums import Kind, Side
from fillwire.recorder.database import Database
from fillwire.recorder.following import SUBJECT
from fillwire.recorder.inserting import insert_new, prepare
from fillwire.recorder.rows import KEYS, Row, row_of
from fillwire.recorder.tables import Amount, order_events
from fillwire.recorder.tail import Tail
from fillwire.recorder.writer import Writer
from fillwire.wire.codec import encode_order
from fillwire.wire.subjects import order_subject
from support.databases import Delivered, query
from support.order_events import order_event
from support.postgresql import PostgreSQLServer, running_postgresql
from support.recording import recorder_process

RATE = 5_000
ORDERS = 500
PAIRS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "BNB-USDT")
_BATCH = 1_000
_DEADLINE_S = 120.0
_POLL_S = 0.02


def fills(count: int, begin: int = 0) -> Iterator[tuple[str, str, bytes, str]]:
    """Yield executions as the publisher takes them: key, subject, body and id."""
    for number in range(begin, begin + count):
        order = number % ORDERS
        event = order_event(
            pair=PAIRS[order % len(PAIRS)],
            order_id=str(1_000_000 + order),
            trade=number,
            kind=Kind.PARTIALLY_FILLED,
            side=Side.BUY if number % 2 else Side.SELL,
            quantity="1000",
            cumulative=f"{number // ORDERS + 1}.5",
            price=f"{64_000 + number % 977}.25",
            client_order_id=derive_client_order_id(f"grid {order % 20}", str(order)),
        )
        yield (
            str(order),
            order_subject(event.account, event.pair, event.kind),
            encode_order(event),
            event.event_id,
        )


async def publish(bus: Bus, count: int, *, begin: int = 0, rate: float | None = None) -> None:
    """Store executions, at a rate if one is given."""
    began_s = time.perf_counter()
    async with OrderedPublisher(bus) as publisher:
        for number, (key, subject, body, event_id) in enumerate(fills(count, begin)):
            publisher.submit(key, subject, body, event_id, None)
            if number % 50 == 0:
                ahead_s = 0.0 if rate is None else began_s + number / rate - time.perf_counter()
                await asyncio.sleep(max(0.0, ahead_s))  # the pace of the load
            if rate is None and number % 1_000 == 0:
                assert await publisher.flush(60.0) == 0
        assert await publisher.flush(60.0) == 0


class Watch:
    """Looks how far a database has got, by one connection that stays open: a new one costs as much as a batch."""

    def __init__(self, database: Database) -> None:
        self._connection = database.engine(reads_only=True).connect()

    def sequence(self) -> int:
        """Return up to which sequence the stream is recorded."""
        with self._connection.begin():
            return int(self._connection.exec_driver_sql("SELECT max(sequence) FROM streams").scalar_one())

    async def reached(self, sequence: int) -> float:
        """Wait until the stream is recorded up to a sequence; return when that was."""
        end_s = time.perf_counter() + _DEADLINE_S
        while self.sequence() < sequence:
            assert time.perf_counter() < end_s, f"not recorded: {sequence}"
            await asyncio.sleep(_POLL_S)
        return time.perf_counter()

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()


def server_cpu_s(server: PostgreSQLServer) -> float:
    """Return the CPU seconds of a server and all its children, those that have ended included."""
    server_pid, *children = server.pids
    fields = Path(f"/proc/{server_pid}/stat").read_text().rsplit(")", 1)[1].split()
    ended_s = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    used_s = usage(server_pid).cpu_s + ended_s
    for child in children:
        with contextlib.suppress(OSError, IndexError):  # it ended this moment
            used_s += usage(child).cpu_s
    return used_s


class Bench:
    """Measures one database after the other against one broker."""

    def __init__(self, bus: Bus, broker: EmbeddedServer, directory: Path, count: int, seconds: float) -> None:
        self._bus = bus
        self._broker = broker
        self._directory = directory
        self._count = count
        self._seconds = seconds
        self._stored = 0

    async def fill(self) -> None:
        """Store what is to be drained."""
        await publish(self._bus, self._count)
        self._stored = self._count

    async def reading(self) -> dict[str, float]:
        """Read the stream and throw it away."""
        tail = await Tail(self._bus, LOG, SUBJECT).start(0)
        began_s, cpu_s, read = time.perf_counter(), time.process_time(), 0
        while read < self._count:
            read += len(await tail.take(_BATCH))
        result = _figures(self._count, time.perf_counter() - began_s, {"reader": time.process_time() - cpu_s})
        await tail.stop()
        return result

    async def recording(self, database: Database, server: PostgreSQLServer | None) -> dict[str, Any]:
        """Drain the stream with a recorder, then have it grow at the rate while that goes on."""
        async with recorder_process(database, self._broker.url, self._directory) as process:
            await process.said('"ready"')
            begun_s = time.perf_counter()
            before = self._cpu(process.pid, server)
            watch = Watch(database)
            done_s = await watch.reached(self._stored)
            after = self._cpu(process.pid, server)
            drain = _figures(self._stored, done_s - begun_s, {k: after[k] - before[k] for k in after})
            behind: list[int] = []
            count = round(RATE * self._seconds)
            before = self._cpu(process.pid, server)
            publishing = asyncio.create_task(publish(self._bus, count, begin=self._stored, rate=RATE))
            began_s = time.perf_counter()
            while not publishing.done():
                await asyncio.sleep(0.1)  # how often it is looked how far behind it is
                due = self._stored + min(count, round(RATE * (time.perf_counter() - began_s)))
                behind.append(due - watch.sequence())
            await publishing
            published_s = time.perf_counter()
            self._stored += count
            done_s = await watch.reached(self._stored)
            after = self._cpu(process.pid, server)
            paced = {
                "published_per_s": round(count / (published_s - began_s)),
                "behind_events_median": sorted(behind)[len(behind) // 2],
                "behind_events_max": max(behind),
                "caught_up_ms": round((done_s - published_s) * 1e3),
                "cpu_us_per_event": _per_event(count, {k: after[k] - before[k] for k in after}),
                "rss_mib": round(usage(process.pid).rss_mib, 1),
            }
            watch.close()
            assert await process.end() == 0
        assert query(database, "SELECT count(*) FROM order_events") == [(self._stored,)]
        return {"drain": drain, "paced": paced}

    @staticmethod
    def _cpu(pid: int, server: PostgreSQLServer | None) -> dict[str, float]:
        used = {"recorder": usage(pid).cpu_s}
        if server is not None:
            used["database"] = server_cpu_s(server)
        return used


def _per_event(count: int, cpu_s: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds / count * 1e6, 1) for name, seconds in cpu_s.items()}


def _figures(count: int, wall_s: float, cpu_s: dict[str, float]) -> dict[str, Any]:
    return {"per_s": round(count / wall_s), "cpu_us_per_event": _per_event(count, cpu_s)}


def writing(
    database: Database, rows: Sequence[Row], server: PostgreSQLServer | None, *, core: bool
) -> dict[str, Any]:
    """Put rows into the tables: as the recorder does, or through SQLAlchemy's own insert."""
    writer = Writer(database)
    writer.open()
    writer.migrate()
    writer.close()
    dialect: Any = sqlite if database.dialect == "sqlite" else postgresql
    statement = dialect.insert(order_events).on_conflict_do_nothing(index_elements=["event_id"])
    amounts = {c.key for c in order_events.columns if isinstance(c.type, Amount)}
    with database.engine().connect() as connection:
        with connection.begin():
            prepare(connection)
        before = 0.0 if server is None else server_cpu_s(server)
        began_s, cpu_s = time.perf_counter(), time.process_time()
        for start in range(0, len(rows), _BATCH):
            some = rows[start : start + _BATCH]
            with connection.begin():
                if core:
                    connection.execute(
                        statement,
                        [
                            {
                                key: Decimal(value) if key in amounts and isinstance(value, str) else value
                                for key, value in zip(KEYS, row, strict=True)
                            }
                            for row in some
                        ],
                    )
                else:
                    assert insert_new(connection, some) == len(some)
        wall_s = time.perf_counter() - began_s
        cpu = {"writer": time.process_time() - cpu_s}
        if server is not None:
            cpu["database"] = server_cpu_s(server) - before
    return _figures(len(rows), wall_s, cpu)


def making(count: int) -> tuple[list[Row], dict[str, Any]]:
    """Return rows, and what it costs to make them of messages."""
    messages = [
        Delivered(number, subject, body, event_id)
        for number, (_, subject, body, event_id) in enumerate(fills(count), 1)
    ]
    began_s, cpu_s = time.perf_counter(), time.process_time()
    rows = [row_of(message, 1) for message in messages]
    return rows, _figures(count, time.perf_counter() - began_s, {"reader": time.process_time() - cpu_s})


def empty(kind: str, name: str, directory: Path, server: PostgreSQLServer) -> Database:
    """Return an empty database."""
    if kind == "sqlite":
        return Database.at(f"sqlite:///{directory}/{name}.sqlite")
    return Database.at(server.make_database(name))


async def _measure(count: int, seconds: float) -> dict[str, Any]:
    results: dict[str, Any] = {"events": count}
    with tempfile.TemporaryDirectory(prefix="fillwire-bench-") as name, running_postgresql() as server:
        directory = Path(name)
        rows, results["making rows"] = making(count)
        async with (
            EmbeddedServer(directory / "broker") as broker,
            await Bus.connect(broker.url, name="bench") as bus,
        ):
            await ensure_streams(bus)
            bench = Bench(bus, broker, directory, count, seconds)
            await bench.fill()
            results["reading alone"] = await bench.reading()
            for kind, its_server in (("sqlite", None), ("postgresql", server)):
                alone, core, whole = (
                    empty(kind, name, directory, server) for name in ("alone", "core", "whole")
                )
                results[kind] = {
                    "writing alone": writing(alone, rows, its_server, core=False),
                    "writing alone, by SQLAlchemy": writing(core, rows, its_server, core=True),
                    **await bench.recording(whole, its_server),
                }
    return results


def run(count: int = 40_000, seconds: float = 5.0) -> dict[str, Any]:
    """Return all figures."""
    return asyncio.run(_measure(count, seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    chosen = parser.parse_args()
    sys.stdout.write(json.dumps(run(chosen.count, chosen.seconds), indent=2) + "\n")
