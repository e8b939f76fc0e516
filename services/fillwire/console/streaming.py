"""The stream that a page listens to (server-sent events): the state of things, and then what changes."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import orjson
from aiohttp import web

from fillwire.console.clients import CAPACITY, Client
from fillwire.console.guarding import SESSION, Refused
from fillwire.console.scope import Scope, Scopes
from fillwire.console.sessions import Session
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel

_log = get_log(__name__)

MAX_CLIENTS: Final = 200
MAX_CLIENTS_OF_ONE: Final = 20
# So often at most something is written: a page that is told of 200 fills a second draws ten times.
PACE_S: Final = 0.1
# So often at least, so that both ends notice that the other has gone: the page waits for it (server.js).
QUIET_S: Final = 10.0
_WRITE_DEADLINE_S: Final = 20.0
_SOCKET_BYTES: Final = 64 << 10


class Streams:
    """Serves streams.

    Args:
        scopes: what pages are told from.
        now_s: the clock of sessions.
        capacity: see `Client`.
    """

    def __init__(self, scopes: Scopes, now_s: Callable[[], float], capacity: int = CAPACITY) -> None:
        self._scopes = scopes
        self._now_s = now_s
        self._capacity = capacity
        self._tasks: set[asyncio.Task[Any]] = set()
        self._clients: set[Client] = set()
        self._lost_before = 0  # by pages that have gone

    @property
    def client_count(self) -> int:
        """Pages that listen."""
        return len(self._clients)

    @property
    def lost_count(self) -> int:
        """Order events that pages were too slow to take."""
        return self._lost_before + sum(client.lost_count for client in self._clients)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Tell a page until its session ends or it goes."""
        session = request[SESSION]
        user = session.viewer.scope
        client = Client(self._capacity)
        async with self._scopes.following(user, client) as scope:
            # This one included: those that are opened at once wait in there for each other.
            if self._scopes.count() > MAX_CLIENTS or scope.client_count > MAX_CLIENTS_OF_ONE:
                raise Refused(503, "too many pages are open: expected fewer")
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
            )
            await response.prepare(request)
            if request.transport is not None:  # what waits, waits where it is counted
                request.transport.set_write_buffer_limits(high=_SOCKET_BYTES)
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - we are in one
            self._tasks.add(task)
            self._clients.add(client)
            try:
                await self._tell(request, response, session, scope, client)
            except (ConnectionError, TimeoutError) as error:
                _log.info("page_gone", reason=type(error).__name__)
                if request.transport is not None:
                    request.transport.abort()
            finally:
                self._tasks.discard(task)
                self._clients.discard(client)
                self._lost_before += client.lost_count
        return response

    async def close(self) -> None:
        """End all streams."""
        await cancel(*self._tasks)

    async def _tell(
        self,
        request: web.Request,
        response: web.StreamResponse,
        session: Session,
        scope: Scope,
        client: Client,
    ) -> None:
        while not session.ended.is_set() and (left_s := session.expires_s - self._now_s()) > 0:
            fresh, waiting = client.take()
            if fresh is not None:
                # Whose it is as well: by another tab somebody else may have logged in since the page was opened.
                viewer = {"user": session.viewer.name, "role": session.viewer.role}
                state = {**scope.snapshot(), "dropped": fresh, "viewer": viewer}
                waiting.insert(0, ("state", state))
            text = b"".join(_message(name, content) for name, content in waiting)
            async with asyncio.timeout(_WRITE_DEADLINE_S):
                await response.write(text or _message("quiet", {}))
            if request.transport is None or request.transport.is_closing():
                return
            await _either(session.ended, timeout_s=min(PACE_S, left_s))
            await _either(session.ended, client.wake, timeout_s=min(QUIET_S, left_s))
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_WRITE_DEADLINE_S):
                await response.write(_message("ended", {}))


def _message(name: str, content: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(content))


async def _either(*events: asyncio.Event, timeout_s: float) -> None:
    """Wait until one of the events is set, or the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(*waits)
