"""A connection to the account stream, and the subscription on it."""

from collections import deque
from random import Random
from typing import Any

import orjson
from aiohttp import web

from fillwire.simulator.alpaca.core import AlpacaCore
from fillwire.simulator.alpaca.events import FILLS, Update, updates
from fillwire.simulator.alpaca.message_pack import pack
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.connections import (
    BINARY,
    TEXT,
    Connection,
    ConnectionTimes,
    Gate,
    Subscription,
)
from fillwire.simulator.exchange.recurring_fills import RecurringFill
from fillwire.simulator.exchange.reports import ExecutionReport

TRADE_UPDATES = "trade_updates"
_REDELIVERIES = 2
_REMEMBERED = 3


class AlpacaConnection(Connection):
    """One accepted connection.

    Attributes:
        account: who has authenticated, None before.
    """

    broken = b'{"stream":"trade_updates","data":{"at":"20'

    def __init__(  # noqa: PLR0913 - made in one place, from the parts of one request
        self,
        request: web.Request,
        gate: Gate,
        times: ConnectionTimes,
        random: Random,
        *,
        is_binary: bool,
        packs: bool,
        connected_us: int,
    ) -> None:
        super().__init__(request, gate, times, random, connected_us=connected_us)
        self.opcode = BINARY if is_binary or packs else TEXT
        self.pings = False  # the venue leaves that to its clients
        self.account: Account | None = None
        self._packs = packs

    def serves(self, account: Account | None) -> bool:
        """Return whether the account has authenticated on it; None stands for all accounts."""
        return account is None or account is self.account

    def say(self, document: dict[str, Any], kind: str = "response", account: Account | None = None) -> None:
        """Send a message in the connection's codec."""
        self.deliver(pack(document) if self._packs else orjson.dumps(document), kind, account)


class TradeUpdates(Subscription):
    """An account's `trade_updates` on one connection."""

    def __init__(self, core: AlpacaCore, connection: AlpacaConnection, account: Account) -> None:
        super().__init__(connection, account)
        self._core = core
        self._socket = connection
        self._late: list[Update] = []
        self._sent: deque[Update] = deque(maxlen=_REMEMBERED)

    def tell(self, event: AccountEvent, now_ns: int) -> None:
        """Deliver the messages that tell an event; changes of balances have none."""
        if not isinstance(event, ExecutionReport | RecurringFill):
            return
        for update in updates(self._core.venue, event):
            self.send(update, now_ns)

    def send(self, update: Update, now_ns: int) -> None:
        """Deliver a message, late or repeatedly if a fault says so."""
        strike = self._core.faults.strike
        if update.event == "new" and strike("late_new", self.account) is not None:
            self._late.append(update)
            return
        self._write(update, now_ns)
        self._sent.append(update)
        late, self._late = self._late, []
        for earlier in late:
            self._write(earlier, now_ns)
        if update.event in FILLS:
            fault = strike("redeliver", self.account)
            if fault is not None:
                again = [each for each in self._sent if each.order["id"] == update.order["id"]]
                for _ in range(int(fault.options.get("times", _REDELIVERIES))):
                    for each in again:
                        self._write(each, now_ns)

    def _write(self, update: Update, now_ns: int) -> None:
        document = {"stream": TRADE_UPDATES, "data": update.data(self._core.venue, now_ns)}
        self._socket.say(document, update.event, self.account)
