"""What it costs to store an event once beyond the broker's own memory of ids, by three ways of doing so.

    .venv/bin/python tests/bench/bench_guard.py [messages]

- `log`: what Fillwire does: an event is sent by its id alone while it is young, and looked up in the log when it is not.
- `last sequence`: each event names the last sequence of its account, so that the broker refuses what comes late. The next
  can be sent when the one before is acknowledged.
- `subject per event`: each event has a subject of its own in a stream that takes one message for each.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.guard import DuplicateGuard
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.stored import StoredIds
from fillwire.bus.streams import ensure_manifest, ensure_streams
from fillwire.wire.subjects import order_scope_filter

MESSAGES = 10_000
ORDERS = 500
ACCOUNTS = 50
ROUNDS = 3
BODY = b'{"v":1,"event_id":"' + b"x" * 580 + b'"}'


def _memory_mib(server: EmbeddedServer) -> float:
    """Return the broker's resident memory, 0.0 where /proc does not tell."""
    path = Path(f"/proc/{server.pid}/status")
    if not path.exists():
        return 0.0
    fields = dict(line.split(":", 1) for line in path.read_text().splitlines())
    return round(int(fields["VmRSS"].split()[0]) / 1024, 1)


def _guard(bus: Bus) -> DuplicateGuard:
    return DuplicateGuard(StoredIds(bus), 600.0, order_scope_filter)


async def _published(
    bus: Bus, count: int, name: str, guard: DuplicateGuard | None = None, *, own_subjects: bool = False
) -> dict[str, float]:
    """Publish young events through the publisher; return the rate, and our CPU time for each."""
    prefix = "fills" if own_subjects else "orders"
    async with OrderedPublisher(bus, guard=guard) as publisher:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        for number in range(count):
            subject = f"{prefix}.alice.binance.live.BTC-USDT.filled"
            publisher.submit(
                f"order-{number % ORDERS}",
                f"{subject}.{name}-{number}" if own_subjects else subject,
                BODY,
                f"binance:live:alice:BTCUSDT:{number % ORDERS}:{name}-{number}",
                since_ns=time.time_ns(),
            )
        assert await publisher.flush(120) == 0
        return {
            "per_second": round(count / (time.perf_counter() - began_s)),
            "cpu_us": round((time.process_time() - began_cpu_s) / count * 1e6, 1),
        }


async def _last_sequence(bus: Bus, count: int, accounts: int) -> dict[str, float]:
    """Publish with the account's last sequence, one event of an account in flight."""
    began_s = time.perf_counter()

    async def run(account: int) -> None:
        scope = f"orders.user-{account}.binance.live"
        last = 0
        for number in range(count // accounts):
            answer = json.loads(
                await bus.request(
                    f"{scope}.BTC-USDT.filled",
                    BODY,
                    10.0,
                    {
                        "Nats-Msg-Id": f"{accounts}:{account}:{number}",
                        "Nats-Expected-Last-Subject-Sequence": f"{last}",
                        "Nats-Expected-Last-Subject-Sequence-Subject": f"{scope}.>",
                    },
                )
            )
            last = answer["seq"]

    async with asyncio.TaskGroup() as group:
        for account in range(accounts):
            group.create_task(run(accounts * 1000 + account))
    return {"per_second": round(count / (time.perf_counter() - began_s))}


async def _looked_up(bus: Bus, waiting: int) -> float:
    """Return how long it takes to look `waiting` events up in the whole log, in milliseconds."""
    began_s = time.perf_counter()
    await StoredIds(bus).find(
        "orders.alice.binance.live.BTC-USDT.*", {f"unknown-{number}" for number in range(waiting)}, 0
    )
    return round((time.perf_counter() - began_s) * 1e3, 1)


async def _measure(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        async with (
            EmbeddedServer(Path(directory) / "broker") as server,
            await Bus.connect(server.url, name="bench") as bus,
        ):
            await ensure_streams(bus)
            empty_mib = _memory_mib(server)
            rounds = [
                (
                    await _published(bus, count, f"plain-{index}"),
                    await _published(bus, count, f"guarded-{index}", _guard(bus)),
                )
                for index in range(ROUNDS)
            ]
            stored = (await api.call(bus, "STREAM.INFO.ORDERS"))["state"]["messages"]
            logged_mib = _memory_mib(server)
            results: dict[str, Any] = {
                "log": {
                    "id alone": [plain for plain, _ in rounds],
                    "with guard": [guarded for _, guarded in rounds],
                    "events in the log": stored,
                    "one looked up ms": await _looked_up(bus, 1),
                    "10,000 looked up ms": await _looked_up(bus, 10_000),
                    "broker MiB": {"before": empty_mib, "after": logged_mib},
                },
                "last sequence": {
                    "1 account": await _last_sequence(bus, count // 10, 1),
                    f"{ACCOUNTS} accounts": await _last_sequence(bus, count // 2, ACCOUNTS),
                },
            }
        async with (
            EmbeddedServer(Path(directory) / "subjects") as server,
            await Bus.connect(server.url, name="bench") as bus,
        ):
            await ensure_manifest(
                bus,
                {
                    "name": "FILLS",
                    "subjects": ["fills.>"],
                    "storage": "file",
                    "retention": "limits",
                    "discard": "new",
                    "discard_new_per_subject": True,
                    "max_msgs_per_subject": 1,
                    "duplicate_window": 100_000_000,
                },
            )
            empty_mib = _memory_mib(server)
            results["subject per event"] = {
                "published": [
                    await _published(bus, count, f"own-{index}", own_subjects=True)
                    for index in range(2 * ROUNDS)
                ],
                "broker MiB": {"before": empty_mib, "after": _memory_mib(server)},
            }
        return results


def run(messages: int = MESSAGES) -> dict[str, Any]:
    """Return all figures."""
    import uvloop  # noqa: PLC0415 - as the services run; the suite itself stays on plain asyncio

    return uvloop.run(_measure(messages))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES), indent=2) + "\n")
