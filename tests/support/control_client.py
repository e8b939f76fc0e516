"""The control API of a simulator, for clients of any venue."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from fillwire.simulator.exchange.server import Simulator

_EMISSION_DEADLINE_S = 30.0


class ControlClient:
    """What a client with a session may ask of the simulator that it is a client of."""

    _session: aiohttp.ClientSession
    _sim: "Simulator"

    async def control(self, verb: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """Send a request to the control API that must succeed."""
        async with self._session.request(
            verb, f"{self._sim.rest_url}/sim/{path}", json=body, params=query
        ) as response:
            document = await response.json()
            assert response.status == 200, document
            return document

    async def fault(self, kind: str, **options: Any) -> Any:
        """Add a fault."""
        return await self.control("POST", "faults", {"kind": kind, **options})

    async def emitted(self, **script: Any) -> Any:
        """Run a scripted emission for user demo to its end, and return its progress."""
        job = await self.control("POST", "emit", {"user": "demo", **script})
        async with asyncio.timeout(_EMISSION_DEADLINE_S):
            while job["state"] == "running":
                await asyncio.sleep(0.01)
                job = await self.control("GET", f"emit/{job['job']}")
        return job

    async def executions(self) -> list[dict[str, Any]]:
        """Return every execution of user demo as the venue caused it."""
        document = await self.control("GET", "executions", user="demo")
        return [dict(zip(document["columns"], row, strict=True)) for row in document["rows"]]
