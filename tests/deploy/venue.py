"""A simulated exchange of the compose file, by its control API on loopback."""

from decimal import Decimal
from typing import Any, Final

import aiohttp

from fillwire.cli.accounting import Execution
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.venues.registry import venue

_PAGE: Final = 10_000


class PublishedVenue:
    """What the simulator is told and asked.

    Args:
        session: makes the requests.
        port: on loopback.
        account: at whose orders executions are emitted.
    """

    def __init__(self, session: aiohttp.ClientSession, port: int, account: Account) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}/sim"
        self._account = account

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        async with self._session.request(method, f"{self._url}/{path}", json=body) as answer:
            assert answer.status < 400, await answer.text()
            return await answer.json()

    @property
    def account(self) -> Account:
        """At whose orders executions are emitted."""
        return self._account

    async def emit(self, *, rate: float, count: int, orders: int) -> None:
        """Have executions of two symbols emitted, so many per second; the first symbol is left to bots that trade."""
        symbols = [market["symbol"] for market in await self._ask("GET", "symbols")]
        body = {
            "user": self._account.user,
            "symbols": symbols[1:3],
            "rate": rate,
            "count": count,
            "orders": orders,
        }
        await self._ask("POST", "emit", body)

    async def refuse(self, api_key: str) -> None:
        """Take a key back, and cut the connections that were made with it."""
        await self._ask("POST", "faults", {"kind": "revoke_key", "api_key": api_key})
        await self._ask("POST", "cut", {})

    async def count(self) -> int:
        """Return how many executions there have been."""
        return int((await self._ask("GET", f"executions?user={self._account.user}&limit=0"))["total"])

    async def executions(self) -> list[Execution]:
        """Return them, oldest first, by the identity that they have with us."""
        found: list[Execution] = []
        while True:
            page = await self._ask(
                "GET", f"executions?user={self._account.user}&since={len(found)}&limit={_PAGE}"
            )
            for symbol, order_id, trade_id, _, _, _, cumulative in page["rows"]:
                key = venue(self._account.exchange).trade_key(str(trade_id), Decimal(cumulative))
                event_id = execution_event_id(self._account, symbol, str(order_id), key)
                found.append(Execution(event_id=event_id, order=f"{symbol}:{order_id}"))
            if not page["rows"]:
                return found
