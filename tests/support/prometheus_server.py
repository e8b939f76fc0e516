"""A real Prometheus for a test: it scrapes the services of a stack, evaluates our rules, and answers queries."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from fillwire.runtime.ports import free_ports
from support.eventually import eventually

_START_DEADLINE_S = 30.0


class Prometheus:
    """What it answers; see its HTTP API."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def get(self, path: str, **parameters: str) -> Any:
        """Return the `data` of an answer."""
        async with self._http.get(f"{self._url}/api/v1/{path}", params=parameters) as response:
            document = await response.json()
            assert document["status"] == "success", (path, parameters, document)
            return document["data"]

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        result: list[dict[str, Any]] = (await self.get("query", query=expression))["result"]
        return result

    async def firing(self) -> set[str]:
        """Return the names of the alerts that fire now."""
        alerts = (await self.get("alerts"))["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    async def is_ready(self) -> bool:
        """Return whether it answers."""
        with contextlib.suppress(aiohttp.ClientError):
            async with self._http.get(f"{self._url}/-/ready") as response:
                return response.status == 200
        return False


@asynccontextmanager
async def prometheus(
    program: Path, directory: Path, targets: Mapping[str, str], token_file: Path, rules: Path
) -> AsyncIterator[Prometheus]:
    """Run a Prometheus inside the block.

    Args:
        program: the executable.
        directory: for its configuration, its store and its log.
        targets: addresses, by the name of the job.
        token_file: the token that scrapes show.
        rules: file of alert rules.
    """
    (port,) = free_ports(1)
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": job,
                "authorization": {"credentials_file": str(token_file)},
                "static_configs": [{"targets": [address.removeprefix("http://")]}],
            }
            for job, address in targets.items()
        ],
    }
    config = directory / "prometheus.yml"
    config.write_text(yaml.safe_dump(document))
    with (directory / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
            stdout=log,
            stderr=log,
        )
    try:
        async with aiohttp.ClientSession() as http:
            found = Prometheus(http, f"http://127.0.0.1:{port}")
            await eventually(found.is_ready, _START_DEADLINE_S, "Prometheus is ready")
            yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
