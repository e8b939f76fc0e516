"""Matching by price and time: fills, commissions, self-trade prevention, and how orders end."""

from collections.abc import Callable

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.commissions import Commission
from fillwire.simulator.exchange.ledger import IS_BUYER, IS_MAKER
from fillwire.simulator.exchange.orders import Head, Order, PreventedMatch
from fillwire.simulator.exchange.reports import Prevention
from fillwire.simulator.exchange.steps import Step
from fillwire.simulator.exchange.units import product

_HISTORY_LIMIT = 10_000


def crosses(order_is_buy: bool, price: int, resting_price: int) -> bool:
    """Return whether an order of this limit price, 0 for none, trades with an order resting at `resting_price`."""
    return price == 0 or (price >= resting_price if order_is_buy else price <= resting_price)


def unlock(order: Order, amount: int) -> None:
    """Give back an amount that was locked for the order."""
    balance = order.account.balances[order.spent_asset]
    balance.locked -= amount
    balance.free += amount
    order.locked -= amount


class Matcher:
    """Matches orders within a step.

    Attributes:
        house: the venue's own market maker, which stands for everybody else.
        fees: account that receives the commissions.
        commission: computes what the venue takes of a fill.
        keeps_history: whether orders keep their earlier states, for queries that lag.
        on_first_fill: called with account and liquidity when an order fills for the first time.
    """

    def __init__(self, commission: Commission, on_first_fill: Callable[[Account, bool], None]) -> None:
        self.house = Account("house", 0, is_house=True)
        self.fees = Account("fees", 0, is_house=True)
        self.keeps_history = False
        self.commission = commission
        self.on_first_fill = on_first_fill

    def work(self, step: Step, order: Order) -> None:
        """Announce an order that starts working, match it, and let it rest or expire."""
        order.is_working = True
        order.working_us = step.time_us
        step.report(order, "NEW")
        step.market.note_accepted(order, step.time_us)
        order.is_working = False
        if order.time_in_force == "FOK" and not self._can_fill(order):
            self.end(step, order, "EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
            return
        self._match(step, order)
        if not order.is_open:
            return
        if order.price == 0:
            self.end(step, order, "EXPIRED", "INSUFFICIENT_LIQUIDITY")
        elif order.time_in_force == "IOC":
            self.end(step, order, "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
        else:
            order.is_working = True
            step.market.book.own(is_buy=order.is_buy).add(order)
            step.market.note_resting(order, step.time_us)

    def _can_fill(self, order: Order) -> bool:
        quantity = order.remaining
        for resting in order.market.book.opposite(is_buy=order.is_buy):
            if not crosses(order.is_buy, order.price, resting.price):
                break
            if resting.account is order.account and order.stp_mode != "NONE":
                if order.stp_mode != "EXPIRE_MAKER":
                    break
                continue
            quantity -= resting.remaining
            if quantity <= 0:
                return True
        return False

    def _match(self, step: Step, taker: Order) -> None:
        side = step.market.book.opposite(is_buy=taker.is_buy)
        while taker.is_open:
            maker = side.best()
            if maker is None or not crosses(taker.is_buy, taker.price, maker.price):
                return
            if maker.account is taker.account and taker.stp_mode != "NONE":
                self._prevent(step, taker, maker)
                continue
            quantity = min(taker.remaining, maker.remaining)
            price = maker.price
            trade_id = step.market.next_trade_id()
            step.traded = True
            step.market.last_price = price
            self.fill(step, taker, price, quantity, trade_id, is_maker=False)
            self.fill(step, maker, price, quantity, trade_id, is_maker=True)
            step.market.note_trade(taker, maker, quantity, trade_id, step.time_us)

    def fill(  # noqa: PLR0913 - the facts of one fill
        self, step: Step, order: Order, price: int, quantity: int, trade_id: int, *, is_maker: bool
    ) -> None:
        """Execute part of an order: amounts, commission, log and report."""
        account = order.account
        quote = product(price, quantity)
        if order.order_list is not None:
            self.end_siblings(step, order)
        if self.keeps_history:
            self.remember(order)
        order.executed += quantity
        order.executed_quote += quote
        remaining = order.remaining
        balances = account.balances
        base, quote_asset = step.market.assets
        if order.is_buy:
            balances[quote_asset].locked -= quote
            balances[base].free += quantity
            order.locked -= quote
            saved = order.locked - product(order.price, remaining) if order.price else 0
            if saved:
                unlock(order, saved)
        else:
            balances[base].locked -= quantity
            balances[quote_asset].free += quote
            order.locked -= quantity
        if remaining:
            order.status = "PARTIALLY_FILLED"
        else:
            order.status = "FILLED"
            self._close(order)
        report = step.report(order, "TRADE")
        if report is None:
            return
        fee, fee_asset = self.commission(
            account,
            step.market,
            is_buy=order.is_buy,
            quantity=quantity,
            quote=quote,
            is_maker=is_maker,
        )
        if fee_asset is not None:
            balances[fee_asset].free -= fee
            self.fees.balances[fee_asset].free += fee
            step.touch(account, fee_asset)
            report.fee = fee
            report.fee_asset = fee_asset
        report.position = balances[base].free + balances[base].locked
        report.is_maker = is_maker
        report.last_quantity = quantity
        report.last_price = price
        report.last_quote = quote
        report.trade_id = trade_id
        flags = (IS_BUYER if order.is_buy else 0) | (IS_MAKER if is_maker else 0)
        report.row = account.executions.append(
            step.market.name,
            order.order_id,
            trade_id,
            price,
            quantity,
            quote,
            fee,
            fee_asset,
            step.time_us,
            flags,
            -1 if order.order_list is None else order.order_list.list_id,
        )
        order.rows.append(report.row)
        if order.executed == quantity:
            self.on_first_fill(account, is_maker)
        if order.order_list is not None:
            self._settle_list(step, order)

    def _prevent(self, step: Step, taker: Order, maker: Order) -> None:
        """Stop an account from trading with itself, by the taker's mode: DECREMENT takes from both what would have traded."""
        match_id = step.market.next_prevented_match_id()
        price = maker.price
        quantity = min(taker.remaining, maker.remaining)
        struck = {"EXPIRE_MAKER": (maker,), "EXPIRE_TAKER": (taker,)}.get(taker.stp_mode, (maker, taker))
        taken: dict[Order, int] = {}
        for order in struck:
            if order.order_list is not None:
                self.end_siblings(step, order)
            self.remember(order)
            last_prevented = taken[order] = quantity if taker.stp_mode == "DECREMENT" else order.remaining
            order.prevented += last_prevented
            order.prevented_match_id = match_id
            if order.remaining:
                self._unlock_prevented(order, last_prevented)
                step.market.note_reduced(order, last_prevented, step.time_us)
            else:
                order.status = "EXPIRED_IN_MATCH"
                self._close(order)
                step.market.note_ended(order, last_prevented, step.time_us)
            report = step.report(order, "TRADE_PREVENTION")
            if report is not None:
                counter = maker if order is taker else taker
                report.prevention = Prevention(
                    match_id=match_id,
                    last=last_prevented,
                    total=order.prevented,
                    counter_order_id=counter.order_id,
                    quantity=quantity,
                    price=price,
                )
            self._settle_list(step, order)
        match = PreventedMatch(
            symbol=step.market.name,
            match_id=match_id,
            taker_order_id=taker.order_id,
            maker_order_id=maker.order_id,
            mode=taker.stp_mode,
            price=price,
            taker_prevented=taken.get(taker),
            maker_prevented=taken.get(maker),
            time_us=step.time_us,
        )
        taker.account.prevented_matches.append(match)
        taker.prevented_matches.append(match)

    @staticmethod
    def _unlock_prevented(order: Order, prevented: int) -> None:
        """Give back what was locked for a part that will not trade; a market order keeps its lock to its end."""
        if not order.is_buy:
            unlock(order, prevented)
        elif order.price:
            unlock(order, order.locked - product(order.price, order.remaining))

    # Endings

    def remember(self, order: Order) -> None:
        """Keep the order's present state for queries that lag; call it before a change."""
        if self.keeps_history:
            order.history.append(order.state())
            del order.history[:-_HISTORY_LIMIT]

    def end(
        self, step: Step, order: Order, status: str, expiry_reason: str = "", cancel_id: str | None = None
    ) -> None:
        """End an order without a fill, and report it. A cancel replaces the order's client id by its own."""
        self.remember(order)
        if cancel_id is not None:
            own_id, order.client_order_id = order.client_order_id, cancel_id
            order.head = Head.of(order, own_id)
            order.account.by_client_id.setdefault((order.market.name, cancel_id), order)
        order.status = status
        order.expiry_reason = expiry_reason
        self._close(order)
        step.market.note_ended(order, order.remaining, step.time_us)
        step.report(order, status)
        self._settle_list(step, order)

    def _close(self, order: Order) -> None:
        market = order.market
        market.book.own(is_buy=order.is_buy).remove(order)
        market.stops.pop(order.order_id, None)
        order.is_working = False
        if order.locked:
            unlock(order, order.locked)
        order_list = order.order_list
        if order_list is not None and order_list.locked and not any(leg.is_open for leg in order_list.legs):
            order.locked, order_list.locked = order_list.locked, 0
            unlock(order, order.locked)
        order.account.open_orders.pop((market.name, order.order_id), None)

    def end_siblings(self, step: Step, order: Order) -> None:
        """Expire the other leg of an order list: this one fills or starts working. The lock passes to this one."""
        order_list = order.order_list
        if order_list is None or not order_list.locked:
            return
        order.locked, order_list.locked = order_list.locked, 0
        for leg in order_list.legs:
            if leg is not order:
                self.end(step, leg, "EXPIRED", "OCO_TRIGGER")
        if order.is_buy:
            unlock(order, order.locked - product(order.price or order.stop_price, order.remaining))

    @staticmethod
    def _settle_list(step: Step, order: Order) -> None:
        """Announce the end of the order's list once all its legs have ended."""
        order_list = order.order_list
        if (
            order_list is None
            or order_list.status == "ALL_DONE"
            or any(leg.is_open for leg in order_list.legs)
        ):
            return
        order_list.status = order_list.status_type = "ALL_DONE"
        step.announce_list(order.account, order_list)
