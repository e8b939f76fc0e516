"""Questions to a venue's REST interface as generators: what to ask next, and what the answers come to. No I/O.

    def time(self) -> Question[int]:
        response = yield lambda now_ns: HttpRequest(method="GET", path="/time")
        return read_time(response)

Who drives one sends what it yields, made for the moment of sending, and hands the answer back; so paging, windows and
whatever a venue wants asked twice stay with the venue. A question raises `VenueError` where the venue refused or
answered something else.
"""

from collections.abc import Callable, Generator
from typing import TypeVar

from fillwire.venues.rest import HttpRequest, HttpResponse

T = TypeVar("T")

Ask = Callable[[int], HttpRequest]
"""Makes the request for the time of sending, in nanoseconds by the venue's clock: most are signed with it."""

Question = Generator[Ask, HttpResponse, T]
"""What is asked, one request after another, and in the end the answer."""


def known(answer: T) -> Question[T]:
    """Return an answer for which nothing has to be asked."""
    return answer
    yield  # a question, though it asks nothing
