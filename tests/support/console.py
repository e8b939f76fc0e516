"""A console on a broker, and visitors who ask it without a browser."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from pydantic import SecretStr

from fillwire.bus.connection import Bus
from fillwire.console.clients import CAPACITY
from fillwire.console.service import Console, Routes
from fillwire.runtime.settings import ConsoleSettings, ConsoleUserSettings
from support.eventually import eventually

ALICE_TOKEN, BOB_TOKEN, ADMIN_TOKEN = (
    "alice-token-0123456789",
    "bob-token-0123456789",
    "admin-token-0123456789",
)
ONCE_TOKEN = "once-token-0123456789"
USERS = (
    ConsoleUserSettings(user="alice", token=SecretStr(ALICE_TOKEN)),
    ConsoleUserSettings(user="bob", token=SecretStr(BOB_TOKEN)),
    ConsoleUserSettings(user="root", role="admin", token=SecretStr(ADMIN_TOKEN)),
    ConsoleUserSettings(user="alice", token=SecretStr(ONCE_TOKEN), once=True),
)


@asynccontextmanager
async def console(
    bus: Bus, sections: Mapping[str, Routes] | None = None, *, capacity: int = CAPACITY, **settings: Any
) -> AsyncIterator[Console]:
    """A console at a free port, for alice, bob and an administrator."""
    wanted = ConsoleSettings(**{"port": 0, "users": USERS, **settings})
    async with Console(bus, wanted, sections, capacity=capacity) as made:
        yield made


class Stream:
    """What a visitor was told by the stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.told: list[tuple[str, Any]] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        name = ""
        async for line in self.response.content:
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                name = text.removeprefix("event: ")
            elif text.startswith("data: "):
                self.told.append((name, json.loads(text.removeprefix("data: "))))

    def all(self, name: str) -> list[Any]:
        """Return the contents of all messages of a name."""
        return [content for told, content in self.told if told == name]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All order events told, of states and after them."""
        found: list[dict[str, Any]] = []
        for name, content in self.told:
            if name == "state":
                found += content["events"]
            elif name == "events":
                found += content
        return found

    @property
    def accounts(self) -> dict[str, dict[str, Any]]:
        """The newest state of each account."""
        found: dict[str, dict[str, Any]] = {}
        for name, content in self.told:
            if name == "state":
                found = {account["key"]: account for account in content["accounts"]}
            elif name == "accounts":
                found |= {account["key"]: account for account in content}
        return found

    async def begun(self) -> "Stream":
        """Wait until the state of things was told."""
        await eventually(lambda: self.all("state"), what="a state")
        return self


class Visitor:
    """Somebody who asks the console by HTTP; a context manager."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.csrf = ""
        # A cookie of an address without name, as of 127.0.0.1, is kept by an unsafe jar only.
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._streams: list[Stream] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in self._streams:
            stream.task.cancel()
            stream.response.close()
        await asyncio.gather(*(stream.task for stream in self._streams), return_exceptions=True)
        await self.http.close()

    async def log_in(self, token: str, headers: Mapping[str, str] | None = None) -> int:
        """Show a token and return the status."""
        status, body = await self.post("/api/login", {"token": token}, headers=headers)
        self.csrf = body.get("csrf", "")
        return status

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Return status and body."""
        async with self.http.get(self.address + path, headers=headers) as response:
            return response.status, await response.json()

    async def post(
        self, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Return status and body; the session's token against forged requests goes with it."""
        sent = {"X-Fillwire-Csrf": self.csrf, **(headers or {})}
        async with self.http.post(self.address + path, json=body or {}, headers=sent) as response:
            return response.status, await response.json()

    async def listen(self) -> Stream:
        """Open the stream."""
        response = await self.http.get(
            f"{self.address}/api/stream", timeout=aiohttp.ClientTimeout(total=None)
        )
        return await self.hear(response)

    async def hear(self, response: aiohttp.ClientResponse) -> Stream:
        """Begin to read a stream that was opened."""
        assert response.status == 200, await response.text()
        stream = Stream(response)
        self._streams.append(stream)
        return await stream.begun()


@asynccontextmanager
async def visitor(console: Console, token: str | None = None) -> AsyncIterator[Visitor]:
    """Somebody who has logged in, or who has not."""
    async with Visitor(console.address) as made:
        if token is not None:
            assert await made.log_in(token) == 200
        yield made
