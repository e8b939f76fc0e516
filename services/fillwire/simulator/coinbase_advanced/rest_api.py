"""The REST API: which operation a request means, whether it may pass, and how it is answered."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from fillwire.simulator.coinbase_advanced import currencies, public, queries, refusals, trading
from fillwire.simulator.coinbase_advanced.core import AdvancedCore
from fillwire.simulator.coinbase_advanced.operations import Operation, Request
from fillwire.simulator.coinbase_advanced.refusals import Refusal
from fillwire.simulator.coinbase_advanced.security import authenticate_request
from fillwire.simulator.coinbase_advanced.tokens import TokenRefused
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.faults import Fault
from fillwire.simulator.token_buckets import TokenBuckets

ROOT = "/api/v3/brokerage"
_HISTORICAL = "/orders/historical"


def _open(name: str, path: str, handler: Callable[[Request], Any]) -> Operation:
    return Operation(name=name, verb="GET", path=ROOT + path, handler=handler, is_signed=False)


def _older(path: str, handler: Callable[[Request], Any]) -> Operation:
    return Operation(name="currencies", verb="GET", path=f"/v2{path}", handler=handler, is_signed=False)


def _get(name: str, path: str, handler: Callable[[Request], Any]) -> Operation:
    return Operation(name=name, verb="GET", path=ROOT + path, handler=handler)


def _post(name: str, path: str, handler: Callable[[Request], Any]) -> Operation:
    return Operation(name=name, verb="POST", path=ROOT + path, handler=handler)


OPERATIONS = (
    _open("time", "/time", public.time),
    _open("products", "/market/products", public.products),
    _open("product", "/market/products/{product_id}", public.product),
    _open("book", "/market/product_book", public.book),
    _get("products", "/products", public.products),
    _get("product", "/products/{product_id}", public.product),
    _get("book", "/product_book", public.book),
    _get("accounts", "/accounts", public.accounts),
    _get("portfolios", "/portfolios", public.portfolios),
    _get("permissions", "/key_permissions", public.permissions),
    _get("summary", "/transaction_summary", public.summary),
    _post("order.place", "/orders", trading.place),
    _post("order.edit", "/orders/edit", trading.edit),
    _post("order.cancel", "/orders/batch_cancel", trading.cancel),
    _get("orders", f"{_HISTORICAL}/batch", queries.orders),
    _get("fills", f"{_HISTORICAL}/fills", queries.fills),
    _get("order.status", f"{_HISTORICAL}/{{order_id}}", queries.order),
    _older("/currencies", currencies.fiat),
    _older("/currencies/crypto", currencies.crypto),
    _older("/exchange-rates", currencies.rates),
)
"""All operations, by the names that faults use."""

_BAD_GATEWAY, _GATEWAY_TIMEOUT = 502, 504
_TOO_MANY_REQUESTS = 429
_PROXY_PAGE = b"<html>\r\n<head><title>Error</title></head>\r\n<body>cloudflare</body>\r\n</html>\r\n"


class _NoAnswer(Exception):
    """The client is to hear nothing."""


class RestApi:
    """Handles every path that is not the feed or the control API."""

    def __init__(self, core: AdvancedCore) -> None:
        self._core = core

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the routes of all operations, and one for all that is none."""
        for operation in OPERATIONS:
            yield web.route(operation.verb, operation.path, self._handler(operation))
        yield web.route("*", "/{tail:.*}", self._handler(None))

    def _handler(self, operation: Operation | None) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(http: web.Request) -> web.Response:
            headers: dict[str, str] = {}
            status, document = 200, None
            try:
                document = await self._answer(http, operation, headers)
            except Refusal as refusal:
                status, document = refusal.status, refusal.document
            except _NoAnswer:
                if http.transport is not None:
                    http.transport.abort()
                status = _GATEWAY_TIMEOUT
            self._core.answered[f"rest {status}"] += 1
            return _response(status, document, headers)

        return handle

    async def _answer(self, http: web.Request, operation: Operation | None, headers: dict[str, str]) -> Any:
        if operation is None:
            raise refusals.not_found("path not found")
        core = self._core
        body = await http.read()
        account = self._admit(http, operation, headers)
        if operation.verb == "POST" and account is not None and not account.may_trade:
            raise refusals.missing_scopes()
        delay_s = core.faults.request_delay_s(operation.name, account, "rest")
        if delay_s:
            await asyncio.sleep(delay_s)
        fault = core.faults.request_error(operation.name, account, "rest")
        if fault is not None:
            raise demanded_refusal(fault)
        request = Request(
            venue=core.venue,
            account=account,
            captures=http.match_info,
            pairs=parse_qsl(http.raw_path.partition("?")[2], keep_blank_values=True),
            body=body,
            watch=core.expiries.watch,
        )
        try:
            document = operation.handler(request)
        finally:
            core.publisher.publish(request.events)
        lost = core.faults.lost_response(operation.name, account)
        if lost is not None:
            if lost.options.get("answer") == "none":
                raise _NoAnswer
            raise Refusal(_GATEWAY_TIMEOUT, "")
        return document

    def _admit(self, http: web.Request, operation: Operation, headers: dict[str, str]) -> Account | None:
        """Return who has signed, None for an operation that need not be; count the request."""
        venue = self._core.venue
        if not operation.is_signed:
            _take(venue.public, http.remote or "", headers)
            return None
        authorization = http.headers.get("Authorization", "")
        path = http.raw_path.partition("?")[0]
        try:
            account = authenticate_request(venue, authorization, http.method, http.host, path)
        except TokenRefused:
            raise refusals.unauthorized() from None
        _take(venue.private, account.user, headers)
        return account


def _take(limit: TokenBuckets, name: str, headers: dict[str, str]) -> None:
    may_pass = limit.take(name)
    headers |= {
        "x-ratelimit-limit": str(limit.burst),
        "x-ratelimit-remaining": str(int(limit.left(name))),
        "x-ratelimit-reset": "1",
    }
    if not may_pass:
        raise refusals.rate_limited()


def _response(status: int, document: Any, headers: dict[str, str]) -> web.Response:
    if status >= _BAD_GATEWAY:
        return web.Response(body=_PROXY_PAGE, status=status, content_type="text/html")
    if isinstance(document, str):
        return web.Response(text=document, status=status, headers=headers)
    return web.Response(
        body=orjson.dumps(document), status=status, content_type="application/json", headers=headers
    )


def demanded_refusal(fault: Fault) -> Refusal:
    """Return the refusal that a fault asks for."""
    status = int(fault.options.get("status", 500))
    if status == _TOO_MANY_REQUESTS:
        return refusals.rate_limited()
    message = str(fault.options.get("message", "internal server error"))
    return Refusal(status, {"error": "INTERNAL", "error_details": message, "message": message})
