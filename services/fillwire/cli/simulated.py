"""A simulated venue as a child process, with an account that the rest of the stack is configured for."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from fillwire.bus.buckets import STATUS, Bucket, Entry
from fillwire.bus.connection import Bus
from fillwire.cli.stack import Child, Stack
from fillwire.domain.errors import FillwireError
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.simulator.registry import SIMULATORS
from fillwire.venues.registry import venue
from fillwire.venues.venue import RenamesOrders
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import account_tokens

if TYPE_CHECKING:
    from fillwire.domain.events import ConnectionEvent

ENVIRONMENT = "simulated"
USER = "demo"
_REQUEST_DEADLINE = aiohttp.ClientTimeout(total=30)
_PAGE = 50_000


class SimulatedVenue:
    """A running simulator and its control API; `start` also configures the stack for its account.

    Attributes:
        keys: how the configuration can refer to the account's keys, of which it has one at a time.
    """

    def __init__(self, child: Child, session: aiohttp.ClientSession) -> None:
        self.child = child
        self.account = Account(USER, str(child.ready["exchange"]), ENVIRONMENT)
        self._venue = venue(self.account.exchange)
        self._demo = SIMULATORS[self.account.exchange].demo
        self.keys = self._demo.keys
        self._session = session
        self._rest = str(child.ready["rest"])
        self._pairs: dict[str, str] = {}  # by symbol
        self._jobs: list[int] = []

    @classmethod
    async def start(
        cls,
        stack: Stack,
        session: aiohttp.ClientSession,
        *options: str,
        exchange: str = "binance",
        name: str = "venue",
    ) -> Self:
        """Start the simulator of an exchange with `options` and write the configuration that points the gateway to it.

        `name` is that of the process.

        The venue takes ownership of `session`.

        Raises:
            ChildError: the simulator did not become ready.
        """
        try:
            child = await stack.spawn(name, "simulate", "--exchange", exchange, "--port", "0", *options)
        except BaseException:
            await session.close()
            raise
        started = cls(child, session)
        started.configure(stack)
        for market in await started.control("GET", "symbols"):
            started._pairs[market["symbol"]] = f"{market['base']}-{market['quote']}"
        return started

    def configure(self, stack: Stack, key: Mapping[str, str] | None = None) -> None:
        """Write `fillwire.json` for this venue and name it, with the account's keys, in the children's environment.

        Args:
            stack: whose children.
            key: which of `keys` the configuration refers to, the first unless said.
        """
        account = self.account
        urls = {"websocketUrl": self.child.ready["websocket"], "restUrl": self.child.ready["rest"]}
        stack.configure(
            account.exchange,
            {"environments": {account.environment: urls}},
            {
                "user": account.user,
                "exchange": account.exchange,
                "environment": account.environment,
                **(key or self.keys[0]),
            },
            self._demo.variables,
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols it trades, in its own order."""
        return tuple(self._pairs)

    @property
    def pairs(self) -> tuple[str, ...]:
        """Their pairs."""
        return tuple(self._pairs.values())

    async def close(self) -> None:
        """Close the session to the control API; the stack stops the process."""
        await self._session.close()

    async def control(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Send a request to the control API and return its JSON answer.

        Raises:
            FillwireError: the simulator refused.
        """
        async with self._session.request(
            method, f"{self._rest}/sim/{path}", json=body, timeout=_REQUEST_DEADLINE
        ) as response:
            document = await response.json()
            if response.status >= 400:  # noqa: PLR2004 - HTTP
                raise FillwireError(f"simulator refused {method} {path}: {document}")
            return document

    async def wait_receiving(self, broker_url: str, deadline_s: float = 20.0) -> None:
        """Wait until the gateway detects the account's fills live.

        Raises:
            FillwireError: it does not before the deadline; the message holds the connection's last reason.
        """
        receiving = asyncio.Event()
        latest: ConnectionEvent | None = None

        async def note(entry: Entry) -> None:
            nonlocal latest
            if entry.value is not None:
                latest = decode_connection(entry.value)
                if latest.is_connected:
                    receiving.set()

        async with await Bus.connect(broker_url, name="waiting for the gateway") as bus:
            # Not by events: the bucket follows them, so that one from before they are heard may not be in it yet.
            watch = await Bucket(bus, STATUS).watch(account_tokens(self.account), note)
            try:
                async with asyncio.timeout(deadline_s):
                    await receiving.wait()
            except TimeoutError:
                found = "the gateway said nothing" if latest is None else f"{latest.state}, {latest.reason}"
                raise FillwireError(
                    f"{self.account} was not receiving within {deadline_s:g} s: {found}"
                ) from None
            finally:
                await watch.stop()

    async def market(self, pair: str) -> tuple[Decimal, Decimal]:
        """Return the market's last price of a pair, and the step of its prices."""
        markets = await self.control("GET", "symbols")
        market = next(market for market in markets if self._pairs[market["symbol"]] == pair)
        return Decimal(market["price"]), Decimal(market["tick"])

    async def freeze(self) -> None:
        """Let the markets stand still: what rests is executed no more."""
        await self.control("POST", "market", {"moves": False})

    async def emit(self, symbols: Sequence[str], *, rate: float, count: int, orders: int = 10) -> int:
        """Have `count` executions of `orders` new orders emitted at `rate` per second (0: as fast as the socket takes).

        Returns the number of the job.
        """
        body = {"user": USER, "symbols": list(symbols), "rate": rate, "count": count, "orders": orders}
        job = int((await self.control("POST", "emit", body))["job"])
        self._jobs.append(job)
        return job

    async def is_emitting(self) -> bool:
        """Return whether the latest emission still runs."""
        if not self._jobs:
            return False
        return bool((await self.control("GET", f"emit/{self._jobs[-1]}"))["state"] == "running")

    async def stop_emitting(self) -> None:
        """End all emissions that still run."""
        for job in self._jobs:
            await self.control("DELETE", f"emit/{job}")
        self._jobs.clear()

    async def execution_count(self) -> int:
        """Return how many executions of the account there have been."""
        return int((await self.control("GET", f"executions?user={USER}&limit=0"))["total"])

    async def executions(self, since: int = 0) -> list[dict[str, Any]]:
        """Return every execution of the account, oldest first and without the first `since`.

        Each has `event_id`, `order`, `pair`, `emitted_ns`, `price` and `quantity`.
        """
        rows: list[list[Any]] = []
        while True:
            page = await self.control(
                "GET", f"executions?user={USER}&since={since + len(rows)}&limit={_PAGE}"
            )
            rows.extend(page["rows"])
            if not page["rows"]:
                return [self._execution(*row) for row in rows]

    async def orders(self, since: int = 0) -> list[str]:
        """Return the client order id of every order of the account as the venue has it, oldest first, without the first `since`."""
        names: list[str] = []
        while True:
            page = await self.control("GET", f"orders?user={USER}&since={since + len(names)}&limit={_PAGE}")
            names.extend(client_order_id for _, _, client_order_id in page["rows"])
            if not page["rows"]:
                return names

    def name_of(self, client_order_id: str) -> str:
        """Return the id by which the venue has an order of ours."""
        if isinstance(self._venue, RenamesOrders):
            return self._venue.order_names(self.account).name(client_order_id)
        return client_order_id

    def _execution(  # noqa: PLR0913, PLR0917 - the columns of a row
        self,
        symbol: str,
        order_id: Any,
        trade_id: Any,
        emitted_ns: int,
        price: str,
        quantity: str,
        cumulative: str,
    ) -> dict[str, Any]:
        key = self._venue.trade_key(str(trade_id), Decimal(cumulative))
        return {
            "event_id": execution_event_id(self.account, symbol, str(order_id), key),
            "order": f"{symbol}:{order_id}",
            "pair": self._pairs[symbol],
            "emitted_ns": emitted_ns,
            "price": price,
            "quantity": quantity,
        }
