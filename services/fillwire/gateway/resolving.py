"""What became of a request whose answer leaves it open: asked of the venue's records and of the log, never guessed."""

import asyncio
from dataclasses import replace

from fillwire.domain.enums import Kind
from fillwire.domain.orders import CancelRequest, OrderQuery, OrderRequest, Outcome, TradeOrder
from fillwire.gateway.queries import Queries

# An outcome that is unknown when the time is over is asked for so much longer, in seconds: bots wait longer still.
RESOLVING_S = 0.7


class Resolving:
    """Resolves the answers to requests of one account.

    Args:
        queries: asks records and log.
        timeout_s: longest time until the venue's answer to a request, in seconds.
    """

    def __init__(self, queries: Queries, timeout_s: float) -> None:
        self._queries = queries
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()

    async def placed(self, request: OrderRequest, answer: TradeOrder, began_s: float) -> TradeOrder:
        """Return the answer to an order, or the order as the records show it if nobody knew whether it was placed.

        Args:
            request: the order.
            answer: what is known so far.
            began_s: when it was sent, by the event loop's clock.
        """
        if answer.outcome is not Outcome.UNKNOWN:
            return answer
        query = OrderQuery(pair=request.pair, client_order_id=request.client_order_id)
        shown = await self._shown(query, began_s)
        return shown if shown.outcome is Outcome.ACCEPTED else answer

    async def cancelled(self, request: CancelRequest, answer: TradeOrder, began_s: float) -> TradeOrder:
        """Return the answer to a cancellation, or what follows from how the order stands now; the arguments as of `placed`."""
        query = OrderQuery(
            pair=request.pair, order_id=request.order_id, client_order_id=request.client_order_id
        )
        if (
            answer.outcome is Outcome.REJECTED
        ):  # where the venue forgets what was cancelled, the log says that it was
            ended = await self._queries.ended(query, RESOLVING_S)
            return ended if ended is not None and ended.kind is Kind.CANCELLED else answer
        if answer.outcome is Outcome.ACCEPTED:
            return answer
        shown = await self._shown(query, began_s)
        if shown.kind is None or shown.is_open:  # it may still be cancelled
            return answer
        if shown.kind is Kind.CANCELLED:
            return shown
        reason = f"the order has ended before: it is {shown.kind}"
        return replace(shown, outcome=Outcome.REJECTED, reason=reason)

    async def _shown(self, query: OrderQuery, began_s: float) -> TradeOrder:
        left_s = began_s + self._timeout_s - self._loop.time()
        return await self._queries.order(query, max(left_s, RESOLVING_S))
