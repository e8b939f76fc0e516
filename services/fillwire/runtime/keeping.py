"""Records whose traces are kept, on their way to the thread that exports them."""

from typing import NamedTuple

from fillwire.runtime.fill_traces import GatewayTrace, HostTrace
from fillwire.runtime.order_traces import CommandTrace, OrderTrace


class Kept(NamedTuple):
    """A record whose trace is kept.

    Attributes:
        trace: the record.
        kept_for: why, if not by the ratio: see `runtime.tail`.
        tells_gateway: whether a host tells the gateway's steps too; the ratio left them out there.
        tells_delivery: whether a host tells the delivery; None: it does with the first call of it.
    """

    trace: GatewayTrace | HostTrace | OrderTrace | CommandTrace
    kept_for: str | None = None
    tells_gateway: bool = False
    tells_delivery: bool | None = None
