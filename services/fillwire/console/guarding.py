"""What stands before every answer: headers for the browser, who asks, and whether a change was asked for by our own page."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from fillwire.console.sessions import Session, Sessions
from fillwire.domain.errors import BrokerError, FillwireError
from fillwire.runtime.logs import get_log
from fillwire.runtime.redaction import redacted_text

_log = get_log(__name__)

SESSION: Final = web.RequestKey("session", Session)
CSRF_HEADER: Final = "X-Fillwire-Csrf"
COOKIE: Final = "fillwire_session"
SECURE_COOKIE: Final = "__Host-fillwire_session"
# Nothing of another origin, nothing inline, and no string becomes markup: `trusted-types 'none'` has the browser
# refuse what would write HTML.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
MAX_BODY_BYTES: Final = 16 << 10

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(FillwireError):
    """A request that cannot be answered; `status` is HTTP's word for why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def answer(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON answer."""
    return web.Response(
        body=orjson.dumps(document), status=status, content_type="application/json", headers=headers
    )


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in a request.

    Raises:
        Refused: there is none.
    """
    if request.content_type != "application/json":  # which a form of another origin cannot send
        raise Refused(415, "expected a body of application/json")
    try:
        document = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise Refused(400, "expected JSON") from None
    if not isinstance(document, dict):
        raise Refused(400, "expected a JSON object")
    return document


def is_own_origin(request: web.Request) -> bool:
    """Return whether a request comes from our own page, as far as the browser says where it comes from."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("Origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.host
    except ValueError:  # no address at all
        return False


class Guard:
    """Finds the session of a request, and keeps everybody else out.

    Args:
        sessions: the open ones.
        is_secure: whether the cookie is for encrypted connections alone.
    """

    def __init__(self, sessions: Sessions, *, is_secure: bool) -> None:
        self._sessions = sessions
        self.is_secure = is_secure
        self.cookie = SECURE_COOKIE if is_secure else COOKIE

    def session_id(self, request: web.Request) -> str:
        """Return the id that a request shows; empty if none."""
        return request.cookies.get(self.cookie, "")

    def private(self, handler: Handler) -> Handler:
        """Return a handler for those who are logged in, which changes nothing."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            session = self._sessions.find(self.session_id(request))
            if session is None:
                raise Refused(401, "not logged in: expected a session")
            if not is_own_origin(request):
                raise Refused(403, "expected a request of this console's own page")
            request[SESSION] = session
            return await handler(request)

        return guarded

    def changing(self, handler: Handler) -> Handler:
        """Return a handler for those who are logged in and ask from our own page, which may change something."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            given = request.headers.get(CSRF_HEADER, "").encode(errors="replace")
            if not hmac.compare_digest(given, request[SESSION].csrf.encode()):
                raise Refused(403, f"expected the header {CSRF_HEADER} of this session")
            return await handler(request)

        return self.private(guarded)


@web.middleware
async def guarded_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into JSON answers."""
    try:
        return await handler(request)
    except Refused as error:
        return answer({"error": str(error)}, status=error.status)
    except BrokerError as error:
        return answer({"error": redacted_text(str(error))}, status=503)
    except FillwireError as error:
        return answer({"error": redacted_text(str(error))}, status=422)
    except web.HTTPException as error:
        return answer({"error": error.reason}, status=error.status)
    except Exception as error:  # noqa: BLE001 - the edge of a request
        _log.error("request_failed", path=request.path, error=error)
        return answer({"error": "the console failed; its log says why"}, status=500)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer carries, those of streams and errors included."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    # Pages and scripts may be kept if they are asked about each time; data is never kept.
    is_data = request.path.startswith("/api/")
    response.headers["Cache-Control"] = "no-store" if is_data else "no-cache"
