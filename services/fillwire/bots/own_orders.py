"""The orders of one bot, as the manager places them: through the gateway of its account."""

from fillwire.bus.connection import Bus
from fillwire.domain.bots import BotOrder, BotSpec
from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.orders import TradeOrder
from fillwire.sdk.causality import ClientOrderIds
from fillwire.sdk.desk import Desk
from fillwire.sdk.trading import order_request

_BY_REQUEST = "execute_order"


class OwnOrders:
    """Places orders in the name of a bot.

    Args:
        bus: the connection.
        spec: the bot.
    """

    def __init__(self, bus: Bus, spec: BotSpec) -> None:
        self._bot = spec.bot
        self._account = spec.account
        self._desk = Desk(bus, spec.account, ClientOrderIds(spec.bot, str(spec.account), ""))

    async def place(self, order: BotOrder, timeout_s: float) -> TradeOrder:
        """Return what the venue answers; the same request asked for twice places one order.

        Raises:
            ValueError: a value is not one of those allowed, or the terms do not fit each other.
        """
        request = order_request(
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
        return await self._desk.place(request, timeout_s)
