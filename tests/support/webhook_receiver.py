"""A receiver of notifications on a real socket, which checks what it gets and answers as it is told."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from fillwire.notify.signing import SIGNATURE, TIMESTAMP, is_genuine
from fillwire.notify.webhook import ID

SECRET = "shared-secret-of-the-webhook"


class Receiver:
    """What came, and how to answer next.

    Attributes:
        answers: responses that are given first, one after another; then 204.
        taken: notifications that were answered with 2xx.
        attempts: the header `Fillwire-Id` of each that came.
        forged: how many were not signed as they should.
    """

    def __init__(self) -> None:
        self.answers: list[web.StreamResponse] = []
        self.taken: list[dict[str, Any]] = []
        self.attempts: list[str] = []
        self.forged = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Where to send."""
        return f"http://127.0.0.1:{self.port}/hook/with-a-secret-path"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Check and answer."""
        body = await request.read()
        headers = request.headers
        self.attempts.append(headers[ID])
        if not is_genuine(SECRET, headers[TIMESTAMP], headers[SIGNATURE], body, time.time()):
            self.forged += 1
            return web.Response(status=401)
        if self.answers:
            answer = self.answers.pop(0)
            if not 200 <= answer.status < 300:
                return answer
        self.taken.append(orjson.loads(body))
        return web.Response(status=204)


@asynccontextmanager
async def receiver(port: int = 0) -> AsyncIterator[Receiver]:
    """Run a receiver inside the block, at a free port or a given one."""
    found = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", found.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        found.port = runner.addresses[0][1]
        yield found
    finally:
        await runner.cleanup()
