"""`make smoke`: the compose file's system really started, traded on, and broken; nothing may be lost.

    PYTHONPATH=tests python -m deploy.smoke [--tag TAG] [--keep]

It needs a Docker engine with Compose 2 and the image `fillwire:TAG` (`make image`). What each step found is printed as
it goes; the exit status is 1 if one failed, and 2 where there is no engine or no image.
"""

import argparse
import asyncio
import csv
import io
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

from deploy.composed import Composed, EngineError
from deploy.images import ROOT
from deploy.venue import PublishedVenue
from fillwire.bus.connection import Bus
from fillwire.bus.credentials import Credentials
from fillwire.bus.tenants import API_PREFIX
from fillwire.bus.tls import TlsFiles
from fillwire.cli.accounting import Balance, balance
from fillwire.cli.recordings import RecordingReader, execution
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account
from support.eventually import eventually

USER: Final = "demo"
ENVIRONMENT: Final = "simulated"
EXCHANGES: Final = ("binance", "coinbase", "alpaca")
STAGES: Final = ("emit", "receive", "parse", "publish", "deliver", "callback")
RATE: Final = 50
# Emitted while a part is away, and after it is back.
AWAY, BACK = 150, 150
SECRETS: Final = ROOT / "deploy" / "compose" / "secrets"
_SETTLED_S: Final = 90.0


