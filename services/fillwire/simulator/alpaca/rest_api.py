"""The REST API: keys in headers, JSON in bodies, limits per key."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from fillwire.simulator.alpaca import activities, queries, reference, trading
from fillwire.simulator.alpaca.core import AlpacaCore, demanded_refusal
from fillwire.simulator.alpaca.operations import Answer, Operation, Request
from fillwire.simulator.alpaca.refusals import Refusal, forbidden, malformed, unauthorized
from fillwire.simulator.exchange.accounts import ApiKey

PAPER = "/paper"
"""Below this path stands the same venue as its paper twin."""
OPERATIONS = (
    *trading.OPERATIONS,
    *queries.OPERATIONS,
    *activities.OPERATIONS,
    *reference.OPERATIONS,
)
_Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _answer(status: int, body: Any, headers: dict[str, str]) -> web.Response:
    if body is None:
        return web.Response(status=status, headers=headers)
    return web.Response(
        body=orjson.dumps(body), status=status, content_type="application/json", headers=headers
    )


class RestApi:
    """Handles the paths below `/v2`."""

    def __init__(self, core: AlpacaCore) -> None:
        self._core = core

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, live-like and paper-like, and one for all that is left."""
        routes = [
            web.route(operation.verb, prefix + operation.path, self._handler(operation))
            for prefix in ("", PAPER)
            for operation in OPERATIONS
        ]
        return [*routes, web.route("*", "/{tail:.*}", self._unknown)]

    async def _unknown(self, _http: web.Request) -> web.StreamResponse:
        return self._conclude(404, {"message": "endpoint not found."}, {})

    def _conclude(self, status: int, body: Any, headers: dict[str, str]) -> web.Response:
        self._core.answered[f"rest {status}"] += 1
        return _answer(status, body, headers)

    def _handler(self, operation: Operation) -> _Handle:
        async def handle(http: web.Request) -> web.StreamResponse:
            headers: dict[str, str] = {}
            try:
                answer = await self._perform(operation, http, headers)
            except Refusal as refusal:
                return self._conclude(refusal.status, refusal.body(), headers)
            return self._conclude(answer.status, answer.result, headers)

        return handle

    def _authenticate(self, http: web.Request) -> ApiKey:
        key = self._core.venue.keys.get(http.headers.get("APCA-API-KEY-ID", ""))
        if key is None or key.settings.secret != http.headers.get("APCA-API-SECRET-KEY"):
            raise unauthorized()
        if key.is_revoked:
            raise forbidden()
        return key

    @staticmethod
    async def _body(http: web.Request) -> dict[str, Any]:
        """Return the JSON object that was sent, numbers as their text."""
        data = await http.read()
        if not data:
            return {}
        try:
            document = json.loads(data, parse_int=str, parse_float=str)
        except ValueError:
            raise malformed("request body format is invalid") from None
        if not isinstance(document, dict):
            raise malformed("request body format is invalid")
        return document

    async def _perform(self, operation: Operation, http: web.Request, headers: dict[str, str]) -> Answer:
        core = self._core
        key = self._authenticate(http)
        try:
            core.venue.limits.charge(key.api_key)
        finally:
            headers |= core.venue.limits.headers(key.api_key)
        account = key.account
        delay_s = core.faults.request_delay_s(operation.name, account, "rest")
        if delay_s:
            await asyncio.sleep(delay_s)
        core.refuse_on_demand(operation.name, account, "rest")
        request = Request(
            venue=core.venue,
            account=account,
            path=http.match_info,
            query=http.query,
            body=await self._body(http),
        )
        answer = operation.handler(request)
        core.publisher.publish(answer.events)
        lost = core.faults.lost_response(operation.name, account)
        if lost is not None:
            if lost.options.get("answer") == "none" and http.transport is not None:
                http.transport.abort()
            raise demanded_refusal({"status": 504})
        return answer
