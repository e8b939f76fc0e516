"""Hands a bot's orders to the account's connection, if there is one and the venue wants them now."""

from collections.abc import Callable

from fillwire.domain.enums import Reach
from fillwire.domain.errors import Throttled
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.gateway.access import Access
from fillwire.gateway.account_status import AccountStatus
from fillwire.gateway.ban import Ban
from fillwire.gateway.link import Link
from fillwire.gateway.pipeline import Pipeline


class Dealing:
    """Places and cancels orders of one account.

    Args:
        account: whose.
        access: knows the environment's rules and bans.
        status: says how the connection is.
        pipeline: knows what the log has of an order.
        live: returns the connection that takes requests, None if none does.
    """

    def __init__(
        self,
        account: Account,
        access: Access,
        status: AccountStatus,
        pipeline: Pipeline,
        live: Callable[[], Link | None],
    ) -> None:
        self._access = access
        self._status = status
        self._pipeline = pipeline
        self._live = live
        self._placing = Ban(account.exchange)

    @property
    def order_obstacle(self) -> str | None:
        """Why an order would not be sent to the venue now; None if it would."""
        return self._obstacle(self._placing)

    async def place(
        self,
        request: OrderRequest,
        *,
        may_exist: bool,
        may_place: bool = True,
        on_sent: Callable[[], None] | None = None,
    ) -> TradeOrder:
        """Return what the venue answers to an order, or what the log knows of it; see `VenueProtocol.place_order`.

        `on_sent` is called when the connection has it.
        """
        live, obstacle = self._live(), self.order_obstacle
        if live is None or obstacle is not None:
            return _not_sent(request, None, obstacle)
        answer = await live.place(request, may_exist=may_exist, may_place=may_place, on_sent=on_sent)
        environment = self._access.environment
        if may_exist and answer.outcome is Outcome.UNKNOWN and environment is not None:
            symbols = await environment.reference.ready()
            return self._pipeline.placed(request, symbols) or answer
        return answer

    async def cancel(
        self, request: CancelRequest, *, on_sent: Callable[[], None] | None = None
    ) -> TradeOrder:
        """Return what the venue answers to a cancellation; `on_sent` is called when the connection has it."""
        live, obstacle = self._live(), self._obstacle()
        if live is None or obstacle is not None:
            return _not_sent(request, request.order_id, obstacle)
        return await live.cancel(request, on_sent=on_sent)

    def broken_rule(self, request: OrderRequest) -> str | None:
        """Return what an order breaks of the rules of its pair, None if nothing or if they are not known."""
        environment = self._access.environment
        return None if environment is None else environment.reference.broken_rule(request)

    def note_throttling(self, error: Throttled) -> None:
        """Obey a request to wait that came over the socket, with all whom it concerns."""
        if error.reach is Reach.ACCOUNT:
            self._placing.note(Throttled(error.venue, error.reason, error.retry_after_s))
        elif self._access.environment is not None:
            self._access.environment.ban.note(error)

    def _obstacle(self, *bans: Ban) -> str | None:
        """Return why a request cannot be sent now, None if it can."""
        if self._live() is None:
            why = f": {self._status.reason}" if self._status.reason else ""
            return f"the connection is {self._status.state}{why}"
        environment = self._access.environment
        found = [*bans, *([] if environment is None else [environment.ban])]
        return next((ban.sentence(ban.quiet_s) for ban in found if ban.quiet_s > 0), None)


def _not_sent(request: OrderRequest | CancelRequest, order_id: str | None, why: str | None) -> TradeOrder:
    return TradeOrder(
        outcome=Outcome.REJECTED,
        pair=request.pair,
        client_order_id=request.client_order_id,
        order_id=order_id,
        reason=f"not sent: {why}",
    )
