"""What holds for every sequence of orders: money is conserved, fills add up, price and time decide."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.exchange.refused import Reason, Refused
from fillwire.simulator.exchange.units import parse_units, product, units_text
from support.simulated_market import SimulatedMarket, rendered, rules

USERS = ("alice", "bob", "carol")
TERMINAL = {"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"}


@dataclass(frozen=True)
class Action:
    """One thing that somebody does."""

    user: str
    verb: str
    side: str
    kind: str
    tif: str
    stp: str
    ticks: int
    lots: int


actions = st.builds(
    Action,
    user=st.sampled_from(USERS),
    verb=st.sampled_from(["place"] * 6 + ["cancel", "amend", "pair", "execute"]),
    side=st.sampled_from(["BUY", "SELL"]),
    kind=st.sampled_from(
        ["LIMIT"] * 4 + ["MARKET", "AMOUNT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"]
    ),
    tif=st.sampled_from(["GTC", "GTC", "IOC", "FOK"]),
    stp=st.sampled_from(["NONE", "NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"]),
    ticks=st.integers(-5, 5),
    lots=st.integers(1, 9),
)


class World:
    """Three traders on one market, who do what the actions say."""

    def __init__(self) -> None:
        self.sim = SimulatedMarket(rules("BNB", "USDT", "600"))
        self.accounts = {user: self.sim.trader(user, USDT="3000", LTC="30", BNB="0.0005") for user in USERS}
        self.accounts["bob"].pays_in_other_asset = True
        self.events: list[AccountEvent] = []
        self.refused: set[Reason] = set()

    def act(self, action: Action) -> None:
        """Carry out an action; the venue may refuse it."""
        account = self.accounts[action.user]
        try:
            self.events += getattr(self, f"_{action.verb}")(account, action)
        except Refused as refused:
            self.refused.add(refused.reason)

    def _place(self, account: Account, action: Action) -> Sequence[AccountEvent]:
        price = f"{100 + action.ticks / 100:.2f}"
        quantity = f"{action.lots / 10:.1f}"
        options: dict[str, Any] = {"stp": action.stp}
        if action.kind == "AMOUNT":
            return self.sim.place(
                account, action.side, kind="MARKET", amount=f"{action.lots * 33}", **options
            )[1]
        if action.kind == "MARKET":
            return self.sim.place(account, action.side, quantity, kind="MARKET", **options)[1]
        options["kind"] = action.kind
        if action.kind in {"STOP_LOSS", "TAKE_PROFIT"}:
            return self.sim.place(account, action.side, quantity, stop=price, **options)[1]
        if action.kind == "STOP_LOSS_LIMIT":
            options["stop"] = price
        if action.kind != "LIMIT_MAKER":
            options["tif"] = action.tif
        return self.sim.place(account, action.side, quantity, price, **options)[1]

    def _open(self, account: Account, action: Action) -> Order | None:
        orders = list(account.open_orders.values())
        return orders[action.lots % len(orders)] if orders else None

    def _cancel(self, account: Account, action: Action) -> Sequence[AccountEvent]:
        order = self._open(account, action)
        return [] if order is None else self.sim.engine.cancel(order, self.sim.engine.make_client_id())

    def _amend(self, account: Account, action: Action) -> Sequence[AccountEvent]:
        order = self._open(account, action)
        if order is None:
            return []
        return self.sim.engine.amend(
            order, parse_units(f"{action.lots / 10:.1f}"), f"amended-{len(self.events)}"
        )[1]

    def _pair(self, account: Account, action: Action) -> Sequence[AccountEvent]:
        last = self.sim.market.last_price
        far = parse_units(f"{0.01 * action.lots:.2f}")
        above, below = units_text(last + far), units_text(last - far)
        quantity = f"{action.lots / 10:.1f}"
        make = self.sim.ticket
        if action.side == "SELL":
            legs = (
                make("SELL", quantity, above, kind="LIMIT_MAKER"),
                make("SELL", quantity, below, kind="STOP_LOSS_LIMIT", stop=below),
            )
        else:
            legs = (
                make("BUY", quantity, above, kind="STOP_LOSS_LIMIT", stop=above),
                make("BUY", quantity, below, kind="LIMIT_MAKER"),
            )
        return self.sim.place_list(account, legs)[1]

    def _execute(self, account: Account, action: Action) -> Sequence[AccountEvent]:
        resting = [
            order for order in account.open_orders.values() if order.is_working and order.order_list is None
        ]
        if not resting:
            return []
        order = resting[0]
        return self.sim.engine.execute_resting(
            order, min(order.remaining, parse_units(f"{action.lots / 10:.1f}"))
        )

    @property
    def orders(self) -> list[Order]:
        """Every order of every trader."""
        return [order for account in self.accounts.values() for order in account.orders.values()]


def check_money(world: World) -> None:
    """Nothing is created or lost, nothing is negative, and what is locked is what open orders need."""
    matcher = world.sim.engine.matcher
    everybody = [*world.accounts.values(), matcher.house, matcher.fees]
    for asset, amount in {"USDT": "3000", "LTC": "30", "BNB": "0.0005"}.items():
        total = sum(account.balances[asset].free + account.balances[asset].locked for account in everybody)
        assert total == parse_units(amount) * len(USERS), asset
    for account in world.accounts.values():
        needed: defaultdict[str, int] = defaultdict(int)
        for order in account.open_orders.values():
            needed[order.spent_asset] += order.locked
            if not (order.order_list and order.order_list.locked):
                price = order.price or order.stop_price
                lock = product(price, order.remaining) if order.is_buy else order.remaining
                assert order.locked == lock
        for order_list in account.order_lists.values():
            needed[order_list.legs[0].spent_asset] += order_list.locked
        for asset, balance in account.balances.items():
            assert balance.free >= 0, (account.user, asset)
            assert balance.locked == needed[asset], (account.user, asset)


def check_book(world: World) -> None:
    """No bid meets an ask, unless only the same trader could trade; every resting order is open and has quantity."""
    book = world.sim.market.book
    best_bid, best_ask = book.bids.best(), book.asks.best()
    if best_bid is not None and best_ask is not None:
        assert best_bid.price < best_ask.price
    for order in (*book.bids, *book.asks):
        assert order.is_open
        assert order.is_working
        assert order.remaining > 0


def check_reports(world: World) -> None:
    """Per order: z grows by l, Z by Y, Y is L*l, FILLED means whole, nothing follows an end; execution ids grow."""
    seen: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    ended: set[int] = set()
    latest = -1
    for report in rendered(world.events):
        if report["e"] != "executionReport":
            continue
        assert report["I"] > latest
        latest = report["I"]
        order_id = report["i"]
        assert order_id not in ended
        last, price, quote = (parse_units(report[name]) for name in ("l", "L", "Y"))
        z, z_quote, q = (parse_units(report[name]) for name in ("z", "Z", "q"))
        assert (z, z_quote) == (seen[order_id][0] + last, seen[order_id][1] + quote)
        assert quote == product(price, last)
        assert (report["x"] == "TRADE") == (last > 0) == (report["t"] >= 0) == report["M"]
        assert 0 <= z <= q
        assert (report["X"] == "FILLED") == (z == q)
        seen[order_id] = (z, z_quote)
        if report["X"] in TERMINAL:
            ended.add(order_id)
    for order in world.orders:
        assert seen[order.order_id] == (order.executed, order.executed_quote)
        assert (order.order_id in ended) == (not order.is_open)


def check_trades(world: World) -> None:
    """The execution log holds each fill once, and adds up to what the orders say."""
    for account in world.accounts.values():
        log = account.executions
        rows = [log.execution(row) for row in log.rows_of_symbol("LTCUSDT")]
        assert len({(row.order_id, row.trade_id) for row in rows}) == len(rows) == len(log)
        filled: defaultdict[int, int] = defaultdict(int)
        for row in rows:
            filled[row.order_id] += row.quantity
        for order in account.orders.values():
            assert filled[order.order_id] == order.executed
            assert len(order.rows) == sum(row.order_id == order.order_id for row in rows)


@settings(max_examples=60)
@given(st.lists(actions, min_size=30, max_size=80))
def test_every_sequence_of_orders_adds_up(script: list[Action]) -> None:
    """After every action money is conserved and the book is sound; in the end reports and trades agree with the orders."""
    world = World()
    for action in script:
        world.act(action)
        check_money(world)
        check_book(world)
    check_reports(world)
    check_trades(world)
    assert not world.refused & {Reason.UNKNOWN_SYMBOL, Reason.TOO_MANY_AMENDMENTS}


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=1, max_size=12),
    st.integers(1, 60),
)
def test_makers_trade_by_price_and_then_by_time(asks: list[tuple[int, int]], wanted: int) -> None:
    """A taker's fills follow the asks sorted by price and arrival, each used up before the next."""
    sim = SimulatedMarket()
    seller, buyer = sim.trader("seller"), sim.trader("buyer")
    makers = [sim.place(seller, "SELL", f"{lots}", f"{100 + ticks / 100:.2f}")[0] for ticks, lots in asks]
    _, events = sim.place(buyer, "BUY", f"{wanted}", "101")
    trades = [report["i"] for report in rendered(events, seller) if report.get("x") == "TRADE"]
    queue = sorted(makers, key=lambda order: (order.price, order.order_id))
    assert trades == [order.order_id for order in queue[: len(trades)]]
    assert all(order.status == "FILLED" for order in queue[: len(trades) - 1])
    assert sum(order.executed for order in makers) == min(
        parse_units(f"{wanted}"), sum(order.quantity for order in makers)
    )
