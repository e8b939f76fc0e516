"""`fillwire doctor` as a process: what it prints, with which status it ends, and what it never prints."""

import json
import signal
from collections.abc import Mapping

import pytest

from fillwire.bus.server import EmbeddedServer
from fillwire.simulator.binance.server import BinanceSimulator
from fillwire.simulator.settings import SimulatorSettings
from support.binance_keys import API_KEY, HMAC_SECRET
from support.doctoring import control
from support.gateway_rig import ACCOUNT, ENVIRONMENT, gateway_environ
from support.processes import python

ARGUMENTS = ("--exchange", "binance", "--user", ACCOUNT.user, "--environment", ENVIRONMENT)
CHECKS = [
    "configuration",
    "key",
    "broker",
    "rest",
    "clock",
    "symbols",
    "accepted",
    "permissions",
    "subscription",
]


async def _doctor(environ: Mapping[str, str], *arguments: str) -> tuple[int, list[str], list[str]]:
    async with python("-m", "fillwire", "doctor", *arguments, environ=environ) as process:
        return await process.ended(), process.lines, process.errors


async def test_lines_in_a_pipe_and_status_0(broker: EmbeddedServer) -> None:
    """Each check has its line in its order; a warning has its advice and is no failure; nothing else is said."""
    async with BinanceSimulator() as venue:
        status, lines, errors = await _doctor(gateway_environ(venue), *ARGUMENTS, "--nats", broker.url)
    assert (status, errors) == (0, [])
    assert [line.split()[1] for line in lines if not line.startswith(" ")] == CHECKS
    assert [line.split()[0] for line in lines if not line.startswith(" ")].count("ok") == 8
    assert lines[3].strip().startswith("do: start `fillwire gateway")


async def test_json_and_status_1(broker: EmbeddedServer) -> None:
    """What failed is in the document, with what to do, and the exit status says so."""
    async with BinanceSimulator(SimulatorSettings(skew_ms=5_000)) as venue:
        await control(venue, "POST", "faults", {"kind": "revoke_key", "user": ACCOUNT.user})
        environ = gateway_environ(venue, FILLWIRE_NATS__URL=broker.url)
        status, lines, errors = await _doctor(environ, *ARGUMENTS, "--json")
    shown = json.loads("\n".join(lines))
    assert (status, errors, shown["is_healthy"]) == (1, [], False)
    assert [check["check"] for check in shown["checks"]] == CHECKS
    outcomes = {check["check"]: check["outcome"] for check in shown["checks"]}
    assert (outcomes["clock"], outcomes["accepted"], outcomes["subscription"]) == (
        "warning",
        "failed",
        "skipped",
    )
    assert all(check["advice"] for check in shown["checks"] if check["outcome"] in {"warning", "failed"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--exchange", "binance", "--user", "mallory", "--environment", ENVIRONMENT),
            "the settings have demo@",
        ),
        (("--exchange", "bitstamp", "--user", "demo"), "exchange 'bitstamp' is unknown"),
        ((*ARGUMENTS, "--nats", "http://127.0.0.1:1"), "--nats: expected an address"),
        ((*ARGUMENTS, "--config", "nowhere.json"), "nowhere.json: expected a readable file"),
    ],
)
async def test_a_configuration_that_cannot_be_used_is_status_2(
    broker: EmbeddedServer, arguments: tuple[str, ...], said: str
) -> None:
    """The first line says what is wrong."""
    async with BinanceSimulator() as venue:
        status, lines, _ = await _doctor(gateway_environ(venue, FILLWIRE_NATS__URL=broker.url), *arguments)
    assert status == 2
    assert lines[0].startswith("failed  configuration")
    assert said in lines[0]


async def test_a_command_line_without_user_is_status_2() -> None:
    """As of every command."""
    status, lines, errors = await _doctor({}, "--exchange", "binance")
    assert (status, lines) == (2, [])
    assert "--user" in errors[-1]


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["lines", "json"])
async def test_no_half_of_the_key_is_ever_printed(broker: EmbeddedServer, form: tuple[str, ...]) -> None:
    """Not even when the venue's own sentence quotes them, with every log line switched on."""
    async with BinanceSimulator() as venue:
        fault = {
            "kind": "request_error",
            "method": "openOrders.status",
            "status": 401,
            "code": -2015,
            "message": f"key {API_KEY} with {HMAC_SECRET} is not ours",
        }
        await control(venue, "POST", "faults", fault)
        environ = gateway_environ(venue, FILLWIRE_NATS__URL=broker.url, FILLWIRE_LOG="debug")
        status, lines, errors = await _doctor(environ, *ARGUMENTS, *form)
    assert status == 1
    printed = "\n".join(lines + errors)
    assert "key *** with *** is not ours" in printed
    assert API_KEY not in printed
    assert HMAC_SECRET not in printed


async def test_an_interrupted_examination_ends_at_once_and_did_not_succeed(broker: EmbeddedServer) -> None:
    """While the venue keeps it waiting: one signal, status 1, nothing left to cancel by force."""
    async with BinanceSimulator() as venue:
        await control(
            venue, "POST", "faults", {"kind": "request_delay", "method": "time", "seconds": 8, "next": 1}
        )
        environ = gateway_environ(venue, FILLWIRE_NATS__URL=broker.url)
        async with python("-m", "fillwire", "doctor", *ARGUMENTS, environ=environ) as process:
            await process.said("do: start `fillwire gateway")
            assert await process.end(signal.SIGINT, deadline_s=5.0) == 1
            assert process.errors == []
