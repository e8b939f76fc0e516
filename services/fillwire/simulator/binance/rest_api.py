"""The REST API: the twins of the WebSocket API's operations, with headers instead of `rateLimits`."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from fillwire.simulator.binance import refusals
from fillwire.simulator.binance.core import BinanceCore
from fillwire.simulator.binance.operations import Request, Security
from fillwire.simulator.binance.parameters import Parameters, read_divisor
from fillwire.simulator.binance.refusals import BANNED, Refusal
from fillwire.simulator.binance.security import check_signature, check_time, find_key
from fillwire.simulator.binance.signatures import rest_payload
from fillwire.simulator.exchange.accounts import Account

RETIRED_PATHS = frozenset({"/api/v3/userDataStream", "/api/v1/userDataStream"})


def _json(document: Any, status: int, headers: dict[str, str]) -> web.Response:
    return web.Response(
        body=orjson.dumps(document), status=status, content_type="application/json", headers=headers
    )


class RestApi:
    """Handles every path below `/api`."""

    def __init__(self, core: BinanceCore) -> None:
        self._core = core

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        address = request.remote or ""
        headers: dict[str, str] = {}
        try:
            status, result = await self._answer(request, address, headers)
        except Refusal as refusal:
            status = refusal.status
            result, waiting = refusal.http()
            headers |= waiting
            if status == BANNED:
                self._core.cut_off(address)
        weight = self._core.venue.limits.weight_document(address)
        headers["X-MBX-USED-WEIGHT"] = headers["X-MBX-USED-WEIGHT-1M"] = str(weight["count"])
        self._core.answered[f"rest {status}"] += 1
        return _json(result, status, headers)

    async def _answer(self, http: web.Request, address: str, headers: dict[str, str]) -> tuple[int, Any]:
        core = self._core
        path, _, query = http.raw_path.partition("?")
        if path in RETIRED_PATHS:
            raise Refusal(-1016, "This service is no longer available.", status=410)
        operation = core.routes.get((http.method, path))
        if operation is None:
            raise Refusal(-1000, "Path not found, or method not allowed.", status=404)
        body = (await http.read()).decode(errors="surrogateescape")
        params = self._parameters(query, body)
        weight = operation.weight(params)
        core.venue.limits.charge(address, weight)
        account = self._account(operation.security, http, params, query, body)
        delay_s = core.faults.request_delay_s(operation.name, account, "rest")
        if delay_s:
            await asyncio.sleep(delay_s)
            if operation.security is Security.SIGNED:
                check_time(core.venue, params)
        core.refuse_on_demand(operation.name, account, "rest")
        divisor = read_divisor(http.headers.get("X-MBX-TIME-UNIT"))
        request = Request(venue=core.venue, params=params, account=account, divisor=divisor, address=address)
        answer = core.perform(operation, request, weight)
        core.publisher.publish(answer.events)
        if account is not None and operation.shows_orders:
            self._set_order_counts(account, headers)
        if core.faults.lost_response(operation.name, account) is not None:
            raise Refusal(-1007, refusals.STATUS_UNKNOWN, status=504)
        if answer.refusal is not None:
            refusal = answer.refusal
            return refusal.status, refusal.body()
        return 200, answer.result

    @staticmethod
    def _parameters(query: str, body: str) -> Parameters:
        """Return the parameters; of one in both places, the query's."""
        try:
            values = dict(parse_qsl(body, keep_blank_values=True, errors="strict"))
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
        except ValueError:
            raise Refusal(-1100, "Illegal characters found in a parameter.") from None
        if len(dict(pairs)) != len(pairs):
            raise Refusal(-1101, "Duplicate values for a parameter detected.")
        return Parameters(values | dict(pairs))

    def _account(
        self, security: Security, http: web.Request, params: Parameters, query: str, body: str
    ) -> Account | None:
        if security is Security.SIGNED:
            return self._authenticate(http, params, query, body)
        if security is Security.KEY:
            return find_key(self._core.venue, http.headers.get("X-MBX-APIKEY", "")).account
        return None

    def _authenticate(self, http: web.Request, params: Parameters, query: str, body: str) -> Account:
        api_key = http.headers.get("X-MBX-APIKEY", "")
        key = find_key(self._core.venue, api_key)
        payload, signature = rest_payload(query, body)
        params.required("signature")
        if not payload.isascii():
            raise refusals.signature_invalid()
        check_signature(self._core.venue, key, payload, signature)
        check_time(self._core.venue, params)
        return key.account

    def _set_order_counts(self, account: Account, headers: dict[str, str]) -> None:
        for document in self._core.venue.limits.order_documents(account):
            name = f"X-MBX-ORDER-COUNT-{document['intervalNum']}{document['interval'][0]}"
            headers[name] = str(document["count"])
