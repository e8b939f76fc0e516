"""The bots of the upgrade drill, which run with either release: they write down what they are told, before they act."""

import asyncio
import os
import time
import uuid
from decimal import Decimal
from pathlib import Path
from zlib import crc32

import orjson

from fillwire import Strategy
from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.enums import Side, TimeInForce
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import Outcome

NAME = "running"
_AGAIN_S = 0.2


class Recording(Strategy):
    """Appends a line for each execution, and has a counter-order to some of them, one each, that ends at once.

    Args:
        path: the recording.
        share: every so manieth execution causes a counter-order, by its id; 0 for none.
    """

    name = NAME
    pairs = ("*",)

    def __init__(self, path: Path, share: int) -> None:
        self._path = path
        self._share = share
        self._run = uuid.uuid4().hex[:12]
        self._file = -1

    def on_start(self) -> None:
        """Open the recording."""
        self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)

    async def on_fill(self, order: OrderEvent) -> None:
        """Write it down, and order."""
        is_cause = self._share > 0 and crc32(order.event_id.encode()) % self._share == 0
        order_id = derive_client_order_id(NAME, order.event_id) if is_cause else None
        line = {
            "event_id": order.event_id,
            "run": self._run,
            "called_ns": time.time_ns(),
            "client_order_id": order_id,
        }
        os.write(self._file, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        if order_id is not None:
            await self._counter(order, order_id)

    async def _counter(self, order: OrderEvent, client_order_id: str) -> None:
        """Ask for it until it is there: a gateway that hands over refuses for a moment."""
        fill = order.last_fill
        if fill is None:
            raise AssertionError("a fill has an execution")
        while True:
            answer = await self.place_order(
                order.pair,
                Side.SELL,
                max(fill.quantity, Decimal("0.01")),
                price=(fill.price * 2).to_integral_value(),
                time_in_force=TimeInForce.IOC,
                client_order_id=client_order_id,
            )
            if answer.outcome is Outcome.ACCEPTED:
                return
            await asyncio.sleep(_AGAIN_S)

    def on_stop(self) -> None:
        """Close the recording."""
        os.close(self._file)
