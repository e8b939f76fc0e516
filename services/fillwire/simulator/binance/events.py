"""The events of the user data stream, exactly as the documents show them."""

from collections.abc import Iterable

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.orders import Order, OrderList
from fillwire.simulator.exchange.units import cached_units_text, signed_units_text, units_text

_ZERO = "0.00000000"


def report_head(order: Order, client_id: str, original_id: str) -> str:
    """Return the members of an execution report that name the order, from `s` to `C`."""
    return (
        f'"s":"{order.market.rules.name}","c":"{client_id}","S":"{"BUY" if order.is_buy else "SELL"}",'
        f'"o":"{order.type}","f":"{order.time_in_force}","q":"{cached_units_text(order.quantity)}",'
        f'"p":"{cached_units_text(order.price)}","P":"{cached_units_text(order.stop_price)}","F":"{_ZERO}",'
        f'"g":{order.list_id},"C":"{original_id}"'
    )


def strategy_text(order: Order) -> str:
    """Return the members `j` and `J` of an execution report, empty where the order was placed without."""
    text = "" if order.strategy_id is None else f',"j":{order.strategy_id}'
    return text if order.strategy_type is None else f'{text},"J":{order.strategy_type}'


class ExecutionReport:
    """One step in the life of an order, with the order's state at that moment.

    Attributes:
        row: row of the account's execution log, -1 if the step is no execution.
        fee: commission in units, None if the step has none.
        prevention: members of self-trade prevention as JSON text, empty for most.
    """

    kind = "executionReport"
    # What most steps do not set.
    reject = "NONE"
    row = -1
    trade_id = -1
    last_quantity = 0
    last_price = 0
    last_quote = 0
    fee: int | None = None
    fee_asset: str | None = None
    is_maker = False
    prevention = ""

    def __init__(self, order: Order, execution_type: str, time_us: int, execution_id: int) -> None:
        self.account = order.account
        self.order = order
        self.head = order.head or report_head(order, order.client_order_id, "")
        self.execution_type = execution_type
        self.time_us = time_us
        self.execution_id = execution_id
        self.status = order.status
        self.cumulative = order.executed
        self.cumulative_quote = order.executed_quote
        self.is_on_book = order.is_working
        self.working_us = order.working_us
        self.reason = order.expiry_reason
        order.head = self.head

    def render(self, emit_us: int, divisor: int) -> str:
        """Return the event as JSON, emitted at `emit_us`, with times divided by `divisor`."""
        order = self.order
        is_trade = self.row >= 0
        fee = "0" if self.fee is None else units_text(self.fee)
        fee_asset = "null" if self.fee_asset is None else f'"{self.fee_asset}"'
        working = f'"W":{self.working_us // divisor},' if self.working_us >= 0 else ""
        reason = f',"eR":"{self.reason}"' if self.reason else ""
        created = order.created_us // divisor if order.created_us >= 0 else -1
        return (
            f'{{"e":"executionReport","E":{emit_us // divisor},{self.head},"x":"{self.execution_type}",'
            f'"X":"{self.status}","r":"{self.reject}","i":{order.order_id},'
            f'"l":"{cached_units_text(self.last_quantity)}","z":"{units_text(self.cumulative)}",'
            f'"L":"{cached_units_text(self.last_price)}","n":"{fee}","N":{fee_asset},'
            f'"T":{self.time_us // divisor},"t":{self.trade_id},"I":{self.execution_id},'
            f'"w":{"true" if self.is_on_book else "false"},"m":{"true" if self.is_maker else "false"},'
            f'"M":{"true" if is_trade else "false"},"O":{created},"Z":"{units_text(self.cumulative_quote)}",'
            f'"Y":"{cached_units_text(self.last_quote)}","Q":"{cached_units_text(order.quote_quantity)}",'
            f'{working}"V":"{order.stp_mode}"{self.prevention}{strategy_text(order)}{reason}}}'
        )


class AccountPosition:
    """Free and locked amounts of the assets that a step may have changed."""

    kind = "outboundAccountPosition"
    row = -1

    def __init__(self, account: Account, assets: Iterable[str], time_us: int) -> None:
        self.account = account
        self.time_us = time_us
        balances = account.balances
        self._rows = ",".join(
            [
                f'{{"a":"{asset}","f":"{units_text(balance.free)}","l":"{units_text(balance.locked)}"}}'
                for asset in assets
                for balance in (balances[asset],)
            ]
        )

    def render(self, emit_us: int, divisor: int) -> str:
        """Return the event as JSON, emitted at `emit_us`, with times divided by `divisor`."""
        return (
            f'{{"e":"outboundAccountPosition","E":{emit_us // divisor},"u":{self.time_us // divisor},'
            f'"B":[{self._rows}]}}'
        )


class BalanceUpdate:
    """A deposit or withdrawal of `delta` units."""

    kind = "balanceUpdate"
    row = -1

    def __init__(self, account: Account, asset: str, delta: int, time_us: int) -> None:
        self.account = account
        self.asset = asset
        self.delta = delta
        self.time_us = time_us

    def render(self, emit_us: int, divisor: int) -> str:
        """Return the event as JSON, emitted at `emit_us`, with times divided by `divisor`."""
        return (
            f'{{"e":"balanceUpdate","E":{emit_us // divisor},"a":"{self.asset}",'
            f'"d":"{signed_units_text(self.delta)}","T":{self.time_us // divisor}}}'
        )


class ListStatus:
    """State of an order list. Its letters mean other things than those of an execution report."""

    kind = "listStatus"
    row = -1

    def __init__(self, account: Account, order_list: OrderList, time_us: int) -> None:
        self.account = account
        self.time_us = time_us
        self._names = (
            f'"s":"{order_list.symbol}","g":{order_list.list_id},"c":"OCO","l":"{order_list.status_type}",'
            f'"L":"{order_list.status}","r":"NONE","C":"{order_list.client_id}"'
        )
        self._legs = ",".join(
            f'{{"s":"{order_list.symbol}","i":{leg.order_id},"c":"{leg.client_order_id}"}}'
            for leg in order_list.legs
        )

    def render(self, emit_us: int, divisor: int) -> str:
        """Return the event as JSON, emitted at `emit_us`, with times divided by `divisor`."""
        return (
            f'{{"e":"listStatus","E":{emit_us // divisor},{self._names},"T":{self.time_us // divisor},'
            f'"O":[{self._legs}]}}'
        )


class StreamTerminated:
    """A subscription has ended; goes to that subscription only."""

    kind = "eventStreamTerminated"
    row = -1

    def __init__(self, account: Account) -> None:
        self.account = account

    def render(self, emit_us: int, divisor: int) -> str:
        """Return the event as JSON, emitted at `emit_us`, with times divided by `divisor`."""
        return f'{{"e":"eventStreamTerminated","E":{emit_us // divisor}}}'
