"""A matching engine on one market with an empty book, and traders who say what they want in decimals.

Its events are read as Binance tells them.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from functools import partial
from random import Random
from typing import Any

from fillwire.simulator.binance.commissions import commission
from fillwire.simulator.binance.events import render
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.clock import MILLISECONDS, VenueClock
from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order, OrderList, Ticket
from fillwire.simulator.exchange.symbols import SymbolRules
from fillwire.simulator.exchange.units import parse_units

EMIT_US = 1_795_000_000_000_999


def rules(base: str, quote: str, price: str = "100") -> SymbolRules:
    """Return rules with a tick of 0.01 and a step of 0.001."""
    return SymbolRules(
        name=base + quote,
        base=base,
        quote=quote,
        first_price=parse_units(price),
        tick=parse_units("0.01"),
        step=parse_units("0.001"),
        min_notional=parse_units("1"),
        max_quantity=parse_units("100000"),
    )


def rendered(events: Iterable[AccountEvent], account: Account | None = None) -> list[dict[str, Any]]:
    """Return the events, of one account or of all, as a client reads them."""
    return [
        json.loads(render(event, EMIT_US, MILLISECONDS)[1])
        for event in events
        if account is None or event.account is account
    ]


def steps(events: Iterable[dict[str, Any]]) -> list[str]:
    """Return `x/X` of reports and the names of other events."""
    return [f"{event['x']}/{event['X']}" if "x" in event else event["e"] for event in events]


class SimulatedMarket:
    """An engine whose main market is LTCUSDT, last price 100; nobody quotes."""

    def __init__(self, *more: SymbolRules) -> None:
        random = Random(7)
        listed = (rules("LTC", "USDT"), *more)
        markets = {rule.name: Market(rule, random) for rule in listed}
        self.engine = Engine(markets, VenueClock(), random, commission=partial(commission, markets))
        self.market = self.engine.markets["LTCUSDT"]
        self._ids = itertools.count(1)

    def trader(self, name: str, **balances: str) -> Account:
        """Return an account that pays 0.1 %."""
        account = Account(name, 1)
        account.maker_rate = account.taker_rate = parse_units("0.001")
        for asset, amount in (balances or {"USDT": "1000000", "LTC": "10000"}).items():
            account.balances[asset].free = parse_units(amount)
        return account

    def ticket(  # noqa: PLR0913 - the parameters of an order
        self,
        side: str,
        quantity: str = "0",
        price: str = "0",
        *,
        kind: str = "LIMIT",
        tif: str = "GTC",
        amount: str = "0",
        stop: str = "0",
        stp: str = "NONE",
        client_id: str | None = None,
    ) -> Ticket:
        """Return an order ticket for the main market."""
        return Ticket(
            market=self.market,
            is_buy=side == "BUY",
            type=kind,
            time_in_force=tif,
            quantity=parse_units(quantity),
            quote_quantity=parse_units(amount),
            price=parse_units(price),
            stop_price=parse_units(stop),
            client_order_id=client_id or f"client-{next(self._ids)}",
            stp_mode=stp,
        )

    def place(
        self, account: Account, side: str, quantity: str = "0", price: str = "0", **options: Any
    ) -> tuple[Order, list[AccountEvent]]:
        """Place an order."""
        return self.engine.place(account, self.ticket(side, quantity, price, **options))

    def place_list(self, account: Account, legs: Sequence[Ticket]) -> tuple[OrderList, list[AccountEvent]]:
        """Place a one-cancels-the-other pair."""
        return self.engine.place_list(account, legs, f"list-{next(self._ids)}")