class Smoke:
    """One run.

    Args:
        system: the started system.
        session: makes the requests.
        directory: for what is copied out.
    """

    def __init__(self, system: Composed, session: aiohttp.ClientSession, directory: Path) -> None:
        self._system = system
        self._session = session
        self._directory = directory
        self._venues = {
            exchange: PublishedVenue(
                session, system.port(exchange.upper()), Account(USER, exchange, ENVIRONMENT)
            )
            for exchange in EXCHANGES
        }

    async def run(self) -> None:
        """Take every step; the first that fails raises `AssertionError`."""
        await self._is_locked()
        await self._is_scraped()
        await self._broker_asks_for_a_key()
        await self._console_asks_for_a_token()
        await self._create_bots()
        await self._emit(100)
        await self._settle("first fills", dict.fromkeys(EXCHANGES, 100))
        await self._is_traced()
        for part in ("nats", "gateway-binance", "recorder"):
            await self._survives(part)
        for exchange, told in (await self._told()).items():
            assert told.is_clean, (exchange, told)
            say(f"{exchange}: the bot was told of each of {told.emitted} executions once, in order")
        await self._survives("host")
        for exchange, told in (await self._told()).items():
            # What was in hand when its host was killed comes again, and a recording holds it twice.
            assert told.lost == told.foreign == told.out_of_order == 0, (exchange, told)
            say(f"{exchange}, hosts killed: {told.emitted} emitted, none lost, {told.doubled} told again")
        await self._is_recorded()
        await self._alerts()
        await self._is_within_rights()

    async def _create_bots(self) -> None:
        for exchange in EXCHANGES:
            path = f"path={self._system.folder}/{exchange}.jsonl"
            bot = ("--strategy", "recording", "--param", path, "--timeout", "60")
            account = ("--exchange", exchange, "--environment", ENVIRONMENT)
            await self._system.as_user("bots", "create", f"{USER}/smoke-{exchange}", *bot, *account)
        said = ""

        async def is_receiving() -> bool:
            nonlocal said
            try:
                said = await self._system.as_user("status", "--json")
            except EngineError as error:  # some account is not
                said = str(error)
                return False
            return len(json.loads(said)) == len(EXCHANGES)

        try:
            await eventually(is_receiving, 60)
        except AssertionError:
            raise AssertionError(f"not all accounts are receiving: {said}") from None
        say(f"bots created, {len(EXCHANGES)} accounts are receiving")

    async def _emit(self, count: int) -> None:
        for venue in self._venues.values():
            await venue.emit(rate=RATE, count=count, orders=max(1, count // 20))

    async def _counts(self) -> dict[str, int]:
        return {exchange: await venue.count() for exchange, venue in self._venues.items()}

    async def _is_locked(self) -> None:
        for found in await self._system.containers():
            name, host = found["Name"], found["HostConfig"]
            assert host["ReadonlyRootfs"], f"{name} may write to its image"
            assert not host["Privileged"], f"{name} is privileged"
            assert host["CapDrop"] == ["ALL"], f"{name} keeps capabilities"
            assert "no-new-privileges:true" in host["SecurityOpt"], f"{name} may gain rights"
            if found["Config"]["Image"].startswith("fillwire:"):
                assert found["Config"]["User"] == "10001:10001", f"{name} runs as {found['Config']['User']!r}"
        attempt = "import sys\ntry: open('/app/x', 'w')\nexcept OSError as error: sys.exit(error.errno)"
        try:
            await self._system("exec", "--no-TTY", "console", "python", "-c", attempt)
        except EngineError:
            say("containers are not root, read-only, without capabilities; a write to the image fails")
        else:
            raise AssertionError("a write into the image succeeded")

    async def _is_scraped(self) -> None:
        url = f"http://127.0.0.1:{self._system.port('PROMETHEUS')}/api/v1/targets?state=active"
        down: list[str] = []
        total = 0

        async def is_up() -> bool:
            nonlocal down, total
            async with self._session.get(url) as answer:
                targets = (await answer.json())["data"]["activeTargets"]
            down = [f"{one['scrapeUrl']}: {one['lastError']}" for one in targets if one["health"] != "up"]
            total = len(targets)
            return total >= 10 and not down

        try:
            await eventually(is_up, 60)
        except AssertionError:
            raise AssertionError(f"of {total} targets not scraped: {down}") from None
        say(f"Prometheus scrapes {total} services")

    async def _broker_asks_for_a_key(self) -> None:
        url = f"tls://127.0.0.1:{self._system.port('NATS')}"
        believed = TlsFiles(authorities=SECRETS / "broker_ca")
        seed = SECRETS / f"nats_{USER}"
        for who in (Credentials(tls_files=believed), Credentials(nkey_seed_path=seed)):
            try:
                async with await Bus.connect(url, name="anybody", credentials=who, deadline_s=3.0):
                    pass
            except BrokerError:
                continue
            raise AssertionError(
                "the broker let somebody in without a key, or was believed without a certificate"
            )
        demo = Credentials(nkey_seed_path=seed, tls_files=believed, api_prefix=API_PREFIX)
        async with await Bus.connect(url, name="demo", credentials=demo) as bus:
            for subject in ("orders.demo.binance.simulated.BTC-USDT.filled", "$JS.API.STREAM.LIST"):
                try:
                    answer = await bus.request(subject, b"{}", 3.0)
                except BrokerError:
                    continue
                assert b"JetStream not enabled" in answer, f"{subject} as a tenant: {answer!r}"
        say(
            "the broker shows its certificate, lets nobody in without a key, and a tenant do what a tenant may"
        )

    async def _console_asks_for_a_token(self) -> None:
        url = f"http://127.0.0.1:{self._system.port('CONSOLE')}/api"
        async with self._session.get(f"{url}/me") as answer:
            assert answer.status == 401, answer.status
        token = (SECRETS / "console_admin_token").read_text("ascii").strip()
        async with self._session.post(f"{url}/login", json={"token": token}) as answer:
            assert answer.status == 200, await answer.text()
            assert (await answer.json())["role"] == "admin"
        say("the console lets in who has a token, and nobody else")

    async def _recorded_lines(self, exchange: str) -> list[dict[str, Any]]:
        target = self._directory / f"{exchange}.jsonl"
        await self._system.copy_out("host", f"{self._system.folder}/{exchange}.jsonl", target)
        return RecordingReader(target).new_lines()

    async def _told(self) -> dict[str, Balance]:
        return {
            exchange: balance(await venue.executions(), map(execution, await self._recorded_lines(exchange)))
            for exchange, venue in self._venues.items()
        }

    async def _settle(self, what: str, counts: Mapping[str, int]) -> None:
        """Wait until the venues have emitted at least so many, and the bots were told of all that they have."""
        last: dict[str, Balance] = {}

        async def is_told() -> bool:
            nonlocal last
            try:
                last = await self._told()
            except EngineError:
                return False  # a bot has not begun, or its host is being started
            return all(told.emitted >= counts[name] and told.lost == 0 for name, told in last.items())

        await self._emitted(counts)
        began = time.monotonic()
        try:
            await eventually(is_told, _SETTLED_S)
        except AssertionError:
            raise AssertionError(f"{what}: not told of everything within {_SETTLED_S:g} s: {last}") from None
        taken_s = time.monotonic() - began
        say(f"{what}: all {sum(counts.values())} executions told {taken_s:.1f} s after the last")

    async def _is_traced(self) -> None:
        for exchange in EXCHANGES:
            line = (await self._recorded_lines(exchange))[-1]
            found: set[str] = set()

            async def is_whole(event_id: str = line["event_id"]) -> bool:
                nonlocal found
                ask = ("trace", event_id, "--jaeger", self._system.jaeger, "--json")
                told = json.loads(await self._system.as_user(*ask))
                found = {span["name"].split()[0] for one in told for span in one["spans"]}
                return found.issuperset(STAGES)

            try:
                await eventually(is_whole, 60)
            except AssertionError:
                raise AssertionError(f"no whole trace of {line['event_id']}: {sorted(found)}") from None
            say(f"{exchange}: one trace in Jaeger from {STAGES[0]} to {STAGES[-1]}")

    async def _survives(self, part: str) -> None:
        """Kill a part while fills come, have more come while it is away, and look for what is missing afterwards."""
        before = await self._counts()
        await self._emit(AWAY + BACK)
        await self._emitted(_more(before, AWAY // 5))
        await self._system("kill", "--signal", "KILL", part)
        await self._emitted(_more(before, AWAY))
        await self._system("start", part)
        await self._settle(f"{part} killed and started again", _more(before, AWAY + BACK))

    async def _emitted(self, counts: Mapping[str, int], deadline_s: float = 90.0) -> None:
        async def is_emitted() -> bool:
            return all(count >= counts[name] for name, count in (await self._counts()).items())

        await eventually(is_emitted, deadline_s, f"emitted: {counts}")

    async def _is_recorded(self) -> None:
        expected = {one.event_id for venue in self._venues.values() for one in await venue.executions()}
        missing = expected
        times = 0

        async def is_whole() -> bool:
            nonlocal missing, times
            table = await self._system.fillwire("recorder", "trades", "export", "-")
            rows = [row["event_id"] for row in csv.DictReader(io.StringIO(table))]
            missing, times = expected - set(rows), len(rows)
            return not missing

        try:
            await eventually(is_whole, 60)
        except AssertionError:
            raise AssertionError(f"{len(missing)} of {len(expected)} are not recorded") from None
        assert times == len(expected), f"{times} rows of {len(expected)} executions"
        say(f"PostgreSQL holds each of {times} executions once")

    async def _is_within_rights(self) -> None:
        refused = [
            line
            for line in (await self._system("logs", "--no-color", "nats")).splitlines()
            if "Violation" in line
        ]
        assert not refused, f"the broker refused {len(refused)} times what a service wanted: {refused[0]}"
        say("the broker has refused nothing that a service wanted")

    async def _alerts(self) -> None:
        (account,) = json.loads((SECRETS / "simulated-binance.json").read_text("ascii"))
        await self._venues["binance"].refuse(account["keys"][0]["api_key"])

        async def is_told() -> bool:
            return "key_refused" in await self._system("logs", "--no-color", "webhook")

        await eventually(is_told, 60, "the webhook was told of the refused key")
        say("a key taken back at the exchange: the webhook was told of key_refused")


def _more(counts: Mapping[str, int], by: int) -> dict[str, int]:
    return {name: count + by for name, count in counts.items()}


def say(text: str) -> None:
    """Print what a step found."""
    print(f"smoke: {text}", flush=True)  # noqa: T201 - a command


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


async def _is_possible(system: Composed, tag: str) -> str | None:
    """Return what stands in the way, None if nothing does."""
    try:
        await system.engine("info", "--format", "{{.ServerVersion}}")
    except EngineError as error:
        return f"found no Docker engine, expected one that answers: {_first_line(error)}"
    try:
        await system("version")
    except EngineError as error:
        return f"found no Compose, expected `docker compose` of version 2 or newer: {_first_line(error)}"
    try:
        await system.engine("image", "inspect", f"fillwire:{tag}")
    except EngineError:
        return f"found no image fillwire:{tag}, expected one: `make image`"
    return None


async def main(tag: str, *, keep: bool) -> int:
    """Run everything and return the exit status."""
    system = Composed(tag)
    obstacle = await _is_possible(system, tag)
    if obstacle is not None:
        print(f"smoke: {obstacle}", file=sys.stderr)  # noqa: T201 - a command
        return 2
    began = time.monotonic()
    try:
        await system.up()
        say(f"everything is ready {time.monotonic() - began:.1f} s after it was started")
        timeout = aiohttp.ClientTimeout(total=30)
        with tempfile.TemporaryDirectory(prefix="fillwire-smoke-") as directory:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                await Smoke(system, session, Path(directory)).run()
    except (AssertionError, EngineError) as error:
        print(f"smoke: FAILED: {error}", file=sys.stderr)  # noqa: T201 - a command
        print(await system("logs", "--no-color", "--tail", "15"), file=sys.stderr)  # noqa: T201 - a command
        return 1
    finally:
        if not keep:
            await system.down()
    say(f"passed in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Start the compose file's system, break it, count what became of it."
    )
    parser.add_argument("--tag", default="dev", help="of the image fillwire")
    parser.add_argument("--keep", action="store_true", help="leave the system running")
    arguments = parser.parse_args()
    sys.exit(asyncio.run(main(arguments.tag, keep=arguments.keep)))
