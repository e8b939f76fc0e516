"""Keeps the listenKey of a connection alive: an hour at a time, asked for every half hour."""

from collections.abc import Callable

from fillwire.domain.errors import AuthRejected, Disposition, VenueError
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.refusals import http_error
from fillwire.venues.binance_futures import requests
from fillwire.venues.binance_futures.endpoints import EXCHANGE
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_calls import RestCalls
from fillwire.venues.timers import Timers

_S = 1_000_000_000
KEEP_EVERY_NS = 30 * 60 * _S
RETRY_NS = 60 * _S
_TIMEOUT_NS = 10 * _S
# Half an hour is left at the first failure: whoever tries for ten minutes has time for a new key.
MAX_FAILURES = 10
_OK = 200


class KeyKeeper:
    """Asks for one more hour, again and again, until the venue refuses or is silent for long.

    Args:
        signer: key pair of the account.
        calls: of the connection.
        timers: of the connection.
        on_lost: told why the key will end.
        on_refused: told that the venue refuses the key pair itself.
    """

    def __init__(
        self,
        signer: Signer,
        calls: RestCalls,
        timers: Timers,
        on_lost: Callable[[str], None],
        on_refused: Callable[[AuthRejected], None],
    ) -> None:
        self._signer = signer
        self._calls = calls
        self._timers = timers
        self._on_lost = on_lost
        self._on_refused = on_refused
        self._failures = 0
        self._is_over = False
        self.quiet_until_ns = 0

    def begin(self, now_ns: int) -> None:
        """Begin: the venue has just given the key an hour."""
        self._timers.at(now_ns + KEEP_EVERY_NS, self._keep)

    def end(self) -> None:
        """Keep nothing alive any more."""
        self._is_over = True

    def _keep(self, now_ns: int) -> None:
        if self._is_over:
            return
        if now_ns < self.quiet_until_ns:
            self._fail("the venue wants no requests", now_ns, self.quiet_until_ns)
            return
        self._calls.ask(lambda _: requests.listen_key(self._signer, "PUT"), _TIMEOUT_NS, self._kept)

    def _kept(self, answer: HttpResponse | VenueError, now_ns: int) -> None:
        if self._is_over:
            return
        if isinstance(answer, VenueError):
            self._fail(answer.reason, now_ns, now_ns + RETRY_NS)
        elif answer.status == _OK:
            self._failures = 0
            self._timers.at(now_ns + KEEP_EVERY_NS, self._keep)
        else:
            self._refused(answer, now_ns)

    def _refused(self, answer: HttpResponse, now_ns: int) -> None:
        error = http_error(EXCHANGE, answer)
        if isinstance(error, AuthRejected):
            self._on_refused(error)
        elif error.disposition is Disposition.RETRY:
            self._fail(error.reason, now_ns, now_ns + RETRY_NS)
        else:  # such as -1125: the venue does not know the key any more
            self._lose(error.reason)

    def _fail(self, reason: str, now_ns: int, again_ns: int) -> None:
        self._failures += 1
        if self._failures >= MAX_FAILURES or again_ns - now_ns >= MAX_FAILURES * RETRY_NS:
            self._lose(reason)
        else:
            self._timers.at(again_ns, self._keep)

    def _lose(self, reason: str) -> None:
        self._is_over = True
        self._on_lost(f"the listenKey could not be kept alive: {reason}")
