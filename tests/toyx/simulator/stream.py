"""The socket: log in, and hear of the account's orders."""

import re
from typing import Any

import orjson

from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.connections import Connection, Subscription
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.recurring_fills import RecurringFill
from fillwire.simulator.exchange.reports import ExecutionReport
from toyx.simulator.market import ToyMarket
from toyx.simulator.views import update

_EDITS = {
    "missing_field": (rb'"order":\{"id":"[^"]*",', b'"order":{'),
    "bad_quantity": (rb'"quantity":"[^"]*"', b'"quantity":"-1"'),
    "wrong_type": (rb'"executed":"[^"]*"', b'"executed":7'),
}


class OrderUpdates(Subscription):
    """An account's order updates on one connection."""

    def __init__(self, market: ToyMarket, connection: Connection, account: Account) -> None:
        super().__init__(connection, account)
        self._ids = market.ids

    def tell(self, event: AccountEvent, now_ns: int) -> None:
        """Deliver the frame of an order's step; of balances the venue tells nothing."""
        if isinstance(event, ExecutionReport | RecurringFill):
            kind = "trade" if event.row >= 0 else event.execution_type.lower()
            frame = orjson.dumps(update(self._ids, event, now_ns))
            self.connection.deliver(frame, kind, self.account)


class Stream:
    """`Session`: what a client's frames do."""

    def __init__(self, core: Core, market: ToyMarket, connection: Connection) -> None:
        self._core = core
        self._market = market
        self._connection = connection

    def receive(self, data: str | bytes) -> None:
        """Take the login, which is all that a client can say."""
        try:
            said = orjson.loads(data)
        except orjson.JSONDecodeError:
            said = None
        account = self._account(said) if isinstance(said, dict) and said.get("op") == "login" else None
        if account is None or self._core.faults.strike("login_refused", account) is not None:
            self._say({"type": "refused", "reason": "no such key"})
            self._connection.close(1008)
        elif not self._connection.subscriptions:
            self._connection.subscribe(OrderUpdates(self._market, self._connection, account))
            self._say({"type": "welcome", "time": self._market.clock.now_us()})

    def end(self) -> None:
        """Do nothing: no frame waits."""

    def _account(self, said: dict[str, Any]) -> Account | None:
        key = self._market.find_key(said.get("key"), said.get("secret"))
        return None if key is None else key.account

    def _say(self, document: dict[str, Any]) -> None:
        self._connection.deliver(orjson.dumps(document), "response")


class ToyTampering:
    """How frames are told apart and spoilt."""

    corruptions = ("truncated", "not_json", *_EDITS)

    def is_execution(self, payload: bytes, kind: str) -> bool:
        """Return whether a frame tells an execution."""
        del payload
        return kind == "trade"

    def corrupt(self, payload: bytes, how: str) -> bytes:
        """Return a frame that a parser must not take for a good one."""
        if how == "truncated":
            return payload[: len(payload) * 2 // 3]
        if how == "not_json":
            return payload.replace(b'":', b'"=', 3)
        pattern, replacement = _EDITS[how]
        return re.sub(pattern, replacement, payload, count=1)

    def unknown_event(self, payload: bytes) -> bytes:
        """Return the frame of an event that nobody has heard of."""
        return self.unknown_value(payload, "type")

    def unknown_value(self, payload: bytes, field: str | None) -> bytes:
        """Return the frame with an unheard-of value in a field, the order's state unless one is named."""
        name = (field or "state").encode()
        return re.sub(rb'"%b":"[a-z_]+"' % name, b'"%b":"unheard_of"' % name, payload, count=1)

    def extra_fields(self, payload: bytes) -> bytes:
        """Return the frame with members that nobody has heard of."""
        return payload[:-1] + b',"zz":{"new":[1,"\xc3\xa9"]},"yy":null}'
