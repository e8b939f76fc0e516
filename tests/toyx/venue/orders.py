"""Bots' orders at ToyX's REST interface."""

from dataclasses import dataclass
from http import HTTPStatus

import orjson

from fillwire.domain.enums import Kind
from fillwire.domain.errors import OrderRejected, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_desk import ShownOrder
from toyx.venue.refusals import VENUE, error, order_error
from toyx.venue.requests import Key
from toyx.venue.rows import order_row


@dataclass(frozen=True, slots=True)
class ToyOrders:
    """`OrderApi` of ToyX."""

    key: Key

    def place(self, symbol: str, request: OrderRequest) -> Question[ShownOrder]:
        """Place an order."""
        return _shown((yield self.key.place(symbol, request)))

    def find(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> Question[ShownOrder | None]:
        """Look for an order by either id; the symbol is not needed."""
        _ = symbol
        if order_id is not None:
            response = yield self.key.order(order_id)
            return None if response.status == HTTPStatus.NOT_FOUND else _shown(response)
        response = yield self.key.ask("GET", "/orders", {"client_id": client_order_id})
        if response.status != HTTPStatus.OK:
            raise error(response)
        return next(iter(_read(response)), None)

    def cancel(self, symbol: str, request: CancelRequest) -> Question[ShownOrder]:
        """Cancel an order; the venue knows it by its own id only, which is looked up where it is not given."""
        order_id = request.order_id
        if order_id is None:
            found = yield from self.find(symbol, None, request.client_order_id)
            if found is None:
                raise OrderRejected(VENUE, f"no order of client order id {request.client_order_id} is known")
            order_id = found.order_id
        return _shown((yield self.key.order(order_id, "DELETE")))


def _shown(response: HttpResponse) -> ShownOrder:
    if response.status != HTTPStatus.OK:
        raise order_error(response)
    (shown,) = _read(response)
    return shown


def _read(response: HttpResponse) -> list[ShownOrder]:
    try:
        document = orjson.loads(response.body)
        rows = [order_row(row) for row in (document if isinstance(document, list) else [document])]
    except ValueError as problem:
        raise VenueError(VENUE, f"the venue's answer cannot be read: {problem}") from problem
    return [
        ShownOrder(
            order_id=row.order_id,
            client_order_id=row.client_order_id,
            status=row.status,
            executed=row.executed,
            is_cancelled=row.ending is Kind.CANCELLED,
        )
        for row in rows
    ]
