"""`fillwire gateway` and `fillwire status` as processes: what they say, and with which status they end."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fillwire.bus.buckets import DESIRED, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import ConnectionEvent
from fillwire.simulator.binance.server import BinanceSimulator
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import account_tokens, connection_subject
from support.binance_keys import HMAC_SECRET
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, gateway_environ
from support.processes import Process, python


@asynccontextmanager
async def _fillwire(*arguments: str, **environ: str) -> AsyncIterator[Process]:
    async with python("-m", "fillwire", *arguments, environ=environ) as process:
        yield process


async def _ends(*arguments: str, **environ: str) -> tuple[int, list[str], list[str]]:
    """Run a command that ends by itself; return its exit status and what it said on both streams."""
    async with _fillwire(*arguments, **environ) as process:
        return await process.ended(), process.lines, process.errors


async def _wish(bus: Bus) -> None:
    await ensure_buckets(bus)
    await Bucket(bus, DESIRED).put(
        f"{account_tokens(ACCOUNT)}.test", b'{"v":1,"pairs":["BTC-USDT"],"bots":1}'
    )


async def test_a_gateway_runs_until_told_to_stop_and_tells_of_it(tmp_path: Path) -> None:
    """Ready line, receiving, SIGTERM: the end is published with its reason, and the exit status is 0."""
    events = list[ConnectionEvent]()
    async with (
        EmbeddedServer(tmp_path) as broker,
        BinanceSimulator() as venue,
        await Bus.connect(broker.url, name="test") as bus,
    ):
        await bus.subscribe(
            connection_subject(ACCOUNT), lambda message: events.append(decode_connection(message.data))
        )
        await _wish(bus)
        arguments = ("gateway", "--exchange", "binance", "--nats", broker.url, "--name", "gw-1")
        async with _fillwire(*arguments, **gateway_environ(venue)) as gateway:
            await gateway.said('"ready": true')
            ready = json.loads(gateway.lines[0])
            assert (ready["exchange"], ready["name"], ready["accounts"]) == (
                "binance",
                "gw-1",
                ["demo@binance/simulated"],
            )
            await eventually(lambda: events and events[-1].is_connected, what="receiving")

            status, lines, errors = await _ends("status", "--nats", broker.url)
            assert (status, errors) == (0, [])
            assert lines[1].split()[:5] == ["yes", "demo", "binance", "simulated", "receiving"]
            status, lines, _ = await _ends("status", "--json", "--user", "demo", "--nats", broker.url)
            (shown,) = json.loads("\n".join(lines))
            assert (status, shown["state"], shown["gateway"]) == (0, "receiving", "gw-1")
            assert shown["is_connected"] is True

            assert await gateway.end(signal.SIGTERM) == 0
            assert not any(HMAC_SECRET in line for line in gateway.errors)
            assert not any("Traceback" in line for line in gateway.errors)
        await eventually(lambda: events[-1].state is ConnectionState.DISCONNECTED)
        assert (events[-1].reason, events[-1].gateway) == ("the gateway stopped", "gw-1")
        status, lines, _ = await _ends("status", "--nats", broker.url)
        assert status == 3
        assert "the gateway stopped" in lines[1]


async def test_status_says_that_no_gateway_reports(tmp_path: Path) -> None:
    """A broker, and nobody at it: one sentence, exit status 1; the same for a user who has no connection."""
    async with EmbeddedServer(tmp_path) as broker:
        for whose in ([], ["--user", "nobody"]):
            status, lines, errors = await _ends("status", "--nats", broker.url, *whose)
            assert (status, lines, len(errors)) == (1, [], 1)
            assert errors[0].startswith("fillwire: no gateway reports a connection")
            assert "expected a running `fillwire gateway`" in errors[0]


async def test_status_says_that_there_is_no_broker() -> None:
    """Nobody listens at the address: one sentence that names it, exit status 1."""
    status, lines, errors = await _ends("status", "--nats", "nats://127.0.0.1:1")
    assert (status, lines, len(errors)) == (1, [], 1)
    assert errors[0].startswith("fillwire: no broker answers at nats://127.0.0.1:1: expected a NATS server")


@pytest.mark.parametrize(
    ("arguments", "environ", "sentence"),
    [
        (["--exchange", "binnance"], {}, "exchange 'binnance' is unknown: expected alpaca or binance or "),
        (
            ["--exchange", "binance", "--config", "no-such-file.json"],
            {},
            "no-such-file.json: expected a readable file",
        ),
        (
            ["--exchange", "binance"],
            {"FILLWIRE_NATS__REPLICAS": "9"},
            "FILLWIRE_NATS__REPLICAS: expected at most 5",
        ),
        (
            ["--exchange", "binance"],
            {"FILLWIRE_WEBSOCKET__ENABLED": "false"},
            "live detection at binance is switched off by enabled or websocketEnabled: expected true",
        ),
        (
            ["--exchange", "binance"],
            {
                "FILLWIRE_ACCOUNTS": json.dumps(
                    [
                        {
                            "user": "a",
                            "exchange": "binance",
                            "environment": "paper",
                            "apiKey": "k",
                            "secret": "s",
                        }
                    ]
                )
            },
            "environment 'paper' of binance: expected live, testnet, demo",
        ),
    ],
)
async def test_a_gateway_that_cannot_be_says_why_at_once(
    arguments: list[str], environ: dict[str, str], sentence: str
) -> None:
    """One sentence without traceback, exit status 2, and no broker is asked for."""
    status, lines, errors = await _ends("gateway", *arguments, **environ)
    assert (status, lines, len(errors)) == (2, [], 1), errors
    assert sentence in errors[0]


@pytest.mark.slow
async def test_a_gateway_without_broker_gives_up_with_a_sentence() -> None:
    """The broker may be starting, so it is waited for; then one sentence and exit status 1."""
    status, lines, errors = await _ends("gateway", "--exchange", "binance", "--nats", "nats://127.0.0.1:1")
    assert (status, lines) == (1, [])
    assert errors[-1].startswith("fillwire: no broker answers at nats://127.0.0.1:1")
    assert not any("Traceback" in line for line in errors)
