"""A small trading bot: one buy and one sell order around the last fill, each fill answered by its counter-order."""

from decimal import Decimal

from fillwire.domain.client_order_ids import is_derived_for
from fillwire.domain.enums import Side
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.orders import Outcome
from fillwire.runtime.logs import get_log
from fillwire.sdk.strategy import Strategy

_log = get_log(__name__)


class PingPong(Strategy):
    """Keeps a buy order `spread` below and a sell order `spread` above the price of its last fill.

    A fill moves both: the counter-order of what was filled, and its own side again, one step on. The bot knows of the
    orders of this start only; what an earlier start left on the book stays there, and is answered when it fills.

    Args:
        price: around which to place the first two orders, in quote currency.
        pair: our spelling, `BASE-QUOTE`.
        quantity: base quantity of each order.
        spread: distance of each order from the last fill, in quote currency.
        name: name of the bot.
    """

    def __init__(
        self,
        price: Decimal,
        pair: str = "BTC-USDT",
        quantity: Decimal = Decimal("0.001"),
        spread: Decimal = Decimal(10),
        name: str = "ping-pong",
    ) -> None:
        self.name = name
        self.pairs = (pair,)
        self.fill_count = 0
        self._pair = pair
        self._price = price
        self._quantity = quantity
        self._spread = spread
        self._resting: dict[Side, str] = {}  # client order ids

    async def on_start(self) -> None:
        """Place the first two orders."""
        await self._quote()

    async def on_order_filled(self, order: OrderEvent) -> None:
        """Move both orders to the price of the fill, if the order is ours."""
        if not self._is_ours(order):
            return
        self.fill_count += 1
        self._forget(order)
        if order.last_fill is not None:
            self._price = order.last_fill.price
        await self._quote()

    async def on_order_cancelled(self, order: OrderEvent) -> None:
        """Forget an order that has ended."""
        self._forget(order)

    async def on_order_expired(self, order: OrderEvent) -> None:
        """Forget an order that has ended."""
        self._forget(order)

    async def on_order_rejected(self, order: OrderEvent) -> None:
        """Forget an order that never was."""
        self._forget(order)

    async def on_reconciled(self, connection: ConnectionEvent) -> None:  # noqa: ARG002 - what happened is enough
        """Place again what could not be placed while the venue was away."""
        if len(self._resting) < len(Side):
            await self._quote()

    async def _quote(self) -> None:
        """Cancel what rests elsewhere and place both orders; a side that is refused is tried again with the next fill.

        The sequence of orders is always the same, so that an event handled twice asks for the same client order ids.
        """
        for side in Side:
            resting = self._resting.pop(side, None)
            if resting is not None:
                await self.cancel_order(self._pair, client_order_id=resting)
        for side in Side:
            price = self._price - self._spread if side is Side.BUY else self._price + self._spread
            answer = await self.place_order(self._pair, side, self._quantity, price=price)
            if answer.outcome is Outcome.REJECTED:
                _log.warning("order_refused", bot=self.name, side=side, reason=answer.reason)
            elif answer.client_order_id is not None:  # accepted, or unknown: then it may rest
                self._resting[side] = answer.client_order_id

    def _is_ours(self, order: OrderEvent) -> bool:
        return order.client_order_id is not None and is_derived_for(self.name, order.client_order_id)

    def _forget(self, order: OrderEvent) -> None:
        for side, client_order_id in list(self._resting.items()):
            if client_order_id == order.client_order_id:
                del self._resting[side]
