"""What a listener to order fills may implement."""

from collections.abc import Awaitable
from typing import Protocol, TypeAlias

from fillwire.domain.events import ConnectionEvent, OrderEvent

# A callback is plain or `async`. What it returns is ignored, save that an awaitable is awaited.
Returned: TypeAlias = Awaitable[object] | None


class OrderFillListener(Protocol):
    """Receives the fills of one pair, one at a time, in the venue's order per order; each method plain or `async`.

    A method that raises is called again with the same event, after a growing delay, a bounded number of times; then
    the event becomes a dead letter and the next one follows. Plain methods run on the event loop and must be quick.
    """

    def on_order_filled(self, order: OrderEvent) -> Returned:
        """Handle the execution that completed an order."""

    def on_order_partially_filled(self, order: OrderEvent) -> Returned:
        """Handle an execution that left a rest of the order open."""

    def on_order_cancelled(self, order: OrderEvent) -> Returned:
        """Handle the end of an order that was cancelled, filled in part or not at all."""

    def on_websocket_connected(self, connection: ConnectionEvent) -> Returned:
        """Handle that fills are detected live from now on."""

    def on_websocket_disconnected(self, connection: ConnectionEvent) -> Returned:
        """Handle that fills are not detected live until the connection is back; none is lost meanwhile."""

    def on_websocket_error(self, connection: ConnectionEvent) -> Returned:
        """Handle what went wrong with the connection: `connection.reason` says it in a sentence."""
