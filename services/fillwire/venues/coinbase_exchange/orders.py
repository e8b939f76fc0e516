"""What Coinbase Exchange's REST interface does with bots' orders."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from fillwire.domain.errors import OrderRejected, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.coinbase_exchange import requests
from fillwire.venues.coinbase_exchange.auth import Signer
from fillwire.venues.coinbase_exchange.names import ClientOrderIds
from fillwire.venues.coinbase_exchange.refusals import NOT_FOUND, order_error
from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_desk import ClientOrderIdTaken, ShownOrder

_VENUE = "coinbase"
_OK = 200
_REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ExchangeOrders:
    """`OrderApi` of Coinbase Exchange.

    Args:
        signer: key of the account.
        names: the client order ids that are ours.
    """

    signer: Signer
    names: ClientOrderIds

    def place(self, symbol: str, request: OrderRequest) -> Question[ShownOrder]:
        """Place an order."""
        document = requests.order_document(symbol, self.names.name(request.client_order_id), request)
        response = yield lambda now_ns: requests.place_order(self.signer, now_ns, document)
        if response.status != _OK:
            error = order_error(_VENUE, response)
            if isinstance(error, OrderRejected) and _says_taken(error.reason):
                raise ClientOrderIdTaken(_VENUE, error.reason, error.code)
            raise error
        row = _document(response)
        if row.get("status") == _REJECTED:
            raise OrderRejected(_VENUE, str(row.get("reject_reason") or "no reason given"))
        return self._shown(row)

    def find(
        self,
        symbol: str,  # noqa: ARG002 - ids are of all products
        order_id: str | None,
        client_order_id: str | None,
    ) -> Question[ShownOrder | None]:
        """Look for an order."""
        name = self._name(order_id, client_order_id)
        response = yield lambda now_ns: requests.order(self.signer, now_ns, name)
        if response.status == NOT_FOUND:
            return None
        if response.status != _OK:
            raise order_error(_VENUE, response)
        return self._shown(_document(response))

    def cancel(self, symbol: str, request: CancelRequest) -> Question[ShownOrder]:
        """Cancel an order."""
        name = self._name(request.order_id, request.client_order_id)
        response = yield lambda now_ns: requests.cancel_order(self.signer, now_ns, name, symbol)
        if response.status != _OK:
            raise order_error(_VENUE, response)
        try:
            said = orjson.loads(response.body)
        except orjson.JSONDecodeError as error:
            raise _unreadable(str(error)) from error
        if not isinstance(said, str):
            raise _unreadable(f"expected an id, was {type(said).__name__}")
        # Asked by the client's id, the venue repeats that one.
        return ShownOrder(
            order_id=request.order_id or said,
            client_order_id=request.client_order_id,
            status=None,
            executed=None,
            is_cancelled=True,
        )

    def _name(self, order_id: str | None, client_order_id: str | None) -> str:
        if order_id is not None:
            return order_id
        return f"client:{self.names.name(client_order_id or '')}"

    def _shown(self, row: dict[str, Any]) -> ShownOrder:
        order_id, status, reason = row.get("id"), row.get("status"), row.get("done_reason")
        if not isinstance(order_id, str) or not isinstance(status, str):
            raise _unreadable(f"expected an id and a status, was {order_id!r} and {status!r}")
        try:
            executed = Decimal(row.get("filled_size", "0"))
        except (InvalidOperation, TypeError) as error:
            raise _unreadable(
                f"filled_size: expected a decimal string, was {row['filled_size']!r}"
            ) from error
        return ShownOrder(
            order_id=order_id,
            client_order_id=self.names.ours(row.get("client_oid")),
            status=status,
            executed=executed,
            is_cancelled=status == "done" and reason == "canceled",
        )


def _says_taken(said: str) -> bool:
    """Whether the venue refuses a client order id because it has an order of that id."""
    said = said.lower()
    return "client_oid" in said and any(word in said for word in ("duplicate", "already", "exists", "unique"))


def _document(response: HttpResponse) -> dict[str, Any]:
    try:
        row = orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise _unreadable(str(error)) from error
    if not isinstance(row, dict):
        raise _unreadable(f"expected an order, was {type(row).__name__}")
    return row


def _unreadable(what: str) -> VenueError:
    return VenueError(_VENUE, f"the answer about an order cannot be read: {what}")
