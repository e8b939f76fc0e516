"""The compose file's system as the smoke test handles it: started, asked, parts of it killed and started again."""

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deploy.images import COMPOSE, ROOT

PROJECT: Final = "fillwire-smoke"
# Ports of its own, so that it may run beside a system that somebody uses.
PORTS: Final = {
    "FW_NATS_PORT": "24222",
    "FW_NATS_MONITORING_PORT": "28222",
    "FW_BINANCE_PORT": "28765",
    "FW_COINBASE_PORT": "28766",
    "FW_ALPACA_PORT": "28767",
    "FW_CONSOLE_PORT": "28300",
    "FW_JAEGER_PORT": "26686",
    "FW_PROMETHEUS_PORT": "29090",
}
_DEADLINE_S: Final = 120.0
_SHOWN: Final = 2_000


def docker() -> list[str]:
    """Return the engine's client, as `DOCKER` says it."""
    return shlex.split(os.environ.get("DOCKER", "docker"))


class EngineError(Exception):
    """A command of the engine failed; the message holds the end of what it said."""


async def run(
    *command: str, environ: Mapping[str, str] | None = None, deadline_s: float = _DEADLINE_S
) -> str:
    """Run a command and return what it prints.

    Raises:
        EngineError: it failed, is not there, or took too long; it is ended then.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(environ or {})},
        )
    except OSError as error:
        raise EngineError(f"{command[0]} cannot be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(deadline_s):
            output, errors = await process.communicate()
    except TimeoutError:
        raise EngineError(f"{shlex.join(command)} took longer than {deadline_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = (errors or output).decode(errors="replace").strip()[-_SHOWN:]
        raise EngineError(f"{shlex.join(command)} ended with status {process.returncode}: {said}")
    return output.decode()


class Composed:
    """The system of the compose file, under a project name and ports of its own.

    Args:
        tag: of the image `fillwire`.

    Attributes:
        client: the service that has what a user of bots needs.
        jaeger: where that asks for traces.
        folder: of the hosts, where bots may write.
    """

    client = "bot"
    jaeger = "http://jaeger:16686"
    folder = "/var/lib/fillwire"

    def __init__(self, tag: str) -> None:
        self._environ = {**PORTS, "FW_TAG": tag}
        self._docker = docker()

    def port(self, name: str) -> int:
        """Return the port on loopback, by the name of its variable without `FW_` and `_PORT`."""
        return int(PORTS[f"FW_{name}_PORT"])

    async def engine(self, *arguments: str) -> str:
        """Run a command of the engine."""
        return await run(*self._docker, *arguments)

    async def __call__(self, *arguments: str, deadline_s: float = _DEADLINE_S) -> str:
        """Run a command of compose."""
        options = ("--project-name", PROJECT, "--file", str(COMPOSE), "--progress", "quiet")
        return await run(
            *self._docker, "compose", *options, *arguments, environ=self._environ, deadline_s=deadline_s
        )

    async def up(self) -> None:
        """Start everything and wait until everything says that it is ready."""
        await run(sys.executable, str(ROOT / "deploy" / "compose" / "make_secrets.py"))
        await self("up", "--detach", "--wait", "--wait-timeout", "240", deadline_s=300)

    async def down(self) -> None:
        """Stop everything and forget what it has stored."""
        await self("down", "--volumes", "--timeout", "20", deadline_s=240)

    async def fillwire(self, service: str, *arguments: str) -> str:
        """Run `fillwire …` inside a service's container and return what it prints."""
        return await self("exec", "--no-TTY", service, "fillwire", *arguments)

    async def as_user(self, *arguments: str) -> str:
        """Run `fillwire …` as a user of bots does, and return what it prints."""
        return await self.fillwire(self.client, *arguments)

    async def copy_out(self, service: str, path: str, target: Path) -> None:
        """Copy a file out of a service's container."""
        await self("cp", f"{service}:{path}", str(target))

    async def containers(self) -> list[dict[str, Any]]:
        """Return what the engine knows of each container."""
        names = (await self("ps", "--all", "--quiet")).split()
        answer: list[dict[str, Any]] = json.loads(await self.engine("inspect", *names))
        return answer
