"""The pages and what they ask: which path is answered by what, to whom."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aiohttp import web

from fillwire.console.addressing import Networks, address_of
from fillwire.console.guarding import (
    MAX_BODY_BYTES,
    SESSION,
    Guard,
    Handler,
    Refused,
    add_headers,
    answer,
    body_of,
    guarded_answers,
    is_own_origin,
)
from fillwire.console.measuring import Answers
from fillwire.console.sessions import LoginRefused, Session, Sessions, TooManyAttempts
from fillwire.console.streaming import Streams

_STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class Pages:
    """Logging in and out, the page itself, and its stream.

    Args:
        sessions: the open ones.
        guard: keeps others out.
        streams: what pages listen to.
        sections: which parts the page offers, such as `trades`.
        proxies: see `address_of`.
    """

    def __init__(
        self,
        sessions: Sessions,
        guard: Guard,
        streams: Streams,
        sections: Iterable[str],
        proxies: Networks = (),
    ) -> None:
        self._sessions = sessions
        self._guard = guard
        self._streams = streams
        self._sections = sorted(sections)
        self._proxies = proxies

    def routes(self) -> list[web.RouteDef]:
        """Return the paths."""
        private = self._guard.private
        files = [
            web.get("/" if path.name == "index.html" else f"/{path.name}", _file(path))
            for path in sorted(_STATIC.iterdir())
            if path.suffix in _TYPES
        ]
        return [
            *files,
            web.post("/api/login", self.log_in),
            web.post("/api/logout", self._guard.changing(self.log_out)),
            web.get("/api/me", private(self.me)),
            web.get("/api/stream", private(self._streams.serve)),
        ]

    async def log_in(self, request: web.Request) -> web.Response:
        """Open a session for who shows a token."""
        if not is_own_origin(request):
            raise Refused(403, "expected a request of this console's own page")
        token = (await body_of(request)).get("token")
        if not isinstance(token, str) or not token:
            raise Refused(400, "expected a token")
        try:
            session_id, session = self._sessions.open(token, address_of(request, self._proxies))
        except TooManyAttempts as error:
            seconds = str(int(error.retry_after_s) + 1)
            return answer({"error": str(error)}, status=429, headers={"Retry-After": seconds})
        except LoginRefused as error:
            raise Refused(401, str(error)) from None
        response = answer(self._facts(session))
        response.set_cookie(
            self._guard.cookie,
            session_id,
            max_age=int(self._sessions.lifetime_s),
            path="/",
            httponly=True,
            secure=self._guard.is_secure,
            samesite="Strict",
        )
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session; its streams end with it."""
        self._sessions.end(self._guard.session_id(request))
        response = answer({})
        response.del_cookie(
            self._guard.cookie, path="/", httponly=True, secure=self._guard.is_secure, samesite="Strict"
        )
        return response

    async def me(self, request: web.Request) -> web.Response:
        """Say who is logged in."""
        return answer(self._facts(request[SESSION]))

    def _facts(self, session: Session) -> dict[str, object]:
        return {
            "user": session.viewer.name,
            "role": session.viewer.role,
            "csrf": session.csrf,
            "sections": self._sections,
        }


def _file(path: Path) -> Handler:
    async def serve(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers={"Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8"})

    return serve


def application(routes: Iterable[web.RouteDef], answers: Answers) -> web.Application:
    """Return the application that answers on these paths, and counts its answers."""
    app = web.Application(middlewares=[answers.counted, guarded_answers], client_max_size=MAX_BODY_BYTES)
    app.add_routes(routes)
    app.on_response_prepare.append(add_headers)
    return app
