"""The orders of one bot, as the manager places and cancels them: through the gateway of its account."""

import asyncio
import time

from fillwire.bus.connection import Bus
from fillwire.domain.bots import BotOrder, BotSpec
from fillwire.domain.client_order_ids import bot_label, derive_client_order_id
from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import OrdersUnknown
from fillwire.domain.orders import CancelRequest, OpenOrdersQuery, OrderRequest, Outcome, TradeOrder
from fillwire.sdk.causality import ClientOrderIds
from fillwire.sdk.desk import Desk
from fillwire.sdk.strategy import OrderTypeLike, SideLike, TimeInForceLike
from fillwire.sdk.trading import Amount, amount, order_request

_BY_REQUEST = "execute_order"
_LEAST_S = 0.5  # for one request, however late it is
_LOOK_FIRST_S = 0.1
_LOOK_MOST_S = 2.0
_LOOK_AGAIN_S = 0.5


def bot_order(  # noqa: PLR0913, PLR0917 - the terms of an order
    bot: str,
    pair: str,
    side: SideLike,
    quantity: Amount,
    request_id: str,
    price: Amount | None,
    type: OrderTypeLike | None,  # noqa: A002 - the trade's word
    time_in_force: TimeInForceLike | None,
    deadline_s: float,
) -> BotOrder:
    """Return the request of these terms.

    Raises:
        TypeError: an amount is no exact number.
        ValueError: a value is not one of those allowed.
    """
    return BotOrder(
        bot=bot,
        request_id=request_id,
        pair=pair,
        side=Side(side),
        quantity=amount(quantity, "quantity"),
        price=None if price is None else amount(price, "price"),
        type=None if type is None else OrderType(type),
        time_in_force=None if time_in_force is None else TimeInForce(time_in_force),
        deadline_ms=round(deadline_s * 1e3),
    )


class OwnOrders:
    """Places and cancels orders in the name of a bot.

    Args:
        bus: the connection.
        spec: the bot.
    """

    def __init__(self, bus: Bus, spec: BotSpec) -> None:
        self._bot = spec.bot
        self._account = spec.account
        self._desk = Desk(bus, spec.account, ClientOrderIds(spec.bot, str(spec.account), ""))

    def request(self, order: BotOrder) -> OrderRequest:
        """Return the request to the gateway; its client order id follows from the bot and the caller's own id.

        Raises:
            ValueError: a value is not one of those allowed, or the terms do not fit each other.
        """
        return order_request(
            client_order_id=derive_client_order_id(
                self._bot, str(self._account), _BY_REQUEST, order.request_id
            ),
            pair=order.pair,
            side=order.side,
            quantity=order.quantity,
            price=order.price,
            type=order.type,
            time_in_force=order.time_in_force,
        )

    async def place(self, request: OrderRequest, timeout_s: float) -> TradeOrder:
        """Return what the venue answers; the same request made twice places one order."""
        return await self._desk.place(request, timeout_s)

    async def cancel_all(self, end_s: float) -> tuple[list[str], list[str]]:
        """Cancel the bot's open orders, and look again until two looks have found none.

        An order that the bot had just sent may be shown only by the second.

        Args:
            end_s: the deadline, by the monotonic clock; the second look may come a moment later.

        Returns:
            Client order ids of those that were cancelled; and of those that were not by then, each with the reason.
        """
        cancelled: dict[str, None] = {}
        looked_s = 0.0
        pause_s = _LOOK_FIRST_S
        while True:
            problems: dict[str, str] = {}
            try:
                found = await self._desk.open_orders(
                    OpenOrdersQuery(label=bot_label(self._bot)), _left_s(end_s)
                )
            except OrdersUnknown as error:
                problems[""] = f"which orders are open is not known: {error}"
            else:
                for order in found:
                    name = order.client_order_id or order.order_id or ""
                    problems[name] = await self._cancel(name, order, cancelled, _left_s(end_s))
                if not found and looked_s:
                    return list(cancelled), []
                looked_s = 0.0 if found else time.monotonic()
            # One look that has found none is no proof: the second is had, also beyond the deadline.
            if problems and time.monotonic() + pause_s >= end_s:
                return [name for name in cancelled if name not in problems], list(problems.values())
            await asyncio.sleep(pause_s if not looked_s else _LOOK_AGAIN_S)
            pause_s = min(2 * pause_s, _LOOK_MOST_S)

    async def _cancel(
        self, name: str, order: TradeOrder, cancelled: dict[str, None], timeout_s: float
    ) -> str:
        """Ask for one order to be cancelled, and return why it is still open: the venue may take its time."""
        request = CancelRequest(
            pair=order.pair, order_id=order.order_id, client_order_id=order.client_order_id
        )
        answer = await self._desk.cancel(request, timeout_s)
        if answer.outcome is Outcome.ACCEPTED:
            cancelled[name] = None
            return f"{name}: the venue has accepted that it is cancelled, and shows it open"
        return f"{name}: {answer.reason or answer.outcome}"


def _left_s(end_s: float) -> float:
    return max(_LEAST_S, end_s - time.monotonic())
