"""Many accounts at one gateway process: memory and CPU that each adds, at rest and after fills; each has a socket with TLS.

Simulated venue ← TLS ← gateway → broker, processes on the same cores. Accounts are connected step by step, since bots ask for
one after another; memory per added account is the slope between two steps, so that what the process needs by itself is not
shared out. At the end every account has fills, and each must be in the log once.

CPU is the processes' own time. At rest a gateway asks the venue for what it has open; how often is bound by the venue's own
limits, which the venue here does not have. `weight_per_minute` is what the questions cost in the venue's own counting.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from bench.processes import usage
from bench.tls_relay import HOST, tls_relay
from fillwire.bus import api
from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.streams import ensure_streams
from fillwire.cli.stack import Child, Stack
from fillwire.domain.enums import Kind
from fillwire.domain.identifiers import Account
from fillwire.sdk.desired import Wishes
from support.certificates import self_signed

STEPS = (20, 100, 300, 500)
REST_S = 60.0  # a whole minute: what is asked once a minute is in it
FILLS = 20  # of each account
_FILLS_PER_S = 1_000
_EXCHANGE, _ENVIRONMENT, _PAIR, _SYMBOL = "binance", "simulated", "BTC-USDT", "BTCUSDT"
_EXECUTIONS = frozenset({Kind.FILLED, Kind.PARTIALLY_FILLED})
_POLL_S = 0.2
_DEADLINE_S = 300.0
_TESTS = Path(__file__).parents[1]
_PLENTY = 100_000_000


class Gateway(Child):
    """A gateway process that may dial as fast as it can."""

    def __init__(self, stack: Stack) -> None:
        environ = {
            **stack.environ,
            "PYTHONPATH": str(_TESTS),
            "BENCH_CONNECTS_PER_MINUTE": str(_PLENTY),
        }
        super().__init__("gateway", (), stack.directory, environ)
        self._arguments = [sys.executable, "-m", "bench.accounts_gateway", _EXCHANGE]


def account(number: int) -> Account:
    """Return one of the accounts."""
    return Account(f"user-{number}", _EXCHANGE, _ENVIRONMENT)


def _key(number: int) -> str:
    return f"{'k' * 60}{number:04d}"


class System:
    """The running processes, and how many accounts are connected."""

    def __init__(self, stack: Stack, bus: Bus, session: aiohttp.ClientSession, venue: Child) -> None:
        self._stack = stack
        self._session = session
        self._rest = str(venue.ready["rest"])
        self._wishes = Wishes(bus, "bench")
        self.bus = bus
        self.count = 0

    async def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self._session.request(method, f"{self._rest}/sim/{path}", json=body) as response:
            document = await response.json()
            assert response.status == 200, document
            return document

    async def connect(self, count: int) -> float:
        """Have bots want so many accounts in all; return the seconds until the venue serves each of them."""
        began = time.monotonic()
        for number in range(self.count, count):
            await self._wishes.want(account(number), [_PAIR], 1)
        self.count = count
        deadline = began + _DEADLINE_S
        while True:
            served = (await self._control("GET", "stats"))["connections"]
            if len([found for found in served if found["users"]]) >= count:
                return time.monotonic() - began
            assert time.monotonic() < deadline, f"{len(served)} of {count} accounts were connected"
            await asyncio.sleep(_POLL_S)

    async def keep_wanting(self) -> None:
        """Say the wishes again and again, as hosts do."""
        self._wishes.start()

    async def _asked(self) -> tuple[int, int]:
        """Return how many questions the venue has answered, and their weight in this minute."""
        async with self._session.get(f"{self._rest}/api/v3/time") as response:
            weight = int(response.headers["X-MBX-USED-WEIGHT-1M"])
        return sum((await self._control("GET", "stats"))["answered"].values()), weight

    async def rest(self, seconds: float) -> dict[str, float]:
        """Return what gateway and broker use and hold while nothing happens."""
        pids = {"gateway": self._stack.children[-1].pid, "broker": self._stack.broker.pid or 0}
        await asyncio.sleep(60 - time.time() % 60)  # the venue counts by the minutes of the clock
        before, (asked, _) = {name: usage(pid) for name, pid in pids.items()}, await self._asked()
        began = time.monotonic()
        await asyncio.sleep(seconds - 1)  # nothing happens: that is what is measured
        asked_after, weight = await self._asked()
        elapsed = time.monotonic() - began
        after = {name: usage(pid) for name, pid in pids.items()}
        return {
            **{f"{name}_kib": round(used.rss_mib * 1024) for name, used in after.items()},
            **{
                f"{name}_cpu_percent": round((used.cpu_s - before[name].cpu_s) / elapsed * 100, 2)
                for name, used in after.items()
            },
            "questions_per_s": round((asked_after - asked - 1) / elapsed, 1),
            "weight_per_minute": weight,
        }

    async def fill(self, each: int) -> dict[str, Any]:
        """Have the venue execute so many fills of each account; return what they cost, after proving that each is in the log once."""
        pids = {"gateway": self._stack.children[-1].pid, "broker": self._stack.broker.pid or 0}
        before = {name: usage(pid) for name, pid in pids.items()}
        total = each * self.count
        began = time.monotonic()
        for number in range(self.count):
            body = {
                "user": account(number).user,
                "symbols": [_SYMBOL],
                "rate": _FILLS_PER_S / self.count,
                "count": each,
                "orders": 4,
            }
            await self._control("POST", "emit", body)
        deadline = began + _DEADLINE_S
        while (stored := await self._stored()) < total:
            assert time.monotonic() < deadline, f"{stored} of {total} fills were stored"
            await asyncio.sleep(_POLL_S)
        elapsed = time.monotonic() - began
        await self._prove(total)
        state = (await api.call(self.bus, "STREAM.INFO.ORDERS"))["state"]
        after = {name: usage(pid) for name, pid in pids.items()}
        return {
            "fills": total,
            "per_s": round(total / elapsed),
            "log_bytes_per_event": round(state["bytes"] / state["messages"]),
            **{
                f"{name}_cpu_us_per_fill": round((used.cpu_s - before[name].cpu_s) / total * 1e6, 1)
                for name, used in after.items()
            },
            **{f"{name}_kib": round(used.rss_mib * 1024) for name, used in after.items()},
        }

    async def _stored(self) -> int:
        state = (await api.call(self.bus, "STREAM.INFO.ORDERS", {"subjects_filter": "orders.>"}))["state"]
        counts: dict[str, int] = state.get("subjects") or {}
        return sum(count for subject, count in counts.items() if subject.rpartition(".")[2] in _EXECUTIONS)

    async def _prove(self, total: int) -> None:
        ids: list[str] = []
        await read_stream(
            self.bus,
            "ORDERS",
            "orders.>",
            "all",
            lambda message: (
                ids.append(orjson.loads(message.data)["event_id"]) if _is_fill(message.data) else None
            ),
        )
        assert len(ids) == len(set(ids)) == total, f"{len(ids)} fills and {len(set(ids))} ids of {total}"


def _is_fill(body: bytes) -> bool:
    return orjson.loads(body)["last_fill"] is not None


@asynccontextmanager
async def system(accounts: int) -> AsyncIterator[System]:
    """Run venue, TLS, broker and gateway inside the block, with a key for each account and none of them connected."""
    with tempfile.TemporaryDirectory(prefix="fillwire-bench-") as name:
        directory = Path(name)
        listed = [
            {"user": account(number).user, "keys": [{"api_key": _key(number), "secret": _key(number)[::-1]}]}
            for number in range(accounts)
        ]
        (directory / "accounts.json").write_text(json.dumps(listed))
        pem = self_signed(directory / "certificate.pem")
        environ = {"FILLWIRE_LOG": "warning", "SSL_CERT_FILE": str(pem)}
        async with Stack(directory, environ) as stack, aiohttp.ClientSession() as session:
            venue = await stack.spawn(
                "venue",
                *("simulate", "--exchange", _EXCHANGE, "--port", "0", "--market-interval", "0"),
                *("--accounts-file", str(directory / "accounts.json")),
                *("--connection-limit", str(_PLENTY), "--weight-limit", str(_PLENTY)),
            )
            port = urlsplit(str(venue.ready["websocket"])).port
            assert port is not None
            async with tls_relay(port, pem) as secured:
                _configure(stack, venue, secured, accounts)
                async with await Bus.connect(str(stack.broker.url), name="bench") as bus:
                    await ensure_streams(bus)
                    await ensure_buckets(bus)
                    gateway = Gateway(stack)
                    stack.children.append(gateway)
                    await gateway.start()
                    running = System(stack, bus, session, venue)
                    await running.keep_wanting()
                    yield running


def _configure(stack: Stack, venue: Child, port: int, accounts: int) -> None:
    websocket = urlsplit(str(venue.ready["websocket"]))._replace(scheme="wss", netloc=f"{HOST}:{port}")
    urls = {"websocketUrl": websocket.geturl(), "restUrl": venue.ready["rest"]}
    entries = [
        {
            "user": account(number).user,
            "exchange": _EXCHANGE,
            "environment": _ENVIRONMENT,
            "apiKey": f"env:BENCH_KEY_{number}",
            "secret": f"env:BENCH_SECRET_{number}",
        }
        for number in range(accounts)
    ]
    for number in range(accounts):
        stack.environ[f"BENCH_KEY_{number}"] = _key(number)
        stack.environ[f"BENCH_SECRET_{number}"] = _key(number)[::-1]
    path = stack.directory / "fillwire.json"
    path.write_text(
        json.dumps({"exchanges": {_EXCHANGE: {"environments": {_ENVIRONMENT: urls}}}, "accounts": entries})
    )
    stack.environ["FILLWIRE_CONFIG"] = str(path)


async def measure(steps: tuple[int, ...], rest_s: float, fills: int) -> dict[str, Any]:
    """Return what each step holds and uses, and what an account added between the first and the last."""
    at: dict[int, dict[str, Any]] = {}
    async with system(max(steps)) as running:
        for count in steps:
            connected_s = await running.connect(count)
            at[count] = {"connected_s": round(connected_s, 1)} | await running.rest(rest_s)
        filled = await running.fill(fills)
        after = await running.rest(rest_s)
    first, last = at[steps[0]], at[steps[-1]]
    added = steps[-1] - steps[0]
    per_account = {
        f"{name}_kib": round((last[f"{name}_kib"] - first[f"{name}_kib"]) / added, 1)
        for name in ("gateway", "broker")
    }
    per_account["gateway_kib_after_fills"] = round((after["gateway_kib"] - first["gateway_kib"]) / added, 1)
    for name in ("gateway", "broker"):
        difference = last[f"{name}_cpu_percent"] - first[f"{name}_cpu_percent"]
        per_account[f"{name}_cpu_percent"] = round(difference / added, 4)
    per_account["weight_per_minute"] = round(
        (last["weight_per_minute"] - first["weight_per_minute"]) / added, 1
    )
    return {
        "per added account": per_account,
        "accounts": {str(count): found for count, found in at.items()},
        "fills": filled,
        "after the fills": after,
    }


def run(steps: tuple[int, ...] = STEPS, rest_s: float = REST_S, fills: int = FILLS) -> dict[str, Any]:
    """Return the measurements of one run."""
    return asyncio.run(measure(steps, rest_s, fills))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS))
    parser.add_argument("--rest-s", type=float, default=REST_S)
    parser.add_argument("--fills", type=int, default=FILLS)
    arguments = parser.parse_args()
    sys.stdout.write(
        json.dumps(run(tuple(arguments.steps), arguments.rest_s, arguments.fills), indent=2) + "\n"
    )
