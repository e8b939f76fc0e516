"""What the control API can do to Binance USD-M Futures alone.

    POST   /sim/expire_key      user or "all": end the listenKey, say so on its streams, which are silent from then on;
                                quiet true: without a word

and a kind of fault that holds: ban (seconds: 418 for all addresses).
"""

from typing import Any

from aiohttp import web

from fillwire.simulator.binance.control import hold_ban
from fillwire.simulator.binance_futures.core import FuturesCore
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.control import Control


class FuturesControl(Control):
    """Handlers of the control API."""

    core: FuturesCore

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [*super().routes(), web.post("/sim/expire_key", self.wrap(self._expire_key))]

    async def _expire_key(self, request: web.Request) -> Any:
        body = await self.body(request)
        account = self.account_or_all(body)
        accounts = list(self.core.venue.accounts.values()) if account is None else [account]
        streams = [self.core.expire_key(each, is_quiet=bool(body.get("quiet", False))) for each in accounts]
        return {"streams": sum(streams)}

    def hold(self, kind: str, account: Account | None, body: dict[str, Any]) -> None:
        """Put a fault on that holds until it is changed."""
        if kind == "ban":
            hold_ban(self.core, body)
        else:
            super().hold(kind, account, body)
