"""`fillwire bots`, `manager` and `host` as processes of their own: what is said, how they end, and what a person may get wrong."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fillwire.bus.server import EmbeddedServer
from support.managed_bots import BOTS
from support.processes import Process, python


@dataclass
class Commands:
    """Runs commands with the settings of a directory of bots."""

    environ: dict[str, str]
    stack: AsyncExitStack
    directory: Path
    services: dict[str, Process] = field(default_factory=dict)

    async def serve(self, *arguments: str) -> Process:
        """Start a service and return it once it is ready."""
        process = await self.stack.enter_async_context(
            python("-m", "fillwire", *arguments, environ=self.environ)
        )
        await process.said('"ready"')
        return process

    async def bots(self, *arguments: str) -> tuple[int, str]:
        """Run `fillwire bots` and return its exit status and all it said."""
        async with python("-m", "fillwire", "bots", *arguments, environ=self.environ) as process:
            code = await process.ended(40.0)
            return code, "\n".join([*process.lines, *process.errors])

    async def json(self, *arguments: str) -> Any:
        """Run `fillwire bots … --json` and return what it printed."""
        code, said = await self.bots(*arguments, "--json")
        assert code == 0, said
        return json.loads(said)

    @property
    def path(self) -> str:
        """The parameter that says where the bot writes."""
        return f"path={self.directory / 'told.txt'}"


@asynccontextmanager
async def commands(broker: EmbeddedServer, directory: Path, **environ: str) -> AsyncIterator[Commands]:
    """Commands at a broker; services end with the block."""
    (directory / "bots.py").write_text(BOTS)
    settings = {
        "FILLWIRE_NATS__URL": broker.url,
        "FILLWIRE_BOTS__DIRECTORIES": json.dumps([str(directory)]),
        "COLUMNS": "200",
    }
    async with AsyncExitStack() as stack:
        yield Commands(settings | environ, stack, directory)


async def test_a_person_manages_a_bot(broker: EmbeddedServer, tmp_path: Path) -> None:
    """Each command says what has become of the bot, ends with 0, and the services end in order."""
    async with commands(broker, tmp_path) as it:
        manager = await it.serve("manager")
        host = await it.serve("host", "--name", "host-1")
        code, said = await it.bots("create", "alice/tell", "--strategy", "bots.py", "--param", it.path)
        assert code == 0, said
        assert "running, revision 1" in said
        shown = await it.json("show", "alice/tell")
        assert (shown["state"], shown["host"], shown["desired"]) == ("running", "host-1", "running")
        assert (await it.json("pause", "tell", "--user", "alice"))["state"] == "paused"
        assert (await it.json("change", "alice/tell", "--param", "mark=x"))["parameters"]["mark"] == "x"
        assert (await it.json("resume", "alice/tell"))["state"] == "running"
        code, said = await it.bots("list", "--user", "alice")
        assert code == 0
        assert "alice@binance/live" in said
        stopped = await it.json("stop", "alice/tell")
        assert (stopped["outcome"], stopped["bots"][0]["state"]) == ("done", "stopped")
        code, said = await it.bots("remove", "alice/tell")
        assert (code, said) == (
            2,
            "fillwire: Remove bot tell for good? nobody is there to be asked: expected --yes",
        )
        code, said = await it.bots("remove", "alice/tell", "--yes")
        assert (code, said) == (0, "done")
        assert await it.bots("list", "--user", "alice") == (0, "no bots")
        assert await host.end(signal.SIGTERM) == 0
        assert await manager.end(signal.SIGTERM) == 0


async def test_what_cannot_be_is_said_and_told_by_the_exit_status(
    broker: EmbeddedServer, tmp_path: Path
) -> None:
    """3 for what the manager refuses or has not seen done, 2 for what the command line says, 1 without a manager."""
    async with commands(broker, tmp_path) as it:
        code, said = await it.bots("list", "--user", "alice")
        assert (
            code,
            "no manager of bots answers: expected one that runs, as `fillwire manager`" in said,
        ) == (
            1,
            True,
        )
        await it.serve("manager")
        create = ("create", "alice/tell", "--strategy", "bots.py")
        for arguments, status, sentence in (
            (create, 3, "refused: parameter path of Teller is missing: expected a path"),
            ((*create, "--param", "path"), 2, "parameter 'path': expected NAME=VALUE"),
            (
                (*create, "--param", it.path, "--pair", "btc"),
                3,
                "refused: pair 'btc' is not written BASE-QUOTE",
            ),
            (
                (*create, "--param", it.path, "--timeout", "0.5"),
                3,
                "unfinished: bot tell of alice is not running yet: no host runs: expected one, as `fillwire host`",
            ),
            ((*create, "--param", it.path), 3, "conflict: bot tell of alice exists: expected another name"),
            (("show", "alice/none"), 3, "missing: alice has no bot none"),
            (("show", "none"), 2, "whose bots is not said: expected --user, or USER/BOT"),
            (
                ("show", "alice/none", "--user", "bob"),
                2,
                "--user bob and alice/…: expected one user, found two",
            ),
            (("change", "alice/tell"), 2, "nothing to change: expected --param or --pair"),
            (
                ("start", "alice/tell", "--revision", "7"),
                3,
                "conflict: bot tell of alice has changed: expected revision 7",
            ),
            (
                ("order", "alice/tell", "buy", "0.1x", "BTC-USDT"),
                2,
                "quantity is '0.1x': expected a decimal number",
            ),
            (
                ("remove", "alice/tell", "--yes"),
                3,
                "bot tell of alice is running: expected to stop it first, or --force",
            ),
        ):
            code, said = await it.bots(*arguments)
            assert (code, sentence in said) == (status, True), (arguments, code, said)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("FILLWIRE_BOTS__LEASE_MS", "2500", "expected leaseMs in whole seconds, found 2500"),
        (
            "FILLWIRE_BOTS__DOUBT_AFTER_MS",
            "600",
            "expected doubtAfterMs of at least three times beatMs, which is 500, found 600",
        ),
        ("FILLWIRE_BOTS__MAX_PER_HOST", "0", "FILLWIRE_BOTS__MAX_PER_HOST"),
        ("FILLWIRE_BOTS__MAX", "1", "unknown variable"),
    ],
)
async def test_settings_that_cannot_be_are_refused_at_the_start(
    broker: EmbeddedServer, tmp_path: Path, variable: str, value: str, sentence: str
) -> None:
    """A host does not begin with them; it names the variable, what was found and what was expected."""
    environ = {"FILLWIRE_NATS__URL": broker.url, variable: value}
    async with python("-m", "fillwire", "host", environ=environ, cwd=tmp_path) as process:
        assert await process.ended() == 2
        assert sentence in "\n".join(process.errors)


async def test_a_killed_manager_is_missed_by_nobody(broker: EmbeddedServer, tmp_path: Path) -> None:
    """Another answers at once; without any, the bots run on, and the next one knows all."""
    async with commands(broker, tmp_path) as it:
        first = await it.serve("manager")
        await it.serve("host", "--name", "host-1")
        await it.json("create", "alice/tell", "--strategy", "bots.py", "--param", it.path)
        second = await it.serve("manager")
        assert await first.end(signal.SIGKILL) == -signal.SIGKILL
        assert (await it.json("pause", "alice/tell"))["state"] == "paused"
        assert await second.end(signal.SIGKILL) == -signal.SIGKILL
        await it.serve("manager")
        assert (await it.json("resume", "alice/tell"))["state"] == "running"
        assert (it.directory / "told.txt").read_text() == "start\n"
