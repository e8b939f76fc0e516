"""The control API below `/sim/`: what tests, the demo and the benchmark do to the venue.

A venue may add to it.

    GET    /sim/health          users, symbols, clock
    GET    /sim/symbols         symbol, base, quote, tick and last price of each market
    GET    /sim/stats           connections, accounts, emissions, faults; answers by status, the last handshakes
    GET    /sim/executions      ?user= or ?api_key=, &since=0 &limit=10000: every execution of an account, as rows
                                of `columns`; go on with `since=next` until `next` is `total`
    GET    /sim/orders          ?user= or ?api_key=, &since=0 &limit=10000: every order of an account since the start, as rows of
                                symbol, order id and own client id; go on with `since=next` until `next` is `total`
    POST   /sim/price           symbol, price: move the market; everybody in between trades, stops trigger
    POST   /sim/market          moves: whether the price process goes on
    POST   /sim/emit            user or api_key, count; symbols (the first market), orders 10, rate 0 (executions per second,
                                0 is as fast as the sockets take them), quantity (of each execution), side BUY, SELL or
                                ALTERNATE, positions true (balances after each execution, as the venue tells them)
    GET    /sim/emit/<job>      progress: state running, done, cancelled or failed
    DELETE /sim/emit/<job>      stop it
    POST   /sim/cut             user or "all", how: abort, close (with handshake) or mid_frame
    POST   /sim/stall           user or "all", seconds; what: all, or events (responses go on); retain false (what is
                                not said is lost), pings true (false: none are sent or answered)
    POST   /sim/wipe            end emissions, forget orders and trades, restart ids
    POST   /sim/faults          kind, optional user, and next (how many occasions, 1 unless said) or probability
    GET    /sim/faults          all rules with their hits
    DELETE /sim/faults/<id>     remove one rule; it is returned with its hits
    DELETE /sim/faults          remove all rules; clock, lag, keys and accounts are as at the start

Kinds that strike frames, where `target` is event, execution, response, any, or the venue's name of an event:
drop, duplicate (copies), reorder (swaps with the next of its target), delay (seconds), corrupt (how: one of
the venue's `corruptions`, such as truncated), unknown_event, unknown_value (field), extra_fields.

Kinds that strike requests, where `method` is the venue's name of an operation and `api` is rest or websocket:
lost_response (after the order was executed; answer none for no answer at all), event_first,
request_error (status, code, message, retry_after_s), request_delay (seconds), login_refused, connection_refused
(of the handshake: as request_error, 503 unless said).

Kinds that hold until they are changed: query_lag (seconds), clock_skew (milliseconds), revoke_key and restore_key
(user or api_key), block_trading and allow_trading (user): orders of the account are refused, where the venue can do so.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, ClassVar

import orjson
from aiohttp import web

from fillwire.simulator.exchange.accounts import Account, ApiKey
from fillwire.simulator.exchange.connections import Connection
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.emission import Emission, Script
from fillwire.simulator.exchange.faults import FRAME_FAULTS, REQUEST_FAULTS
from fillwire.simulator.exchange.ledger import Execution
from fillwire.simulator.exchange.refused import Refused
from fillwire.simulator.exchange.units import parse_units, units_text

_PAGE = 10_000
_MAX_PAGE = 100_000


class Control:
    """Handlers of the control API. Bodies and answers are JSON; a mistake is answered with status 400 and a sentence.

    Attributes:
        kinds: kinds of faults that strike, and do not hold.
    """

    kinds: ClassVar[frozenset[str]] = FRAME_FAULTS | REQUEST_FAULTS

    def __init__(self, core: Core) -> None:
        self.core = core
        self._jobs: dict[int, Emission] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/sim/health", self.wrap(self._health)),
            web.get("/sim/symbols", self.wrap(self._symbols)),
            web.get("/sim/stats", self.wrap(self._stats)),
            web.get("/sim/executions", self.wrap(self._executions)),
            web.get("/sim/orders", self.wrap(self._orders)),
            web.post("/sim/price", self.wrap(self._price)),
            web.post("/sim/market", self.wrap(self._market)),
            web.post("/sim/emit", self.wrap(self._emit)),
            web.get("/sim/emit/{job}", self.wrap(self._job)),
            web.delete("/sim/emit/{job}", self.wrap(self._cancel_job)),
            web.post("/sim/cut", self.wrap(self._cut)),
            web.post("/sim/stall", self.wrap(self._stall)),
            web.post("/sim/faults", self.wrap(self._add_fault)),
            web.get("/sim/faults", self.wrap(self._list_faults)),
            web.delete("/sim/faults/{id}", self.wrap(self._remove_fault)),
            web.delete("/sim/faults", self.wrap(self._clear_faults)),
            web.post("/sim/wipe", self.wrap(self._wipe)),
        ]

    def wrap(
        self, handler: Callable[[web.Request], Awaitable[Any]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler that answers with the JSON of what the given one returns, or with its mistake."""

        async def handle(request: web.Request) -> web.Response:
            status = 200
            try:
                document = await handler(request)
            except Refused as refused:
                status, document = 400, {"error": str(refused)}
            except (ValueError, KeyError, TypeError) as error:
                status, document = 400, {"error": f"{type(error).__name__}: {error}"}
            return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")

        return handle

    async def stop(self) -> None:
        """End all emissions."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Who

    def account(self, body: dict[str, Any]) -> Account:
        """Return the account that a body names."""
        if "api_key" in body:
            key = self.core.venue.keys.get(body["api_key"])
            if key is None:
                raise ValueError("unknown api_key")
            return key.account
        account = self.core.venue.accounts.get(body["user"])
        if account is None:
            raise ValueError(
                f"unknown user {body['user']!r}, expected one of {sorted(self.core.venue.accounts)}"
            )
        return account

    def account_or_all(self, body: dict[str, Any]) -> Account | None:
        """Return the account that a body names, None for all."""
        if body.get("user") in {None, "all"} and "api_key" not in body:
            return None
        return self.account(body)

    def connections(self, account: Account | None) -> list[Connection]:
        """Return the open connections of an account, or all."""
        return [connection for connection in self.core.connections if connection.serves(account)]

    @staticmethod
    async def body(request: web.Request) -> dict[str, Any]:
        """Return the JSON object that was sent, an empty one for nothing."""
        data = await request.read()
        document = orjson.loads(data) if data else {}
        if not isinstance(document, dict):
            raise TypeError("expected a JSON object")
        return document

    # What

    async def _health(self, _request: web.Request) -> Any:
        venue = self.core.venue
        return {
            "status": "ok",
            "time_ns": venue.clock.now_ns(),
            "symbols": sorted(venue.markets),
            "users": sorted(venue.accounts),
        }

    async def _symbols(self, _request: web.Request) -> Any:
        return [
            {
                "symbol": market.name,
                "base": market.rules.base,
                "quote": market.rules.quote,
                "tick": units_text(market.rules.tick),
                "price": units_text(market.last_price),
            }
            for market in self.core.venue.markets.values()
        ]

    async def _stats(self, _request: web.Request) -> Any:
        core = self.core
        return {
            "published": core.publisher.published,
            "connections": [
                {
                    "address": connection.address,
                    "users": sorted({sub.account.user for sub in connection.subscriptions.values()}),
                    "sent_frames": connection.sent_frames,
                    "sent_bytes": connection.sent_bytes,
                    "unsent_bytes": connection.unsent_bytes,
                    "connected_us": connection.connected_us,
                }
                for connection in core.connections
            ],
            "accounts": {
                account.user: {
                    "orders": len(account.orders),
                    "open_orders": len(account.open_orders),
                    "executions": len(account.executions),
                    "subscriptions": len(account.subscriptions),
                }
                for account in core.venue.accounts.values()
            },
            "emissions": [job.document() for job in self._jobs.values()],
            "faults": core.faults.documents(),
            "answered": dict(core.answered),
            "handshakes": list(core.handshakes),
        }

    async def _executions(self, request: web.Request) -> Any:
        account = self.account(dict(request.query))
        since = int(request.query.get("since", "0"))
        limit = min(int(request.query.get("limit", str(_PAGE))), _MAX_PAGE)
        log = account.executions
        until = min(len(log), since + limit)
        return {
            "user": account.user,
            "since": since,
            "next": until,
            "total": len(log),
            "columns": ["symbol", "order_id", "trade_id", "emitted_ns", "price", "quantity", "cumulative"],
            "rows": [
                (*self._row(log.execution(row)), units_text(log.cumulative[row]))
                for row in range(since, until)
            ],
        }

    async def _orders(self, request: web.Request) -> Any:
        account = self.account(dict(request.query))
        since = int(request.query.get("since", "0"))
        limit = min(int(request.query.get("limit", str(_PAGE))), _MAX_PAGE)
        ids = self.core.venue.engine.ids
        orders = list(islice(account.orders.values(), since, since + limit))
        return {
            "next": since + len(orders),
            "total": len(account.orders),
            "rows": [
                (
                    order.market.name,
                    ids.order_id(order.market.name, order.order_id),
                    order.original_client_id or order.client_order_id,
                )
                for order in orders
            ],
        }

    def _row(self, execution: Execution) -> tuple[str, int | str, int | str, int, str, str]:
        symbol, number = execution.symbol, execution.order_id
        ids = self.core.venue.engine.ids
        return (
            symbol,
            ids.order_id(symbol, number),
            ids.trade_id(symbol, number, execution.trade_id),
            execution.emitted_ns,
            units_text(execution.price),
            units_text(execution.quantity),
        )

    async def _price(self, request: web.Request) -> Any:
        body = await self.body(request)
        market = self.core.venue.engine.market(body["symbol"])
        events = self.core.venue.house.move(market, parse_units(str(body["price"])))
        self.core.publisher.publish(events)
        return {"symbol": market.name, "events": len(events)}

    async def _market(self, request: web.Request) -> Any:
        moves = (await self.body(request))["moves"]
        if not isinstance(moves, bool):
            raise TypeError(f"moves: expected true or false, found {moves!r}")
        self.core.moves_market = moves
        return {"moves": moves}

    async def _emit(self, request: web.Request) -> Any:
        body = await self.body(request)
        engine = self.core.venue.engine
        symbols = body.get("symbols") or [body.get("symbol") or next(iter(engine.markets))]
        markets = tuple(engine.market(symbol) for symbol in symbols)
        count = int(body["count"])
        script = Script(
            account=self.account(body),
            markets=markets,
            orders=max(1, min(int(body.get("orders", 10)), count)),
            rate=float(body.get("rate", 0)),
            count=count,
            quantity=parse_units(str(body["quantity"]))
            if "quantity" in body
            else max(m.rules.step for m in markets),
            side=str(body.get("side", "ALTERNATE")).upper(),
            position_each=bool(body.get("positions", True)),
        )
        if (
            count < 1
            or script.quantity == 0
            or any(script.quantity % market.rules.step for market in markets)
        ):
            raise ValueError(
                "expected a count above 0 and a quantity that is a multiple of each symbol's step"
            )
        if script.side not in {"BUY", "SELL", "ALTERNATE"}:
            raise ValueError("expected side BUY, SELL or ALTERNATE")
        job = Emission(len(self._jobs) + 1, self.core, script)
        self._jobs[job.number] = job
        task = asyncio.create_task(job.run(), name=f"emission {job.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job.document()

    def _find_job(self, request: web.Request) -> Emission:
        job = self._jobs.get(int(request.match_info["job"]))
        if job is None:
            raise ValueError("unknown job")
        return job

    async def _job(self, request: web.Request) -> Any:
        return self._find_job(request).document()

    async def _cancel_job(self, request: web.Request) -> Any:
        job = self._find_job(request)
        for task in self._tasks:
            if task.get_name() == f"emission {job.number}":
                task.cancel()
        return job.document()

    async def _cut(self, request: web.Request) -> Any:
        body = await self.body(request)
        how = body.get("how", "abort")
        if how not in {"abort", "close", "mid_frame"}:
            raise ValueError("expected how to be abort, close or mid_frame")
        connections = self.connections(self.account_or_all(body))
        for connection in connections:
            {"abort": connection.abort, "close": connection.close, "mid_frame": connection.break_frame}[how]()
        return {"connections": len(connections)}

    async def _stall(self, request: web.Request) -> Any:
        body = await self.body(request)
        seconds = float(body["seconds"])
        connections = self.connections(self.account_or_all(body))
        loop = asyncio.get_running_loop()
        for connection in connections:
            self.core.faults.stall(
                connection,
                seconds,
                retains=bool(body.get("retain", False)),
                silences_responses=body.get("what", "all") == "all",
            )
            if not body.get("pings", True):
                loop.call_later(seconds, connection.resume_heartbeat, connection.pings)
                connection.stop_heartbeat()
        return {"connections": len(connections)}

    async def _add_fault(self, request: web.Request) -> Any:
        body = await self.body(request)
        kind = body.pop("kind")
        account = self.account_or_all(body)
        body.pop("user", None)
        core = self.core
        if kind in self.kinds:
            probability = float(body.pop("probability", 0.0))
            count = body.pop("next", None if probability else 1)
            return core.faults.add(kind, account, count=count, probability=probability, **body).document()
        self.hold(kind, account, body)
        return {"kind": kind, **body}

    def hold(self, kind: str, account: Account | None, body: dict[str, Any]) -> None:
        """Put a fault on that holds until it is changed.

        Raises:
            ValueError: there is no fault of this kind.
        """
        venue = self.core.venue
        if kind == "query_lag":
            venue.set_query_lag(float(body["seconds"]))
        elif kind == "clock_skew":
            venue.clock.skew_ns = int(float(body["milliseconds"]) * 1_000_000)
        elif kind in {"revoke_key", "restore_key"}:
            keys = [venue.keys[body["api_key"]]] if "api_key" in body else self._account_keys(account)
            for key in keys:
                key.is_revoked = kind == "revoke_key"
        elif kind in {"block_trading", "allow_trading"}:
            if account is None:
                raise ValueError("expected a user")
            account.may_trade = kind == "allow_trading"
        else:
            raise ValueError(f"unknown kind {kind!r}")

    @staticmethod
    def _account_keys(account: Account | None) -> list[ApiKey]:
        if account is None:
            raise ValueError("expected a user or an api_key")
        return account.keys

    async def _list_faults(self, _request: web.Request) -> Any:
        return self.core.faults.documents()

    async def _remove_fault(self, request: web.Request) -> Any:
        removed = self.core.faults.remove(int(request.match_info["id"]))
        if removed is None:
            raise ValueError("unknown fault")
        return removed.document()

    async def _clear_faults(self, _request: web.Request) -> Any:
        self.core.faults.clear()
        self.release()
        return {}

    def release(self) -> None:
        """Let everything that holds be as at the start."""
        venue = self.core.venue
        venue.set_query_lag(venue.settings.query_lag_s)
        venue.clock.skew_ns = venue.settings.skew_ms * 1_000_000
        for key in venue.keys.values():
            key.is_revoked = False
        for account in venue.accounts.values():
            account.may_trade = True

    async def _wipe(self, _request: web.Request) -> Any:
        await self.stop()  # their orders are about to be forgotten
        self.core.venue.wipe()
        return {}
