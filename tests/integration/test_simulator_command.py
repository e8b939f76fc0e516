"""`fillwire simulate` as a process: what it announces, how it ends, and how it refuses."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.simulator.binance.demo import DEMO_HMAC_API_KEY
from fillwire.simulator.registry import SIMULATORS
from fillwire.venues.registry import VENUES
from support.eventually import eventually
from support.venue_client import signed

DEADLINE_S = 30.0


@asynccontextmanager
async def simulate(*options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the command; kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fillwire", "simulate", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Return what the process announces when it is ready."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        announced: dict[str, Any] = json.loads(await process.stdout.readline())
    return announced


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Return exit code and standard error of a process that ends by itself."""
    async with asyncio.timeout(DEADLINE_S):
        _, said = await process.communicate()
    return process.returncode, said.decode()


async def session_status(announced: dict[str, Any], api_key: str, secret: str) -> int:
    """Return the status of a signature subscription with a key."""
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(announced["websocket"])
        request = {
            "id": 1,
            "method": "userDataStream.subscribe.signature",
            "params": signed({}, api_key, secret),
        }
        await socket.send_json(request)
        status: int = (await socket.receive_json())["status"]
        await socket.close()
        return status


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_it_announces_itself_and_stops_in_order(stop: signal.Signals) -> None:
    """One JSON line when ready, the demo keys on standard error, exit code 0 on either signal with a client connected."""
    async with simulate("--port", "0") as process, aiohttp.ClientSession() as session:
        announced = await ready(process)
        assert announced["ready"] is True
        assert announced["websocket"] == announced["rest"].replace("http", "ws") + "/ws-api/v3"
        async with session.get(f"{announced['control']}/health") as response:
            assert (await response.json())["users"] == ["demo"]
        socket = await session.ws_connect(announced["websocket"])
        process.send_signal(stop)
        async with asyncio.timeout(DEADLINE_S):
            await socket.receive()
        code, said = await ended(process)
        assert code == 0
        assert DEMO_HMAC_API_KEY in said


async def test_accounts_come_from_options_and_file(tmp_path: Path) -> None:
    """Keys given as options or in a file log in; secrets are not printed."""
    path = tmp_path / "accounts.json"
    entry = {
        "user": "bob",
        "keys": [{"api_key": "b" * 64, "secret": "secret of bob"}],
        "balances": {"USDT": "5"},
    }
    path.write_text(json.dumps([entry]))
    async with simulate(
        *("--port", "0", "--account", f"alice:{'a' * 64}:secret of alice", "--accounts-file", str(path))
    ) as process:
        announced = await ready(process)
        assert announced["users"] == ["alice", "bob"]
        assert await session_status(announced, "a" * 64, "secret of alice") == 200
        assert await session_status(announced, "b" * 64, "secret of bob") == 200
        assert await session_status(announced, "b" * 64, "secret of alice") == 400
        process.terminate()
        code, said = await ended(process)
        assert code == 0
        assert "secret of" not in said


async def test_taken_port_is_one_sentence() -> None:
    """A second simulator on the same port says so in one line and exits with 1."""
    async with simulate("--port", "0") as first:
        port = (await ready(first))["rest"].rpartition(":")[2]
        async with simulate("--port", port) as second:
            assert await ended(second) == (
                1,
                f"fillwire: cannot listen on 127.0.0.1:{port}: address already in use\n",
            )


@pytest.mark.parametrize("exchange", sorted(SIMULATORS))
async def test_each_exchange_prints_its_demo_keys(exchange: str) -> None:
    """What it announces carries its name, and the keys of its demo account are printed."""
    async with simulate("--port", "0", "--exchange", exchange) as process, aiohttp.ClientSession() as session:
        announced = await ready(process)
        assert announced["exchange"] == exchange
        async with session.get(f"{announced['control']}/symbols") as response:
            assert await response.json()
        process.terminate()
        code, said = await ended(process)
    assert code == 0
    assert all(line in said for line in SIMULATORS[exchange].demo.introduction)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--exchange", "mtgox"), f"exchange: expected {' or '.join(SIMULATORS)}, found 'mtgox'"),
        (("--exchange", "coinbase", "--account", "a:key:!:word"), "a secret of Coinbase Exchange is base64"),
        (("--exchange", "coinbase", "--account", "a:key:AAAA"), "key key… needs a secret and a passphrase"),
        (("--exchange", "coinbase-advanced", "--account", "a:key:AAAA"), "expected a public key in PEM form"),
        (("--account", "alice"), "account: expected user:api_key:secret or user:api_key:@public_key_file"),
        (("--account", "alice:key:@/no/such/file"), "account alice: cannot read the public key: "),
        (("--accounts-file", "/no/such/file"), "accounts file /no/such/file: "),
        (
            ("--account", "a:same:1", "--account", "b:same:2"),
            "account b: key same… belongs to another key or account",
        ),
    ],
)
async def test_unusable_options_are_one_sentence(options: tuple[str, ...], sentence: str) -> None:
    """What cannot be simulated is refused in one line, exit code 2."""
    async with simulate("--port", "0", *options) as process:
        code, said = await ended(process)
    assert code == 2
    assert said.startswith(f"fillwire: {sentence}")
    assert said.count("\n") == 1


@pytest.mark.parametrize("exchange", sorted(SIMULATORS.keys() & VENUES.keys()))
async def test_every_exchange_can_be_driven_by_its_control_api(tmp_path: Path, exchange: str) -> None:
    """What the demo and chaos do to a venue, they can do to each: emit, count and read back executions, ask for prices."""
    async with Stack(tmp_path, {}) as stack:
        venue = await SimulatedVenue.start(stack, aiohttp.ClientSession(), exchange=exchange)
        try:
            markets = await venue.control("GET", "symbols")
            symbols = [market["symbol"] for market in markets[:2]]
            await venue.emit(symbols, rate=0, count=30, orders=4)

            async def is_done() -> bool:
                return not await venue.is_emitting()

            await eventually(is_done, DEADLINE_S)
            executions = await venue.executions()
            assert await venue.execution_count() == len(executions) == 30
            assert len({execution["event_id"] for execution in executions}) == 30
            assert len({execution["order"] for execution in executions}) == 4
            pair = f"{markets[0]['base']}-{markets[0]['quote']}"
            assert {execution["pair"] for execution in executions} >= {pair}
            price, tick = await venue.market(pair)
            assert price == Decimal(markets[0]["price"]) > tick > 0
            configuration = json.loads((tmp_path / "fillwire.json").read_text())
            assert [account["exchange"] for account in configuration["accounts"]] == [exchange]
            named = {text for text in configuration["accounts"][0].values() if text.startswith("env:")}
            assert {text.removeprefix("env:") for text in named} <= set(stack.environ)
        finally:
            await venue.close()
