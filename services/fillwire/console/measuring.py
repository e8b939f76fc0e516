"""What the console says of itself in numbers: read from what it counts, when somebody asks."""

from collections import Counter

from aiohttp import web

from fillwire.console.guarding import Handler
from fillwire.console.sessions import Sessions
from fillwire.console.streaming import Streams
from fillwire.runtime import metric_names as names
from fillwire.runtime.metrics import Measures

_STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")


class Answers:
    """Counts answers by the class of their status.

    Attributes:
        counted: the middleware that counts; it must stand before what turns errors into answers.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

        @web.middleware
        async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            self._counts[f"{response.status // 100}xx"] += 1
            return response

        self.counted = counted

    def count(self, status_class: str) -> int:
        """Return how many answers of a class there were, such as `4xx`."""
        return self._counts[status_class]


def measure(into: Measures, sessions: Sessions, streams: Streams, answers: Answers) -> None:
    """Say everything."""
    into.put(names.CONSOLE_SESSIONS, sessions.open_count)
    into.put(names.CONSOLE_STREAMS, streams.client_count)
    into.put(names.CONSOLE_DROPPED, streams.lost_count)
    into.put(names.CONSOLE_LOGINS, sessions.opened_count, "opened")
    into.put(names.CONSOLE_LOGINS, sessions.refused_count, "refused")
    into.put(names.CONSOLE_LOGINS, sessions.delayed_count, "delayed")
    for status_class in _STATUS_CLASSES:
        into.put(names.CONSOLE_REQUESTS, answers.count(status_class), status_class)
