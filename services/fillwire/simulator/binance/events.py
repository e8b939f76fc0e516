"""The events of the user data stream, exactly as the documents show them."""

from collections.abc import Callable, Mapping
from typing import Any

from fillwire.simulator.binance.strategies import strategy_text
from fillwire.simulator.exchange.accounts import AccountEvent
from fillwire.simulator.exchange.orders import Head, Order
from fillwire.simulator.exchange.recurring_fills import RecurringFill, RecurringPosition
from fillwire.simulator.exchange.refused import Reason
from fillwire.simulator.exchange.reports import (
    AccountPosition,
    BalanceUpdate,
    ExecutionReport,
    ListStatus,
    Prevention,
)
from fillwire.simulator.exchange.units import cached_units_text, product, signed_units_text, units_text

_ZERO = "0.00000000"
_REJECT_REASONS = {
    Reason.INSUFFICIENT_BALANCE: "INSUFFICIENT_BALANCES",
    Reason.WOULD_MATCH: "WOULD_MATCH_IMMEDIATELY",
    Reason.WOULD_TRIGGER: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
}


def _head_text(order: Order, head: Head) -> str:
    """Return the members of an execution report that name the order, from `s` to `C`."""
    text = head.text
    if not text:
        text = head.text = (
            f'"s":"{order.market.rules.name}","c":"{head.client_order_id}","S":"{"BUY" if order.is_buy else "SELL"}",'
            f'"o":"{order.type}","f":"{order.time_in_force}","q":"{cached_units_text(head.quantity)}",'
            f'"p":"{cached_units_text(order.price)}","P":"{cached_units_text(order.stop_price)}","F":"{_ZERO}",'
            f'"g":{order.list_id},"C":"{head.original_client_id}"'
        )
    return text


def _prevention_text(prevention: Prevention | None) -> str:
    """Return the members of self-trade prevention, empty for most reports."""
    if prevention is None:
        return ""
    return (
        f',"v":{prevention.match_id},"A":"{units_text(prevention.total)}","B":"{units_text(prevention.last)}","u":-1,'
        f'"U":{prevention.counter_order_id},"pl":"{units_text(prevention.quantity)}",'
        f'"pL":"{units_text(prevention.price)}",'
        f'"pY":"{units_text(product(prevention.price, prevention.quantity))}"'
    )


def _report(report: ExecutionReport, emit_us: int, divisor: int) -> str:
    order = report.order
    is_trade = report.row >= 0
    fee = "0" if report.fee is None else units_text(report.fee)
    fee_asset = "null" if report.fee_asset is None else f'"{report.fee_asset}"'
    working = f'"W":{report.working_us // divisor},' if report.working_us >= 0 else ""
    reason = f',"eR":"{report.reason}"' if report.reason else ""
    reject = "NONE" if report.reject is None else _REJECT_REASONS.get(report.reject, "NONE")
    created = order.created_us // divisor if order.created_us >= 0 else -1
    return (
        f'{{"e":"executionReport","E":{emit_us // divisor},{_head_text(order, report.head)},"x":"{report.execution_type}",'
        f'"X":"{report.status}","r":"{reject}","i":{order.order_id},'
        f'"l":"{cached_units_text(report.last_quantity)}","z":"{units_text(report.cumulative)}",'
        f'"L":"{cached_units_text(report.last_price)}","n":"{fee}","N":{fee_asset},'
        f'"T":{report.time_us // divisor},"t":{report.trade_id},"I":{report.execution_id},'
        f'"w":{"true" if report.is_on_book else "false"},"m":{"true" if report.is_maker else "false"},'
        f'"M":{"true" if is_trade else "false"},"O":{created},"Z":"{units_text(report.cumulative_quote)}",'
        f'"Y":"{cached_units_text(report.last_quote)}","Q":"{cached_units_text(order.quote_quantity)}",'
        f'{working}"V":"{order.stp_mode}"{_prevention_text(report.prevention)}{strategy_text(order)}{reason}}}'
    )


def _recurring_fill(fill: RecurringFill, emit_us: int, divisor: int) -> str:
    """Return what `_report` would, from parts that are formatted once."""
    texts = fill.texts.get(divisor)
    if texts is None:
        texts = fill.texts[divisor] = _parts(fill, divisor)
    until_quantity, until_time, until_quote, end = texts
    order = fill.order
    return (
        f'{{"e":"executionReport","E":{emit_us // divisor},{until_quantity}{units_text(order.executed)}{until_time}'
        f'{fill.time_us // divisor},"t":{fill.trade_id},"I":{fill.execution_id}{until_quote}'
        f"{units_text(order.executed_quote)}{end}"
    )


