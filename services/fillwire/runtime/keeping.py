"""Records whose traces are kept, on their way to the thread that exports them."""

from typing import NamedTuple

from fillwire.runtime.fill_traces import GatewayTrace, HostTrace
from fillwire.runtime.order_traces import CommandTrace, OrderTrace

Record = GatewayTrace | HostTrace | OrderTrace | CommandTrace
"""What was stamped. By itself it is one whose trace the ratio keeps: that is most of them, and needs no object more."""


class Kept(NamedTuple):
    """A record whose trace is kept for a reason of its own.

    Attributes:
        trace: the record.
        kept_for: why: see `runtime.tail`.
        tells_gateway: whether a host tells the gateway's steps too; the ratio left them out there.
        tells_delivery: whether a host tells the delivery; None: it does with the first call of it.
    """

    trace: Record
    kept_for: str
    tells_gateway: bool = False
    tells_delivery: bool | None = None
