"""A connection's requests to REST: which answer belongs to which, without I/O."""

from collections.abc import Callable

from fillwire.domain.errors import VenueError
from fillwire.venues.protocol import HttpAsk
from fillwire.venues.questions import Ask
from fillwire.venues.rest import HttpResponse

Then = Callable[[HttpResponse | VenueError, int], None]
"""Told the answer, or why there is none, and the time."""


class RestCalls:
    """Requests that wait to be sent, and those that wait for their answers; whoever asks bounds how many."""

    __slots__ = ("_last_key", "_lasting", "_to_send", "_waiting")

    def __init__(self) -> None:
        self._to_send: list[HttpAsk] = []
        self._waiting: dict[int, Then] = {}
        self._lasting: dict[int, Then] = {}
        self._last_key = 0

    def ask(self, make: Ask, timeout_ns: int, then: Then, *, outlives: bool = False) -> None:
        """Have a request sent; `then` is told what came of it, also after `abandon` if it `outlives` the connection."""
        self._last_key += 1
        (self._lasting if outlives else self._waiting)[self._last_key] = then
        self._to_send.append(HttpAsk(self._last_key, make, timeout_ns))

    def to_send(self) -> list[HttpAsk]:
        """Return the requests since the last call."""
        asks = self._to_send
        if asks:
            self._to_send = []
        return asks

    def receive(self, key: int, answer: HttpResponse | VenueError, now_ns: int) -> None:
        """Take an answer; one that nobody waits for any more is passed over."""
        then = self._waiting.pop(key, None) or self._lasting.pop(key, None)
        if then is not None:
            then(answer, now_ns)

    def abandon(self) -> None:
        """Wait for nothing any more but what outlives the connection."""
        self._to_send = [ask for ask in self._to_send if ask.key in self._lasting]
        self._waiting.clear()
