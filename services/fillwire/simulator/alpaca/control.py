"""What the control API can do to Alpaca alone.

    POST   /sim/session         open true or false: the equities market; crypto is always traded
    POST   /sim/bust            user or api_key: the latest execution is taken back, and told as trade_bust
    POST   /sim/error           user or "all": an error in the stream, after which the venue closes the connection

Further kinds of faults that strike frames: late_new (`new` after what follows it), redeliver (the last messages of an order again
after a fill; times 2), and of `corrupt` the way null_data. Further kinds that hold: old_format (without `at` and `event_id`),
mixed_offsets, page_loss (a page of activities lacks those of the millisecond in which the one before ended), displace (a second
stream ends the first), all with `on`; retention (seconds for which a connection lost without
close frame still counts), activity_lag (seconds within which executions appear in the activities).
"""

from typing import Any, ClassVar

from aiohttp import web

from fillwire.simulator.alpaca.connections import AlpacaConnection, TradeUpdates
from fillwire.simulator.alpaca.core import AlpacaCore
from fillwire.simulator.alpaca.events import bust
from fillwire.simulator.alpaca.venue import Manners
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.control import Control

_SWITCHES = {
    "old_format": "is_old_format",
    "mixed_offsets": "shows_offsets",
    "page_loss": "skips_rows",
    "displace": "displaces",
}
_SECONDS = {"retention": "retention_s", "activity_lag": "activity_lag_s"}


class AlpacaControl(Control):
    """Handlers of the control API."""

    core: AlpacaCore
    kinds: ClassVar[frozenset[str]] = Control.kinds | {"late_new", "redeliver"}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            *super().routes(),
            web.post("/sim/session", self.wrap(self._session)),
            web.post("/sim/bust", self.wrap(self._bust)),
            web.post("/sim/error", self.wrap(self._error)),
        ]

    async def _session(self, request: web.Request) -> Any:
        is_open = (await self.body(request))["open"]
        if not isinstance(is_open, bool):
            raise TypeError("expected open to be true or false")
        events = self.core.venue.set_session(is_open=is_open)
        self.core.publisher.publish(events)
        return {"open": is_open, "events": len(events)}

    async def _bust(self, request: web.Request) -> Any:
        account = self.account(await self.body(request))
        row = len(account.executions) - 1
        if row < 0:
            raise ValueError("expected an account with executions")
        execution = account.executions.execution(row)
        update = bust(self.core.venue, account.orders[execution.symbol, execution.order_id], row)
        now_ns = self.core.venue.clock.now_ns()
        for subscription in account.subscriptions:
            if isinstance(subscription, TradeUpdates):
                subscription.send(update, now_ns)
        return {"execution_id": update.more["previous_execution_id"]}

    async def _error(self, request: web.Request) -> Any:
        connections = self.connections(self.account_or_all(await self.body(request)))
        for connection in connections:
            if isinstance(connection, AlpacaConnection):
                connection.say({"action": "error", "data": {"error_message": "internal server error"}})
            connection.close(1000)
        return {"connections": len(connections)}

    def hold(self, kind: str, account: Account | None, body: dict[str, Any]) -> None:
        """Put a fault on that holds until it is changed."""
        manners = self.core.venue.manners
        if kind in _SWITCHES:
            setattr(manners, _SWITCHES[kind], bool(body.get("on", True)))
        elif kind in _SECONDS:
            setattr(manners, _SECONDS[kind], float(body["seconds"]))
        else:
            super().hold(kind, account, body)

    def release(self) -> None:
        """Take all faults off that hold."""
        super().release()
        self.core.venue.manners = Manners()
        self.core.retained.clear()
