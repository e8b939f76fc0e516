"""What the control API can do to Coinbase Advanced Trade alone: a kind of fault that holds.

fill_lag (seconds): REST shows each execution after a time of its own, between none and so many seconds; 2 at the start.
"""

from typing import Any

from fillwire.simulator.coinbase_advanced.core import AdvancedCore
from fillwire.simulator.coinbase_advanced.venue import FILL_LAG_S
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.control import Control


class AdvancedControl(Control):
    """Handlers of the control API."""

    core: AdvancedCore

    def hold(self, kind: str, account: Account | None, body: dict[str, Any]) -> None:
        """Put a fault on that holds until it is changed."""
        if kind == "fill_lag":
            self.core.venue.set_fill_lag(float(body["seconds"]))
        else:
            super().hold(kind, account, body)

    def release(self) -> None:
        """Let everything that holds be as at the start."""
        super().release()
        self.core.venue.set_fill_lag(FILL_LAG_S)
