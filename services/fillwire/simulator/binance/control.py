"""What the control API can do to Binance alone.

    POST   /sim/terminate       user or "all": end subscriptions with eventStreamTerminated
    POST   /sim/shutdown_notice serverShutdown to everybody; connections close after `seconds`, if given

and a kind of fault that holds: ban (seconds: 418 for all addresses).
"""

import asyncio
from typing import Any

from aiohttp import web

from fillwire.simulator.binance.connections import BinanceConnection, BinanceSubscription
from fillwire.simulator.binance.core import BinanceCore
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.control import Control


class BinanceControl(Control):
    """Handlers of the control API."""

    core: BinanceCore

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            *super().routes(),
            web.post("/sim/terminate", self.wrap(self._terminate)),
            web.post("/sim/shutdown_notice", self.wrap(self._shutdown_notice)),
        ]

    async def _terminate(self, request: web.Request) -> Any:
        account = self.account_or_all(await self.body(request))
        now_us = self.core.venue.clock.now_us()
        ended = 0
        for connection in self.connections(account):
            for subscription in list(connection.subscriptions.values()):
                if isinstance(subscription, BinanceSubscription) and account in {None, subscription.account}:
                    subscription.terminate(now_us)
                    ended += 1
        return {"subscriptions": ended}

    async def _shutdown_notice(self, request: web.Request) -> Any:
        body = await self.body(request)
        connections = [each for each in self.core.connections if isinstance(each, BinanceConnection)]
        loop = asyncio.get_running_loop()
        seconds = body.get("seconds")
        for connection in connections:
            time = self.core.venue.clock.now_us() // connection.divisor
            connection.deliver(b'{"event":{"e":"serverShutdown","E":%d}}' % time, "serverShutdown")
            if seconds is not None:
                loop.call_later(float(seconds), connection.close)
        return {"connections": len(connections)}

    def hold(self, kind: str, account: Account | None, body: dict[str, Any]) -> None:
        """Put a fault on that holds until it is changed."""
        if kind == "ban":
            hold_ban(self.core, body)
        else:
            super().hold(kind, account, body)


def hold_ban(core: BinanceCore, body: dict[str, Any]) -> None:
    """Ban all addresses that have been seen, and cut off their connections."""
    for address in core.venue.limits.ban_everybody(float(body.get("seconds", 120))):
        core.cut_off(address)
