"""One matching step: what it has done so far, and the events it ends with."""

from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order, OrderList
from fillwire.simulator.exchange.reports import AccountPosition, ExecutionReport, ListStatus


class Step:
    """What one matching step has done so far. All its events carry its time.

    Attributes:
        traded: whether the step has made a trade.
        reports: execution reports and beginnings of order lists, in engine order.
    """

    __slots__ = ("_list_states", "_touched", "market", "reports", "time_us", "traded")

    def __init__(self, market: Market, time_us: int) -> None:
        market.begin_step()
        self.market = market
        self.time_us = time_us
        self.traded = False
        self.reports: list[AccountEvent] = []
        self._list_states: list[AccountEvent] = []
        self._touched: dict[Account, dict[str, None]] = {}

    def report(self, order: Order, execution_type: str) -> ExecutionReport | None:
        """Record a step in the life of the order; None for the house, whose reports only count."""
        execution_id = self.market.next_execution_id()
        order.updated_us = self.time_us
        account = order.account
        if account.is_house:
            return None
        report = ExecutionReport(order, execution_type, self.time_us, execution_id)
        self.reports.append(report)
        if account not in self._touched:
            self._touched[account] = dict.fromkeys(self.market.assets)
        return report

    def touch(self, account: Account, asset: str) -> None:
        """Note that the account's amounts of the asset may have changed, too; after a report to the account."""
        self._touched[account][asset] = None

    def announce_list(self, account: Account, order_list: OrderList) -> None:
        """Record the state of an order list: first if it begins, else after the reports of its legs."""
        event = ListStatus(account, order_list, self.time_us)
        (self.reports if order_list.status_type == "EXEC_STARTED" else self._list_states).append(event)

    def events(self) -> list[AccountEvent]:
        """Return reports in engine order, then list states, then the changed balances."""
        events = self.reports
        events += self._list_states
        for account, assets in self._touched.items():
            account.updated_us = self.time_us
            events.append(AccountPosition(account, assets, self.time_us))
        return events
