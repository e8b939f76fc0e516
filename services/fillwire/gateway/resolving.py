"""What became of a request whose answer leaves it open: asked of the venue's records and of the log, never guessed."""

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from fillwire.domain.enums import Kind
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderQuery, OrderRequest, Outcome, TradeOrder
from fillwire.gateway.account_log import AccountLog
from fillwire.gateway.placements import TTL_S, Earlier, Placements
from fillwire.gateway.queries import Queries

if TYPE_CHECKING:
    from fillwire.domain.events import OrderEvent

# An outcome that is unknown when the time is over is asked for so much longer, in seconds: bots wait longer still.
RESOLVING_S = 0.7
_NS = 1_000_000_000


class Resolving:
    """Resolves the answers to requests of one account.

    Args:
        account: whose requests.
        queries: asks records, and what of the log is at hand.
        log: all of the log.
        placements: says which orders were sent before.
        timeout_s: longest time until the venue's answer to a request, in seconds.
    """

    def __init__(
        self,
        account: Account,
        queries: Queries,
        log: AccountLog,
        placements: Placements,
        timeout_s: float,
    ) -> None:
        self._account = account
        self._placements = placements
        self._queries = queries
        self._log = log
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()

    async def earlier(self, request: OrderRequest) -> TradeOrder | None:
        """Return what an order has become of which an earlier sending is over; None if it may be sent, or there is none.

        Where the venue keeps its orders, it is asked when the order is sent. Where it forgets those that were cancelled
        without an execution, one that it does not show has ended so, or never was: all of the log is asked which, for as long
        as the id is noted. What neither shows never executed, and never will.
        """
        if not await self._queries.forgets():
            return None
        if await self._placements.earlier(self._account, request.client_order_id) is not Earlier.OVER:
            return None
        query = OrderQuery(pair=request.pair, client_order_id=request.client_order_id)
        shown = await self._queries.order(query)
        if shown.outcome is not Outcome.REJECTED:
            return shown
        events: list[OrderEvent] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._log.named(
                    request.pair,
                    request.client_order_id,
                    time.time_ns() - int(TTL_S * _NS),
                    lambda event, _: events.append(event),
                )
        except (TimeoutError, BrokerError) as error:
            reason = f"it was asked for before, and the log cannot be read: {str(error) or 'not in time'}"
            return replace(shown, outcome=Outcome.UNKNOWN, reason=reason)
        if not events:
            return None
        last = events[-1]
        return TradeOrder(
            outcome=Outcome.REJECTED if last.kind is Kind.REJECTED else Outcome.ACCEPTED,
            pair=request.pair,
            client_order_id=request.client_order_id,
            order_id=last.order_id,
            venue_status=last.venue_status,
            cumulative_quantity=last.cumulative_quantity,
            reason=last.reject_reason,
            kind=last.kind,
        )

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
        if answer.outcome is Outcome.REJECTED:
            # Where the venue forgets what was cancelled, the log says that it was.
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