def _parts(fill: RecurringFill, divisor: int) -> tuple[str, str, str, str]:
    """Return the parts of the report that are the same each time."""
    order = fill.order
    fee, fee_asset = (
        ("0", "null") if fill.fee_asset is None else (units_text(fill.fee), f'"{fill.fee_asset}"')
    )
    begin = (
        f'{_head_text(order, fill.head)},"x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":{order.order_id},'
        f'"l":"{units_text(fill.last_quantity)}","z":"'
    )
    end = (
        f'","Y":"{units_text(fill.last_quote)}","Q":"{units_text(order.quote_quantity)}",'
        f'"W":{order.working_us // divisor},"V":"{order.stp_mode}"{strategy_text(order)}}}'
    )
    return (
        begin,
        f'","L":"{units_text(fill.last_price)}","n":"{fee}","N":{fee_asset},"T":',
        f',"w":true,"m":true,"M":true,"O":{order.created_us // divisor},"Z":"',
        end,
    )


def _position(position: AccountPosition, emit_us: int, divisor: int) -> str:
    rows = ",".join(
        [
            f'{{"a":"{asset}","f":"{units_text(free)}","l":"{units_text(locked)}"}}'
            for asset, free, locked in position.amounts
        ]
    )
    return f'{{"e":"outboundAccountPosition","E":{emit_us // divisor},"u":{position.time_us // divisor},"B":[{rows}]}}'


def _recurring_position(position: RecurringPosition, emit_us: int, divisor: int) -> str:
    """Return what `_position` would."""
    texts = position.texts.get(None)
    if texts is None:
        base, quote = position.assets
        texts = position.texts[None] = (f'"B":[{{"a":"{base}","f":"', f'"}},{{"a":"{quote}","f":"')
    begin, between = texts
    base_amounts, quote_amounts = position.base, position.quote
    return (
        f'{{"e":"outboundAccountPosition","E":{emit_us // divisor},"u":{position.time_us // divisor},{begin}'
        f'{units_text(base_amounts.free)}","l":"{units_text(base_amounts.locked)}{between}'
        f'{units_text(quote_amounts.free)}","l":"{units_text(quote_amounts.locked)}"}}]}}'
    )


def _balance_update(update: BalanceUpdate, emit_us: int, divisor: int) -> str:
    return (
        f'{{"e":"balanceUpdate","E":{emit_us // divisor},"a":"{update.asset}",'
        f'"d":"{signed_units_text(update.delta)}","T":{update.time_us // divisor}}}'
    )


def _list_status(event: ListStatus, emit_us: int, divisor: int) -> str:
    """Return the state of an order list. Its letters mean other things than those of an execution report."""
    order_list = event.order_list
    legs = ",".join(
        f'{{"s":"{order_list.symbol}","i":{order_id},"c":"{client_id}"}}'
        for order_id, client_id in event.legs
    )
    return (
        f'{{"e":"listStatus","E":{emit_us // divisor},"s":"{order_list.symbol}","g":{order_list.list_id},"c":"OCO",'
        f'"l":"{event.status_type}","L":"{event.status}","r":"NONE","C":"{order_list.client_id}",'
        f'"T":{event.time_us // divisor},"O":[{legs}]}}'
    )


_FORMS: Mapping[type, tuple[str, Callable[[Any, int, int], str]]] = {
    ExecutionReport: ("executionReport", _report),
    RecurringFill: ("executionReport", _recurring_fill),
    AccountPosition: ("outboundAccountPosition", _position),
    RecurringPosition: ("outboundAccountPosition", _recurring_position),
    BalanceUpdate: ("balanceUpdate", _balance_update),
    ListStatus: ("listStatus", _list_status),
}


def render(event: AccountEvent, emit_us: int, divisor: int) -> tuple[str, str]:
    """Return the event's name, its member `e`, and its JSON, emitted at `emit_us`, with times divided by `divisor`."""
    kind, form = _FORMS[type(event)]
    return kind, form(event, emit_us, divisor)
