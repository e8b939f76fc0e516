"""A bot that answers each execution with an order that ends at once, and writes down what it was told.

Most venues take a client order id again once its order has ended: a bot that is told of an execution a second time has
only its gateway to keep it from a second order.
"""

import asyncio
import os
import uuid
from decimal import Decimal
from pathlib import Path

import orjson

from fillwire import Strategy
from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.enums import Side, TimeInForce
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import Outcome

NAME = "countering"
_AGAIN_S = 0.2


class CounteringBot(Strategy):
    """Appends a line for each call, before its order is sent.

    Args:
        path: the recording.
    """

    name = NAME
    pairs = ("*",)

    def __init__(self, path: Path) -> None:
        self._path = path
        self._run = uuid.uuid4().hex
        self._file = -1

    def on_start(self) -> None:
        """Open the recording."""
        self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)

    async def on_fill(self, order: OrderEvent) -> None:
        """Write the execution down, and have one counter-order to it at the venue, far from the market."""
        fill = order.last_fill
        assert fill is not None
        order_id = derive_client_order_id(self.name, order.event_id)
        line = {
            "event_id": order.event_id,
            "order": f"{order.symbol}:{order.order_id}",
            "run": self._run,
            "client_order_id": order_id,
        }
        os.write(self._file, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        price = (fill.price * 2).to_integral_value()
        quantity = max(fill.quantity, Decimal("0.01"))
        while True:
            answer = await self.place_order(
                order.pair,
                Side.SELL,
                quantity,
                price=price,
                time_in_force=TimeInForce.IOC,
                client_order_id=order_id,
            )
            if answer.outcome is Outcome.ACCEPTED:
                return
            await asyncio.sleep(_AGAIN_S)

    def on_stop(self) -> None:
        """Close the recording."""
        os.close(self._file)
