"""The matching engine: what may be done to orders, and the events it causes.

Each operation is one matching step, followed by one more for every stop order it triggers. It returns the events of
all accounts it touched, in the order of the venue.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.exchange.commissions import Commission, in_received_asset
from fillwire.simulator.exchange.ids import Ids
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.matching import Matcher, crosses
from fillwire.simulator.exchange.orders import STOP_TYPES, Amendment, Head, Order, OrderList, Ticket
from fillwire.simulator.exchange.refused import Reason, Refused
from fillwire.simulator.exchange.reports import BalanceUpdate
from fillwire.simulator.exchange.steps import Step
from fillwire.simulator.exchange.units import SCALE, product


def _is_triggered(order_type: str, is_buy: bool, stop_price: int, last_price: int) -> bool:
    rises_to = is_buy == order_type.startswith("STOP_LOSS")
    return last_price >= stop_price if rises_to else last_price <= stop_price


class Engine:
    """All markets, and everything that may happen to an order."""

    def __init__(  # noqa: PLR0913 - what a venue decides of it
        self,
        markets: Mapping[str, Market],
        clock: VenueClock,
        random: Random,
        *,
        ids: Ids | None = None,
        commission: Commission = in_received_asset,
        on_first_fill: Callable[[Account, bool], None] = lambda _account, _is_maker: None,
    ) -> None:
        self.markets = markets
        self.clock = clock
        self.matcher = Matcher(commission, on_first_fill)
        self.ids = ids or Ids()
        self._random = random
        self._list_id = 0

    @property
    def house(self) -> Account:
        """The venue's own market maker."""
        return self.matcher.house

    def make_client_id(self) -> str:
        """Return a random client id, as the venue makes them."""
        return self.ids.make_client_id(self._random)

    def market(self, symbol: str) -> Market:
        """Return the market of a symbol; refuses an unknown one."""
        market = self.markets.get(symbol)
        if market is None:
            raise Refused(Reason.UNKNOWN_SYMBOL)
        return market

    def _step(self, market: Market) -> Step:
        return Step(market, self.clock.now_us())

    # Placing

    def check(self, account: Account, ticket: Ticket) -> tuple[int, int]:
        """Return the base quantity of the order and the amount to lock for it.

        Raises:
            Refused: the engine would not take the order.
        """
        market = ticket.market
        known = account.by_client_id.get((market.name, ticket.client_order_id))
        if known is not None and known.is_open and known.client_order_id == ticket.client_order_id:
            raise Refused(Reason.DUPLICATE_ORDER)
        if ticket.type in STOP_TYPES and _is_triggered(
            ticket.type, ticket.is_buy, ticket.stop_price, market.last_price
        ):
            raise Refused(Reason.WOULD_TRIGGER)
        if ticket.type == "LIMIT_MAKER":
            best = market.book.opposite(is_buy=ticket.is_buy).best()
            if best is not None and crosses(ticket.is_buy, ticket.price, best.price):
                raise Refused(Reason.WOULD_MATCH)
        quantity = self._base_quantity(ticket)
        lock = self._amount_to_lock(ticket, quantity)
        spent_asset = market.rules.quote if ticket.is_buy else market.rules.base
        if not account.is_house and account.balances[spent_asset].free < lock:
            raise Refused(Reason.INSUFFICIENT_BALANCE)
        return quantity, lock

    def place(
        self, account: Account, ticket: Ticket, *, waits: bool = False
    ) -> tuple[Order, list[AccountEvent]]:
        """Place an order and match it; one that waits is only accepted, until `begin`.

        Raises:
            Refused: the engine does not take the order; nothing has changed.
        """
        quantity, lock = self.check(account, ticket)
        step = self._step(ticket.market)
        order = self._admit(step, account, ticket, quantity)
        self._lock(order, lock)
        order.locked = lock
        if waits:
            step.report(order, "ACCEPTED")
        else:
            self._start(step, order)
        return order, self._finish(step)

    def begin(self, order: Order) -> list[AccountEvent]:
        """Match an order that has waited; one that the account can no longer pay for is rejected."""
        step = self._step(order.market)
        if self._relock_at_market(order):
            self._start(step, order)
        else:
            self.matcher.end(step, order, "EXPIRED", "REJECTED")
        return self._finish(step)

    def place_list(
        self, account: Account, tickets: Sequence[Ticket], client_id: str
    ) -> tuple[OrderList, list[AccountEvent]]:
        """Place a one-cancels-the-other pair, whose legs share one lock.

        Raises:
            Refused: the engine does not take one of the legs; nothing has changed.
        """
        locks = [self.check(account, ticket)[1] for ticket in tickets]
        if tickets[0].client_order_id == tickets[1].client_order_id:
            raise Refused(Reason.DUPLICATE_ORDER)
        market = tickets[0].market
        step = self._step(market)
        legs = [self._admit(step, account, ticket, ticket.quantity) for ticket in tickets]
        return self._start_list(step, legs, client_id, max(locks)), self._finish(step)

    def _start_list(self, step: Step, legs: list[Order], client_id: str, lock: int) -> OrderList:
        """Let orders work as a one-cancels-the-other pair that has one lock."""
        self._list_id += 1
        account = legs[0].account
        order_list = OrderList(self._list_id, client_id, step.market.name, legs=legs, locked=lock)
        account.order_lists[order_list.list_id] = order_list
        for leg in legs:
            leg.order_list = order_list
        self._lock(legs[0], lock)
        step.announce_list(account, order_list)
        for leg in legs:
            self._start(step, leg)
        return order_list

    def hold(self, account: Account, ticket: Ticket) -> tuple[Order, list[AccountEvent]]:
        """Take an order that locks nothing and does nothing, until `release`."""
        step = self._step(ticket.market)
        order = self._admit(step, account, ticket, ticket.quantity)
        step.report(order, "HELD")
        return order, step.events()

    def release(self, orders: list[Order]) -> list[AccountEvent]:
        """Let held orders of one account and market work, two of them as a one-cancels-the-other pair.

        They are rejected if the account cannot pay for them.
        """
        first = orders[0]
        step = self._step(first.market)
        cost = max(
            product(each.price or each.stop_price, each.quantity) if each.is_buy else each.quantity
            for each in orders
        )
        if first.account.balances[first.spent_asset].free < cost:
            for order in orders:
                self.matcher.end(step, order, "EXPIRED", "REJECTED")
        elif len(orders) > 1:
            self._start_list(step, orders, self.make_client_id(), cost)
        else:
            self._lock(first, cost)
            first.locked = cost
            self._start(step, first)
        return self._finish(step)

    def reject(self, account: Account, ticket: Ticket, reason: Reason | None) -> list[AccountEvent]:
        """Report an order that was refused inside a cancel-replace; it gets an id and is never on the book."""
        step = self._step(ticket.market)
        order = self._make_order(step, account, ticket, ticket.quantity)
        order.status = "REJECTED"
        order.created_us = -1
        report = step.report(order, "REJECTED")
        if report is not None:
            report.reject = reason
        return step.events()[:1]

    def _base_quantity(self, ticket: Ticket) -> int:
        """Return the base quantity; for an order by amount, what the book gives for the amount."""
        if not ticket.quote_quantity:
            return ticket.quantity
        amount = ticket.quote_quantity
        quantity = 0
        for resting in ticket.market.book.opposite(is_buy=ticket.is_buy):
            affordable = amount * SCALE // resting.price
            taken = min(affordable, resting.remaining)
            quantity += taken
            amount -= product(resting.price, taken)
            if taken == affordable:
                break
        quantity -= quantity % ticket.market.rules.step
        if quantity == 0:
            raise Refused(Reason.NO_LIQUIDITY)
        return quantity

    def _amount_to_lock(self, ticket: Ticket, quantity: int) -> int:
        if not ticket.is_buy:
            return quantity
        if ticket.type != "MARKET":
            return product(ticket.price or ticket.stop_price, quantity)
        return self._market_cost(ticket.market, quantity)

    @staticmethod
    def _market_cost(market: Market, quantity: int) -> int:
        cost = 0
        for resting in market.book.asks:
            taken = min(quantity, resting.remaining)
            cost += product(resting.price, taken)
            quantity -= taken
            if quantity == 0:
                break
        return cost

    @staticmethod
    def _lock(order: Order, amount: int) -> None:
        balance = order.account.balances[order.spent_asset]
        balance.free -= amount
        balance.locked += amount

    def _admit(self, step: Step, account: Account, ticket: Ticket, quantity: int) -> Order:
        order = self._make_order(step, account, ticket, quantity)
        if not account.is_house:
            key = (ticket.market.name, order.order_id)
            account.orders[key] = account.open_orders[key] = order
            account.by_client_id[ticket.market.name, ticket.client_order_id] = order
        return order

    @staticmethod
    def _make_order(step: Step, account: Account, ticket: Ticket, quantity: int) -> Order:
        return Order(
            account=account,
            market=ticket.market,
            order_id=ticket.market.next_order_id(),
            client_order_id=ticket.client_order_id,
            is_buy=ticket.is_buy,
            type=ticket.type,
            time_in_force=ticket.time_in_force,
            quantity=quantity,
            quote_quantity=ticket.quote_quantity,
            price=ticket.price,
            stop_price=ticket.stop_price,
            stp_mode=ticket.stp_mode,
            created_us=step.time_us,
            facts=ticket.facts,
        )

    def _start(self, step: Step, order: Order) -> None:
        if order.type in STOP_TYPES:
            step.market.stops[order.order_id] = order
            step.market.note_stop(order, step.time_us)
            step.report(order, "NEW")
        else:
            self.matcher.work(step, order)

    def _finish(self, step: Step) -> list[AccountEvent]:
        """Return the events of the step and of the stop orders that its trades trigger."""
        events = step.events()
        if step.traded:
            events += self.trigger_stops(step.market)
        return events

    def trigger_stops(self, market: Market) -> list[AccountEvent]:
        """Activate the stop orders that the last price has reached, each in a step of its own."""
        events: list[AccountEvent] = []
        while True:
            order = next(
                (
                    order
                    for order in market.stops.values()
                    if _is_triggered(order.type, order.is_buy, order.stop_price, market.last_price)
                ),
                None,
            )
            if order is None:
                return events
            step = self._step(market)
            del market.stops[order.order_id]
            self.matcher.remember(order)
            self.matcher.end_siblings(step, order)
            if self._relock_at_market(order):
                self.matcher.work(step, order)
            else:
                self.matcher.end(step, order, "EXPIRED", "REJECTED")
            events += step.events()

    def _relock_at_market(self, order: Order) -> bool:
        """Lock what an activated stop order without limit price will cost; False if there is not enough."""
        if order.price or not order.is_buy:
            return True
        missing = self._market_cost(order.market, order.remaining) - order.locked
        if order.account.balances[order.spent_asset].free < missing:
            return False
        self._lock(order, missing)
        order.locked += missing
        return True

    # Ending

    def cancel(self, order: Order, cancel_id: str) -> list[AccountEvent]:
        """Cancel an order, with the whole list if it is in one."""
        step = self._step(order.market)
        for leg in order.order_list.legs if order.order_list is not None else (order,):
            if leg.is_open:
                self.matcher.end(step, leg, "CANCELED", cancel_id=cancel_id)
        return step.events()

    def expire(self, order: Order, reason: str) -> list[AccountEvent]:
        """End an order whose time is up; does nothing for one that has ended."""
        if not order.is_open:
            return []
        step = self._step(order.market)
        self.matcher.end(step, order, "EXPIRED", reason)
        return step.events()

    def replace(self, order: Order, price: int, quantity: int) -> list[AccountEvent]:
        """Give an order on the book another price or quantity; it keeps its id and goes behind those of its price.

        Raises:
            Refused: it is not on the book, would match at once, or there is not enough to pay for it; nothing has changed.
        """
        book = order.market.book
        if not order.is_working or quantity <= order.executed + order.prevented:
            raise Refused(Reason.NOTHING_CHANGED)
        best = book.opposite(is_buy=order.is_buy).best()
        if best is not None and crosses(order.is_buy, price, best.price):
            raise Refused(Reason.WOULD_MATCH)
        remaining = quantity - order.executed - order.prevented
        more = (product(price, remaining) if order.is_buy else remaining) - order.locked
        if order.account.balances[order.spent_asset].free < more:
            raise Refused(Reason.INSUFFICIENT_BALANCE)
        step = self._step(order.market)
        self.matcher.remember(order)
        old_price, old_remaining = order.price, order.remaining
        book.own(is_buy=order.is_buy).remove(order)
        self._lock(order, more)
        order.locked += more
        order.price, order.quantity = price, quantity
        order.head = Head.of(order)
        book.own(is_buy=order.is_buy).add(order)
        order.market.note_replaced(order, old_price, old_remaining, step.time_us)
        step.report(order, "REPLACED")
        return step.events()

    def amend(self, order: Order, quantity: int, client_id: str) -> tuple[int, list[AccountEvent]]:
        """Reduce the order's quantity in place; returns the execution id of the amendment, and the events.

        Raises:
            Refused: the quantity is not below the order's, or already executed.
        """
        if quantity > order.quantity:
            raise Refused(Reason.QUANTITY_INCREASED)
        if quantity == order.quantity or quantity <= order.executed:
            raise Refused(Reason.NOTHING_CHANGED)
        if len(order.amendments) >= order.market.rules.max_amendments:
            raise Refused(Reason.TOO_MANY_AMENDMENTS)
        step = self._step(order.market)
        order_list = order.order_list
        if order_list is not None and order_list.locked:
            for leg in order_list.legs:
                self._reduce(step, leg, quantity, client_id if leg is order else leg.client_order_id)
            order_list.status_type = "UPDATED"
            step.announce_list(order.account, order_list)
        else:
            self._reduce(step, order, quantity, client_id)
        return order.amendments[-1].execution_id, step.events()

    def _reduce(self, step: Step, order: Order, quantity: int, client_id: str) -> None:
        """Reduce one order and what is locked for it."""
        own_id, old_quantity = order.client_order_id, order.quantity
        self.matcher.remember(order)
        order.quantity = quantity
        order.client_order_id = client_id
        order.account.by_client_id[order.market.name, client_id] = order
        order_list = order.order_list
        if order_list is not None and order_list.locked:
            needed = max(leg.price or leg.stop_price for leg in order_list.legs) if order.is_buy else SCALE
            order_list.locked = self._keep_locked(order, order_list.locked, product(needed, quantity))
        else:
            price = order.price or order.stop_price
            needed = product(price, order.remaining) if order.is_buy else order.remaining
            order.locked = self._keep_locked(order, order.locked, needed)
        order.head = Head.of(order, own_id)
        report = step.report(order, "REPLACED")
        order.head = None
        order.amendments.append(
            Amendment(
                execution_id=-1 if report is None else report.execution_id,
                original_client_id=own_id,
                client_order_id=client_id,
                original_quantity=old_quantity,
                quantity=quantity,
                time_us=step.time_us,
            )
        )

    @staticmethod
    def _keep_locked(order: Order, locked: int, needed: int) -> int:
        """Give back what is locked beyond what is needed; returns what stays locked."""
        balance = order.account.balances[order.spent_asset]
        balance.locked -= locked - needed
        balance.free += locked - needed
        return needed

    # The rest of the world

    def execute_resting(
        self, order: Order, quantity: int, *, tells_position: bool = True
    ) -> Sequence[AccountEvent]:
        """Let somebody trade `quantity` with a resting order at its price, as if the market had come to it.

        `tells_position` false leaves the changed balances out of the events.
        """
        market = order.market
        step = self._step(market)
        balances = self.house.balances
        quote = product(order.price, quantity)
        base_delta, quote_delta = (-quantity, quote) if order.is_buy else (quantity, -quote)
        base, quote_asset = market.assets
        balances[base].free += base_delta
        balances[quote_asset].free += quote_delta
        market.next_execution_id()
        trade_id = market.next_trade_id()
        self.matcher.fill(step, order, order.price, quantity, trade_id, is_maker=True)
        market.note_trade(None, order, quantity, trade_id, step.time_us)
        return step.events() if tells_position else step.reports

    def deposit(self, account: Account, asset: str, amount: int) -> list[AccountEvent]:
        """Add to the account's free balance."""
        time_us = self.clock.now_us()
        account.balances[asset].free += amount
        account.updated_us = time_us
        return [BalanceUpdate(account, asset, amount, time_us)]
