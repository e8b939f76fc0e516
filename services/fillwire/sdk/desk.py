"""Where a running bot's orders go: by request and reply to the gateway that holds its account."""

import asyncio

from fillwire.bus.connection import Bus
from fillwire.bus.errors import NoResponder, RequestTimedOut
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.sdk.causality import ClientOrderIds
from fillwire.wire.commands import CANCEL_ORDER, PLACE_ORDER, decode_trade_order, encode_command
from fillwire.wire.subjects import command_subject

_ASK_AGAIN_S = 0.1


class Desk:
    """Places and cancels the orders of one bot; see `trading.Trading`.

    While no gateway listens the request is repeated until the timeout, for it has certainly not been carried out; then
    the answer is `rejected`. Once it has been sent, only an answer tells: without one the outcome is `unknown`, and
    the request is not repeated.

    Args:
        bus: the connection.
        account: whose orders.
        client_order_ids: derives ids for orders that bring none.
    """

    def __init__(self, bus: Bus, account: Account, client_order_ids: ClientOrderIds) -> None:
        self._bus = bus
        self._account = account
        self._ids = client_order_ids
        self._loop = asyncio.get_running_loop()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which callbacks run."""
        return self._loop

    def next_client_order_id(self) -> str:
        """Return the id of the next order that the current callback places."""
        return self._ids.next()

    async def place(self, request: OrderRequest, timeout_s: float) -> TradeOrder:
        """Return what the venue answers to an order."""
        return await self._ask(PLACE_ORDER, request, timeout_s)

    async def cancel(self, request: CancelRequest, timeout_s: float) -> TradeOrder:
        """Return what the venue answers to a cancellation."""
        return await self._ask(CANCEL_ORDER, request, timeout_s)

    async def _ask(self, verb: str, request: OrderRequest | CancelRequest, timeout_s: float) -> TradeOrder:
        subject = command_subject(self._account, verb)
        body = encode_command(request)
        end = self._loop.time() + timeout_s
        while True:
            try:
                return decode_trade_order(
                    await self._bus.request(subject, body, max(0.001, end - self._loop.time()))
                )
            except NoResponder:
                if self._loop.time() + _ASK_AGAIN_S >= end:
                    return _answer(request, Outcome.REJECTED, f"no gateway serves {self._account}")
                await asyncio.sleep(_ASK_AGAIN_S)
            except RequestTimedOut:
                return _answer(request, Outcome.UNKNOWN, f"the gateway did not answer within {timeout_s:g} s")
            except (BrokerError, DecodeError) as error:
                return _answer(request, Outcome.UNKNOWN, str(error))


def _answer(request: OrderRequest | CancelRequest, outcome: Outcome, reason: str) -> TradeOrder:
    return TradeOrder(
        outcome=outcome,
        pair=request.pair,
        client_order_id=request.client_order_id,
        order_id=request.order_id if isinstance(request, CancelRequest) else None,
        reason=reason,
    )
