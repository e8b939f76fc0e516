"""The REST API: which operation a request means, whether it may pass, and how it is answered."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from aiohttp import web

from fillwire.simulator.coinbase_exchange import orders, public, refusals
from fillwire.simulator.coinbase_exchange.core import ExchangeCore
from fillwire.simulator.coinbase_exchange.operations import Answer, Operation, Request
from fillwire.simulator.coinbase_exchange.refusals import Refusal
from fillwire.simulator.coinbase_exchange.security import HEADERS, authenticate
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.faults import Fault

OPERATIONS = (
    Operation(name="time", verb="GET", path="/time", handler=public.time, is_signed=False),
    Operation(name="products", verb="GET", path="/products", handler=public.products, is_signed=False),
    Operation(
        name="product", verb="GET", path="/products/{product_id}", handler=public.product, is_signed=False
    ),
    Operation(
        name="book", verb="GET", path="/products/{product_id}/book", handler=public.book, is_signed=False
    ),
    Operation(
        name="ticker",
        verb="GET",
        path="/products/{product_id}/ticker",
        handler=public.ticker,
        is_signed=False,
    ),
    Operation(
        name="stats", verb="GET", path="/products/{product_id}/stats", handler=public.stats, is_signed=False
    ),
    Operation(name="currencies", verb="GET", path="/currencies", handler=public.currencies, is_signed=False),
    Operation(name="verify", verb="GET", path="/users/self/verify", handler=public.verify),
    Operation(name="accounts", verb="GET", path="/accounts", handler=public.accounts),
    Operation(name="fees", verb="GET", path="/fees", handler=public.fees),
    Operation(name="order.place", verb="POST", path="/orders", handler=orders.place),
    Operation(name="order.status", verb="GET", path="/orders/{order_id}", handler=orders.status),
    Operation(name="order.cancel", verb="DELETE", path="/orders/{order_id}", handler=orders.cancel),
    Operation(name="orders.cancel", verb="DELETE", path="/orders", handler=orders.cancel_all),
    Operation(name="orders", verb="GET", path="/orders", handler=orders.orders),
    Operation(name="fills", verb="GET", path="/fills", handler=orders.fills, is_of_fills=True),
)
"""All operations, by the names that faults use."""

_BAD_GATEWAY, _GATEWAY_TIMEOUT = 502, 504
_TOO_MANY_REQUESTS = 429
_CLOUDFLARE = b"<html>\r\n<head><title>Error</title></head>\r\n<body>cloudflare</body>\r\n</html>\r\n"


class _NoAnswer(Exception):
    """The client is to hear nothing."""


class RestApi:
    """Handles every path that is not the feed or the control API."""

    def __init__(self, core: ExchangeCore) -> None:
        self._core = core

    async def handle(self, http: web.Request) -> web.Response:
        """Answer one request."""
        headers: dict[str, str] = {}
        try:
            answer = await self._answer(http)
            status, document = 200, answer.document
            headers |= answer.headers
        except Refusal as refusal:
            status, document = refusal.status, refusal.body()
        except _NoAnswer:
            if http.transport is not None:
                http.transport.abort()
            status, document = _GATEWAY_TIMEOUT, {}
        self._core.answered[f"rest {status}"] += 1
        if status >= _BAD_GATEWAY:
            return web.Response(body=_CLOUDFLARE, status=status, content_type="text/html")
        body = orjson.dumps(document)
        return web.Response(
            body=body, status=status, content_type="application/json", charset="utf-8", headers=headers
        )

    async def _answer(self, http: web.Request) -> Answer:
        core = self._core
        path, _, query = http.raw_path.partition("?")
        operation, captures = _find(http.method, path)
        body = await http.read()
        account = self._admit(http, operation, body)
        delay_s = core.faults.request_delay_s(operation.name, account, "rest")
        if delay_s:
            await asyncio.sleep(delay_s)
        fault = core.faults.request_error(operation.name, account, "rest")
        if fault is not None:
            raise demanded_refusal(fault)
        pairs = parse_qsl(query, keep_blank_values=True)
        request = Request(
            venue=core.venue,
            account=account,
            captures=captures,
            query=dict(pairs),
            statuses=[value for name, value in pairs if name in {"status", "status[]"}],
            body=body,
            watch=core.expiries.watch,
        )
        try:
            answer = operation.handler(request)
            request.events += answer.events
        finally:
            core.publisher.publish(request.events)
        lost = core.faults.lost_response(operation.name, account)
        if lost is not None:
            if lost.options.get("answer") == "none":
                raise _NoAnswer
            raise Refusal("", _GATEWAY_TIMEOUT)
        return answer

    def _admit(self, http: web.Request, operation: Operation, body: bytes) -> Account | None:
        """Return who has signed, None for an operation that need not be; count the request."""
        venue = self._core.venue
        address = http.remote or ""
        if not operation.is_signed:
            if not venue.public.take(address):
                raise Refusal(refusals.RATE_LIMITED_PUBLIC, _TOO_MANY_REQUESTS)
            return None
        proof = {name: http.headers.get(header, "") for name, header in HEADERS.items()}
        account = authenticate(venue, proof, http.method, http.raw_path, body)
        limit = venue.fills if operation.is_of_fills else venue.private
        if not limit.take(account.user):
            raise Refusal(refusals.RATE_LIMITED_PRIVATE, _TOO_MANY_REQUESTS)
        return account


def demanded_refusal(fault: Fault) -> Refusal:
    """Return the refusal that a fault asks for."""
    status = int(fault.options.get("status", 500))
    default = refusals.RATE_LIMITED_PRIVATE if status == _TOO_MANY_REQUESTS else "Internal server error"
    return Refusal(str(fault.options.get("message", default)), status)


def _find(verb: str, path: str) -> tuple[Operation, dict[str, Any]]:
    """Return the operation that a request means, and what its path says.

    Raises:
        Refusal: there is none.
    """
    parts = [unquote(part) for part in path.split("/")]
    for operation in OPERATIONS:
        captures = _captures(operation.path.split("/"), parts)
        if operation.verb == verb and captures is not None:
            return operation, captures
    raise Refusal(refusals.NOT_FOUND, 404)


def _captures(template: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(template) != len(parts):
        return None
    captures: dict[str, str] = {}
    for wanted, found in zip(template, parts, strict=True):
        if wanted.startswith("{"):
            captures[wanted.strip("{}")] = found
        elif wanted != found:
            return None
    return captures
