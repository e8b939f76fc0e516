"""Placing, finding and cancelling orders at Binance USD-M Futures, as questions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from fillwire.domain.errors import AuthRejected, OrderRejected, Throttled, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.mapping import read_server_time_ns
from fillwire.venues.binance.refusals import CLOCK_OUTSIDE_WINDOW, NO_SUCH_ORDER, http_error, http_refusal
from fillwire.venues.binance.rows import amount, identity, text
from fillwire.venues.binance_futures import requests
from fillwire.venues.binance_futures.endpoints import EXCHANGE
from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.rest_desk import ClientOrderIdTaken, ShownOrder

_OK = 200
_NS_PER_MS = 1_000_000
_DUPLICATE_CLIENT_ID = -4116


@dataclass(frozen=True, slots=True)
class FuturesOrderApi:
    """`OrderApi` of Binance USD-M Futures."""

    signer: Signer

    def place(self, symbol: str, request: OrderRequest) -> Question[ShownOrder]:
        """Place an order."""
        requests.order_parameters(symbol, request)  # a request that cannot be sent is refused before its turn
        return _shown((yield from _asked(lambda ms: requests.place_order(self.signer, ms, symbol, request))))

    def find(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> Question[ShownOrder | None]:
        """Look for an order by either id."""
        requests.named(symbol, order_id, client_order_id)
        response = yield from _asked(
            lambda ms: requests.order(self.signer, ms, symbol, order_id, client_order_id)
        )
        if response.status != _OK and http_refusal(response).code == NO_SUCH_ORDER:
            return None
        return _shown(response)

    def cancel(self, symbol: str, request: CancelRequest) -> Question[ShownOrder]:
        """Cancel an order."""
        requests.named(symbol, request.order_id, request.client_order_id)
        return _shown((yield from _asked(lambda ms: requests.cancel_order(self.signer, ms, symbol, request))))


def _asked(make: Callable[[int], HttpRequest]) -> Question[HttpResponse]:
    """Ask with the venue's time in milliseconds; once more, with the time as the venue tells it, if it refuses that."""
    response = yield lambda now_ns: make(now_ns // _NS_PER_MS)
    if response.status == _OK or http_refusal(response).code != CLOCK_OUTSIDE_WINDOW:
        return response
    believed_ns: list[int] = []

    def ask_time(now_ns: int) -> HttpRequest:
        believed_ns.append(now_ns)
        return requests.server_time()

    told = yield ask_time
    try:
        behind_ns = read_server_time_ns(orjson.loads(told.body)) - believed_ns[-1]
    except ValueError:  # orjson's is one too
        return response
    return (yield lambda now_ns: make((now_ns + behind_ns) // _NS_PER_MS))


def _shown(response: HttpResponse) -> ShownOrder:
    if response.status != _OK:
        raise _refused(response)
    try:
        return _read(orjson.loads(response.body))
    except (ValueError, LookupError, TypeError) as error:
        raise VenueError(EXCHANGE, f"the venue's answer cannot be read: {error}") from error


def _read(row: Mapping[str, Any]) -> ShownOrder:
    status = text(row, "status")
    return ShownOrder(
        order_id=identity(row, "orderId"),
        client_order_id=text(row, "clientOrderId"),
        status=status,
        executed=amount(row, "executedQty"),
        is_cancelled=status == "CANCELED",
    )


def _refused(response: HttpResponse) -> VenueError:
    """Return what a refusal means for the order: that it was refused, unless the venue says otherwise."""
    refusal = http_refusal(response)
    error = http_error(EXCHANGE, response)
    if isinstance(error, Throttled | AuthRejected) or refusal.leaves_outcome_unknown:
        return error
    if refusal.code == 0:  # it is not the venue that refuses
        return VenueError(EXCHANGE, f"nobody knows what was done: {refusal.text}")
    if refusal.code == _DUPLICATE_CLIENT_ID:
        return ClientOrderIdTaken(EXCHANGE, refusal.text, refusal.code)
    return OrderRejected(EXCHANGE, refusal.text, refusal.code)
