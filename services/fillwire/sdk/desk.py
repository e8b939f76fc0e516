"""Where a running bot's orders go: by request and reply to the gateway that holds its account."""

import asyncio
from collections.abc import Mapping

from fillwire.bus.connection import Bus
from fillwire.bus.errors import NoResponder, RequestTimedOut
from fillwire.domain.errors import BrokerError, DecodeError, OrdersUnknown, RulesUnknown
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import (
    CancelRequest,
    OpenOrdersQuery,
    OrderQuery,
    OrderRequest,
    Outcome,
    TradeOrder,
)
from fillwire.domain.rules import PairRules, RulesQuery
from fillwire.sdk.asking import Asking
from fillwire.sdk.causality import ClientOrderIds
from fillwire.wire.commands import (
    CANCEL_ORDER,
    GET_ORDER,
    OPEN_ORDERS,
    PAIR_RULES,
    PLACE_ORDER,
    decode_open_orders,
    decode_rules_answer,
    decode_trade_order,
    encode_command,
)
from fillwire.wire.subjects import command_subject

_ASK_AGAIN_S = 0.1


class Desk:
    """Places, cancels and looks for the orders of one bot; see `trading.Trading`.

    While no gateway listens the request is repeated until the timeout, for it has certainly not been carried out; then
    the answer is `rejected`. Once it has been sent, only an answer tells: without one the outcome is `unknown`, and
    the request is not repeated.

    Args:
        bus: the connection.
        account: whose orders.
        client_order_ids: derives ids for orders that bring none.
        asking: follows what is placed and cancelled in the traces of what caused it; None for nobody.
    """

    def __init__(
        self, bus: Bus, account: Account, client_order_ids: ClientOrderIds, asking: Asking | None = None
    ) -> None:
        self._bus = bus
        self._account = account
        self._ids = client_order_ids
        self._asking = asking
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

    async def order(self, query: OrderQuery, timeout_s: float) -> TradeOrder:
        """Return an order as the venue's records show it."""
        try:
            return decode_trade_order(await self._request(GET_ORDER, encode_command(query), timeout_s))
        except (BrokerError, DecodeError) as error:
            return _answer(query, Outcome.UNKNOWN, _sentence(error, self._account, timeout_s))

    async def open_orders(self, query: OpenOrdersQuery, timeout_s: float) -> list[TradeOrder]:
        """Return the open orders that are asked for.

        Raises:
            OrdersUnknown: nobody could say which they are.
        """
        try:
            found = decode_open_orders(await self._request(OPEN_ORDERS, encode_command(query), timeout_s))
        except (BrokerError, DecodeError) as error:
            raise OrdersUnknown(_sentence(error, self._account, timeout_s)) from error
        if found.orders is None:
            raise OrdersUnknown(found.reason or "the gateway does not say why")
        return list(found.orders)

    async def rules(self, query: RulesQuery, timeout_s: float) -> PairRules:
        """Return what orders of a pair are checked against.

        Raises:
            RulesUnknown: nobody could say it.
        """
        try:
            found = decode_rules_answer(await self._request(PAIR_RULES, encode_command(query), timeout_s))
        except (BrokerError, DecodeError) as error:
            raise RulesUnknown(_sentence(error, self._account, timeout_s)) from error
        if found.rules is None:
            raise RulesUnknown(found.reason or "the gateway does not say why")
        return found.rules

    async def _ask(self, verb: str, request: OrderRequest | CancelRequest, timeout_s: float) -> TradeOrder:
        asked = None if self._asking is None else self._asking.begin(verb, request)
        if asked is None:
            return await self._ask_once(verb, request, timeout_s, None)
        answer = _answer(request, Outcome.UNKNOWN, "the bot was stopped before the answer came")
        try:
            answer = await self._ask_once(verb, request, timeout_s, asked.headers)
        finally:
            asked.answered(answer)
        return answer

    async def _ask_once(
        self,
        verb: str,
        request: OrderRequest | CancelRequest,
        timeout_s: float,
        headers: Mapping[str, str] | None,
    ) -> TradeOrder:
        try:
            return decode_trade_order(await self._request(verb, encode_command(request), timeout_s, headers))
        except NoResponder as error:
            return _answer(request, Outcome.REJECTED, _sentence(error, self._account, timeout_s))
        except (BrokerError, DecodeError) as error:
            return _answer(request, Outcome.UNKNOWN, _sentence(error, self._account, timeout_s))

    async def _request(
        self, verb: str, body: bytes, timeout_s: float, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the gateway's answer; while none listens it is asked again.

        Raises:
            NoResponder: none listened to the end.
            RequestTimedOut: one heard it, and did not answer.
            BrokerError: the broker is away.
        """
        subject = command_subject(self._account, verb)
        end = self._loop.time() + timeout_s
        while True:
            try:
                return await self._bus.request(subject, body, max(0.001, end - self._loop.time()), headers)
            except NoResponder:
                if self._loop.time() + _ASK_AGAIN_S >= end:
                    raise
                await asyncio.sleep(_ASK_AGAIN_S)


def _sentence(error: BrokerError | DecodeError, account: Account, timeout_s: float) -> str:
    if isinstance(error, NoResponder):
        return f"no gateway serves {account}"
    if isinstance(error, RequestTimedOut):
        return f"the gateway did not answer within {timeout_s:g} s"
    return str(error)


def _answer(request: OrderRequest | CancelRequest | OrderQuery, outcome: Outcome, reason: str) -> TradeOrder:
    return TradeOrder(
        outcome=outcome,
        pair=request.pair,
        client_order_id=request.client_order_id,
        order_id=None if isinstance(request, OrderRequest) else request.order_id,
        reason=reason,
    )
