"""The events of the private stream, in the shape of recordings."""

from fillwire.simulator.binance_futures.texts import average, plain
from fillwire.simulator.binance_futures.tickets import order_type, time_in_force
from fillwire.simulator.binance_futures.venue import ORDER_ID_OFFSET, FuturesVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.recurring_fills import RecurringPosition
from fillwire.simulator.exchange.reports import AccountPosition, BalanceUpdate, ExecutionReport

Rendered = tuple[str, str]
"""The event's name, its member `e`, and its JSON."""

_MS = 1_000
# The venue's numbers for what the engine says in words.
_REASONS = {"UNFILLED_IOC_QUANTITY_EXPIRED": "2", "UNFILLED_FOK_ORDER_EXPIRED": "8"}
_TYPES = {"REPLACED": "AMENDMENT", "TRADE_PREVENTION": "EXPIRED"}


def render(venue: FuturesVenue, event: AccountEvent, emit_us: int) -> list[Rendered]:
    """Return the frames that tell an event, emitted at `emit_us`: an execution is announced before it is reported."""
    match event:
        case ExecutionReport():
            reports = [("ORDER_TRADE_UPDATE", _report(event, emit_us // _MS))]
            if event.execution_type == "TRADE":
                reports.insert(0, ("TRADE_LITE", _announcement(event, emit_us // _MS)))
            if event.execution_type == "TRADE_PREVENTION" and event.order.is_open:
                return []  # the venue tells of it when the order ends
            return reports
        case AccountPosition():
            amounts = [(asset, free + locked) for asset, free, locked in event.amounts]
            return [_account_update(venue, event.account, amounts, event.time_us, emit_us, "ORDER")]
        case RecurringPosition():
            sides = zip(event.assets, (event.base, event.quote), strict=True)
            amounts = [(asset, balance.free + balance.locked) for asset, balance in sides]
            return [_account_update(venue, event.account, amounts, event.time_us, emit_us, "ORDER")]
        case BalanceUpdate():
            balance = event.account.balances[event.asset]
            amounts = [(event.asset, balance.free + balance.locked)]
            return [_account_update(venue, event.account, amounts, event.time_us, emit_us, "DEPOSIT")]
        case _:
            return []  # there are no order lists here


def _report(report: ExecutionReport, emit_ms: int) -> str:
    order = report.order
    time_ms = report.time_us // _MS
    is_trade = report.execution_type == "TRADE"
    is_prevented = report.execution_type == "TRADE_PREVENTION"
    kind = order_type(order)
    trade_id = report.trade_id if is_trade else 0
    fee = f'"n":"{plain(report.fee or 0)}","N":"{report.fee_asset or order.market.rules.quote}",'
    reason = "1" if is_prevented else _REASONS.get(report.reason, "0")
    return (
        f'{{"e":"ORDER_TRADE_UPDATE","T":{time_ms},"E":{emit_ms},"o":{{"s":"{order.market.name}",'
        f'"c":"{report.head.client_order_id}","S":"{"BUY" if order.is_buy else "SELL"}","o":"{kind}",'
        f'"f":"{time_in_force(order)}","q":"{plain(report.head.quantity)}","p":"{plain(order.price)}",'
        f'"ap":"{average(report.cumulative_quote, report.cumulative)}","sp":"0",'
        f'"x":"{_TYPES.get(report.execution_type, report.execution_type)}","X":"{report.status}",'
        f'"i":{ORDER_ID_OFFSET + order.order_id},"l":"{plain(report.last_quantity)}",'
        f'"z":"{plain(report.cumulative)}","L":"{plain(report.last_price)}",{fee}"T":{time_ms},"t":{trade_id},'
        f'"b":"0","a":"0","m":{"true" if report.is_maker else "false"},"R":false,"wt":"CONTRACT_PRICE",'
        f'"ot":"{kind}","ps":"BOTH","cp":false,"rp":"0","pP":false,"si":0,"ss":0,"V":"{order.stp_mode}",'
        f'"pm":"NONE","gtd":0,"er":"{reason}"}}}}'
    )


def _announcement(report: ExecutionReport, emit_ms: int) -> str:
    order = report.order
    return (
        f'{{"e":"TRADE_LITE","E":{emit_ms},"T":{report.time_us // _MS},"s":"{order.market.name}",'
        f'"q":"{plain(report.head.quantity)}","p":"{plain(order.price)}","m":{"true" if report.is_maker else "false"},'
        f'"c":"{report.head.client_order_id}","S":"{"BUY" if order.is_buy else "SELL"}",'
        f'"L":"{plain(report.last_price)}","l":"{plain(report.last_quantity)}","t":{report.trade_id},'
        f'"i":{ORDER_ID_OFFSET + order.order_id}}}'
    )


def _account_update(  # noqa: PLR0913, PLR0917 - the parts of the event
    venue: FuturesVenue,
    account: Account,
    amounts: list[tuple[str, int]],
    time_us: int,
    emit_us: int,
    cause: str,
) -> Rendered:
    quotes = {market.rules.quote for market in venue.markets.values()}
    balances = ",".join(
        f'{{"a":"{asset}","wb":"{plain(total)}","cw":"{plain(total)}","bc":"0"}}'
        for asset, total in amounts
        if asset in quotes
    )
    positions = ",".join(
        f'{{"s":"{asset}USDT","pa":"{plain(venue.position(account, asset))}","ep":"0","cr":"0","up":"0",'
        f'"mt":"cross","iw":"0","ps":"BOTH","ma":"USDT","bep":"0"}}'
        for asset, _ in amounts
        if asset not in quotes
    )
    text = (
        f'{{"e":"ACCOUNT_UPDATE","T":{time_us // _MS},"E":{emit_us // _MS},"a":{{"B":[{balances}],"P":[{positions}],'
        f'"m":"{cause}"}}}}'
    )
    return "ACCOUNT_UPDATE", text
