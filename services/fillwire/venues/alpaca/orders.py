"""Bots' orders at Alpaca's REST interface: place, look for, cancel."""

from dataclasses import dataclass
from http import HTTPStatus

import orjson

from fillwire.domain.errors import OrderRejected, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.alpaca import requests
from fillwire.venues.alpaca.auth import Key
from fillwire.venues.alpaca.refusals import VENUE, Refusal, http_error, is_id_taken, order_error
from fillwire.venues.alpaca.values import Row, amount, text
from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_desk import ClientOrderIdTaken, ShownOrder

_CANCELLED = frozenset({"canceled", "pending_cancel"})


@dataclass(frozen=True, slots=True)
class AlpacaOrders:
    """`OrderApi` of Alpaca.

    Args:
        key: the account's.
    """

    key: Key

    def place(self, symbol: str, request: OrderRequest) -> Question[ShownOrder]:
        """Place an order."""
        response = yield requests.ask(requests.place(self.key, symbol, request))
        if response.status == HTTPStatus.OK:
            return _shown(response)
        if is_id_taken(response):
            raise ClientOrderIdTaken(VENUE, f"client order id {request.client_order_id} is taken")
        raise order_error(response)

    def find(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> Question[ShownOrder | None]:
        """Look for an order by either id; the symbol is not needed."""
        _ = symbol
        if order_id is not None:
            response = yield requests.ask(requests.order(self.key, order_id))
        elif client_order_id is not None:
            response = yield requests.ask(requests.order_by_client_id(self.key, client_order_id))
        else:
            raise OrderRejected(VENUE, "not sent: expected an order id or a client order id, was neither")
        if response.status == HTTPStatus.NOT_FOUND and Refusal.of(response).code:
            return None
        if response.status != HTTPStatus.OK:
            raise http_error(response)
        return _shown(response)

    def cancel(self, symbol: str, request: CancelRequest) -> Question[ShownOrder]:
        """Cancel an order; the venue knows it by its own id only, which is looked up where it is not given."""
        order_id = request.order_id
        if order_id is None:
            found = yield from self.find(symbol, None, request.client_order_id)
            if found is None:
                raise OrderRejected(VENUE, f"no order of client order id {request.client_order_id} is known")
            order_id = found.order_id
        response = yield requests.ask(requests.cancel(self.key, order_id))
        if response.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.OK}:
            raise order_error(response)
        return ShownOrder(
            order_id=order_id,
            client_order_id=request.client_order_id,
            status=None,
            executed=None,
            is_cancelled=True,
        )


def _shown(response: HttpResponse) -> ShownOrder:
    try:
        row: Row = orjson.loads(response.body)
        status = text(row, "status")
        return ShownOrder(
            order_id=text(row, "id"),
            client_order_id=text(row, "client_order_id"),
            status=status,
            executed=amount(row, "filled_qty"),
            is_cancelled=status in _CANCELLED,
        )
    except (ValueError, AttributeError) as error:  # orjson's is one of the first
        raise VenueError(VENUE, f"the venue's answer cannot be read: {error}") from error
