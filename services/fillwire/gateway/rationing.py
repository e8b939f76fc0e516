"""A venue's REST interface within the venue's limits, whoever asks: weight is counted, and a request to wait obeyed."""

from collections.abc import Callable

from fillwire.domain.errors import Throttled
from fillwire.gateway.ban import Ban
from fillwire.gateway.rest import RestClient
from fillwire.gateway.weights import WeightBudget
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.venue import Venue

_FIRST_REFUSAL = 400


class RationedRest:
    """One environment's REST interface, shared by all of its accounts. Both ways to ask raise `ConnectionLost`.

    Args:
        venue: reads what an answer says of the limits.
        rest: sends.
        weights: how much may be asked in a minute.
        ban: until when nothing may be asked.
    """

    def __init__(self, venue: Venue, rest: RestClient, weights: WeightBudget, ban: Ban) -> None:
        self._venue = venue
        self._rest = rest
        self._weights = weights
        self._ban = ban

    async def ask(self, make: Callable[[], HttpRequest], share: float = 1.0) -> HttpResponse:
        """Return the answer to what `make` returns at the time of sending, which may be much later: it waits its turn.

        Args:
            make: makes the request, which holds the time.
            share: see `WeightBudget.spend`.
        """
        weight = make().weight
        while True:
            await self._ban.wait()
            await self._weights.spend(weight, share)
            if not self._ban.quiet_s:  # else it began while the turn was awaited
                return await self._send(make())

    async def ask_at_once(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to a question that cannot wait, and is small enough to be asked beyond our own share.

        Raises:
            Throttled: the venue wants no questions now.
        """
        self._ban.check()
        self._weights.count(request.weight)
        return await self._send(request)

    @property
    def headroom(self) -> float:
        """Which share of this minute's budget is left, from 0 to 1."""
        return self._weights.headroom

    def use_weight_limit(self, per_minute: int) -> None:
        """Take what the venue says may be asked in a minute."""
        self._weights.use_limit(per_minute)

    async def _send(self, request: HttpRequest) -> HttpResponse:
        response = await self._rest.send(request)
        used = self._venue.used_weight(response)
        if used is not None:
            self._weights.note(used)
        if response.status >= _FIRST_REFUSAL:
            error = self._venue.error(response)
            if isinstance(error, Throttled):
                self._ban.note(error)
        return response
