"""The REST API."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
from aiohttp import web

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.orders import Order, Ticket, visible_state
from fillwire.simulator.exchange.refused import Reason, Refused
from fillwire.simulator.exchange.units import parse_units, product, units_text
from toyx.simulator.market import ToyMarket
from toyx.simulator.views import order_document, trade_document

_PAGE = 100


class Refusal(Exception):
    """A request was refused."""

    def __init__(self, status: int, word: str, text: str) -> None:
        super().__init__(status, word, text)
        self.status = status
        self.document = {"error": word, "text": text}


_Handler = Callable[[Account, web.Request], Awaitable[Any]]


class RestApi:
    """Answers what is asked."""

    def __init__(self, core: Core, market: ToyMarket) -> None:
        self._core = core
        self._market = market

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the routes; a name is how faults call a request."""
        yield web.get("/time", self._time)
        yield web.get("/symbols", self._symbols)
        yield web.get("/orders", self._handler("orders", self._orders))
        yield web.get("/orders/{id}", self._handler("order.status", self._order))
        yield web.post("/orders", self._handler("order.place", self._place))
        yield web.delete("/orders/{id}", self._handler("order.cancel", self._cancel))
        yield web.get("/trades", self._handler("trades", self._trades))

    def _answer(self, status: int, document: Any) -> web.Response:
        self._core.answered[f"rest {status}"] += 1
        return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")

    def _handler(self, name: str, handler: _Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                return self._answer(200, await self._perform(name, handler, request))
            except Refusal as refusal:
                return self._answer(refusal.status, refusal.document)

        return handle

    async def _perform(self, name: str, handler: _Handler, request: web.Request) -> Any:
        faults = self._core.faults
        key = self._market.find_key(request.headers.get("X-Key"), request.headers.get("X-Secret"))
        if key is None:
            raise Refusal(401, "bad_key", "no such key")
        await asyncio.sleep(faults.request_delay_s(name, key.account, "rest"))
        fault = faults.request_error(name, key.account, "rest")
        if fault is not None:
            status = int(fault.options.get("status", 503))
            raise Refusal(status, "too_many" if status == 429 else "down", "asked for by a fault")
        document = await handler(key.account, request)
        lost = faults.lost_response(name, key.account)
        if lost is not None:
            if lost.options.get("answer") == "none" and request.transport is not None:
                request.transport.abort()
            raise Refusal(503, "down", "the answer was lost")
        return document

    # -- what is asked

    async def _time(self, _request: web.Request) -> web.Response:
        return self._answer(200, {"time": self._market.clock.now_us()})

    async def _symbols(self, _request: web.Request) -> web.Response:
        rules = [market.rules for market in self._market.markets.values()]
        rows = [
            {
                "symbol": each.name,
                "base": each.base,
                "quote": each.quote,
                "price_step": units_text(each.tick),
                "quantity_step": units_text(each.step),
                "most": units_text(each.max_quantity),
                "least_paid": units_text(each.min_notional),
            }
            for each in rules
        ]
        return self._answer(200, rows)

    def _row(self, order: Order) -> dict[str, Any] | None:
        """Return the order as queries see it now, None if they do not yet."""
        state = visible_state(order, self._market.clock.now_us(), self._market.query_lag_us)
        return None if state is None else order_document(self._market.ids, order, state)

    async def _orders(self, account: Account, request: web.Request) -> Any:
        query = request.query
        if "client_id" in query:
            order = self._market.find_by_client_id(account, query["client_id"])
            orders = [] if order is None else [order]
        else:
            orders = list(account.orders.values())
        since_us = int(query.get("changed_since", "0"))
        rows = [row for row in map(self._row, orders) if row is not None and row["changed"] >= since_us]
        return [row for row in rows if query.get("state", row["state"]) == row["state"]]

    async def _order(self, account: Account, request: web.Request) -> Any:
        row = self._row(self._find(account, request))
        if row is None:
            raise Refusal(404, "unknown_order", "there is no such order")
        return row

    def _find(self, account: Account, request: web.Request) -> Order:
        order = self._market.find_order(account, request.match_info["id"])
        if order is None:
            raise Refusal(404, "unknown_order", "there is no such order")
        return order

    async def _trades(self, account: Account, request: web.Request) -> Any:
        query = request.query
        log, ids = account.executions, self._market.ids
        if "order" in query:
            order = self._market.find_order(account, query["order"])
            rows = [] if order is None else list(order.rows)
        else:
            rows = list(log.since(range(len(log)), int(query["since"])))
        until_us = self._market.clock.now_us() - self._market.query_lag_us
        page = [trade_document(ids, log.execution(row)) for row in log.visible(rows, until_us)]
        known = [trade["id"] for trade in page]
        if "after" in query:
            if query["after"] not in known:
                raise Refusal(422, "refused", "after: there is no such trade")
            page = page[known.index(query["after"]) + 1 :]
        return page[:_PAGE]

    # -- what is done

    async def _place(self, account: Account, request: web.Request) -> Any:
        ticket = self._ticket(await request.json())
        _check(ticket)
        if self._market.find_by_client_id(account, ticket.client_order_id) is not None:
            raise Refusal(409, "client_id_taken", "an order has this client id")
        events = self._market.house.refresh(ticket.market)
        try:
            order, caused = self._market.engine.place(account, ticket)
        except Refused as refused:
            raise Refusal(422, "refused", refused.reason.value) from None
        self._core.publisher.publish(events + caused)
        return order_document(self._market.ids, order, order.state())

    def _ticket(self, said: dict[str, Any]) -> Ticket:
        try:
            market = self._market.engine.market(said["symbol"])
            return Ticket(
                market=market,
                is_buy={"buy": True, "sell": False}[said["side"]],
                type={"limit": "LIMIT", "market": "MARKET"}[said["kind"]],
                time_in_force=(said["tif"] or "gtc").upper(),
                quantity=parse_units(said["quantity"]),
                quote_quantity=0,
                price=0 if said["price"] is None else parse_units(said["price"]),
                stop_price=0,
                client_order_id=said["client_id"],
                stp_mode="NONE",
            )
        except Refused as refused:
            raise Refusal(422, "refused", refused.reason.value) from None
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise Refusal(422, "refused", f"the order cannot be read: {error}") from None

    async def _cancel(self, account: Account, request: web.Request) -> Any:
        order = self._find(account, request)
        if not order.is_open:
            raise Refusal(422, "refused", Reason.NOTHING_CHANGED.value)
        self._core.publisher.publish(self._market.engine.cancel(order, order.client_order_id))
        return order_document(self._market.ids, order, order.state())


def _check(ticket: Ticket) -> None:
    """Refuse what breaks the rules of the symbol."""
    rules = ticket.market.rules
    if ticket.price % rules.tick or ticket.quantity % rules.step or ticket.quantity > rules.max_quantity:
        raise Refusal(422, "refused", "price or quantity break the rules of the symbol")
    if product(ticket.price or ticket.market.last_price, ticket.quantity) < rules.min_notional:
        raise Refusal(422, "refused", "the order is too small")
