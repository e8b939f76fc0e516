"""Order events for tests that need some, built from few words."""

from dataclasses import replace
from decimal import Decimal

from fillwire.domain.enums import ConnectionState, Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import ConnectionEvent, Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id

ALICE = Account("alice", "binance", "live")
EPOCH_NS = 1_700_000_000_000_000_000


def order_event(  # noqa: PLR0913 - each a fact that some test varies
    *,
    account: Account = ALICE,
    pair: str = "BTC-USDT",
    order_id: str = "1",
    trade: int | None = 1,
    kind: Kind = Kind.FILLED,
    side: Side = Side.BUY,
    quantity: str = "0.5",
    cumulative: str = "0.5",
    price: str = "64000",
    client_order_id: str | None = "mine-1",
    received_time_ns: int = EPOCH_NS + 1_000_000,
) -> OrderEvent:
    """Return an event of an order; with `trade=None` one that is no execution."""
    symbol = pair.replace("-", "")
    fill = None
    event_id = state_event_id(account, symbol, order_id, kind)
    if trade is not None:
        event_id = execution_event_id(account, symbol, order_id, str(trade))
        fill = Fill(
            trade_id=str(trade),
            price=Decimal(price),
            quantity=Decimal(cumulative),
            quote=None,
            fee=Decimal("1.28"),
            fee_currency="USDT",
            liquidity=Liquidity.MAKER,
        )
    return OrderEvent(
        event_id=event_id,
        kind=kind,
        exchange=account.exchange,
        environment=account.environment,
        user=account.user,
        pair=pair,
        symbol=symbol,
        order_id=order_id,
        client_order_id=client_order_id,
        new_client_order_id=None,
        order_list_id=None,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=Decimal(price),
        stop_price=None,
        quantity=Decimal(quantity),
        quote_quantity=None,
        cumulative_quantity=Decimal(cumulative),
        cumulative_quote=Decimal(cumulative) * Decimal(price),
        average_price=Decimal(price),
        prevented_quantity=None,
        is_working=not kind.is_terminal,
        venue_status=kind.upper(),
        last_fill=fill,
        reject_reason=None,
        execution_id=None,
        exchange_time_ns=EPOCH_NS,
        transaction_time_ns=EPOCH_NS,
        received_time_ns=received_time_ns,
        source=Source.STREAM,
    )


def connection_event(  # noqa: PLR0913 - each a fact that some test varies
    state: ConnectionState,
    *,
    account: Account = ALICE,
    previous: ConnectionState = ConnectionState.CONNECTING,
    reason: str | None = None,
    gateway: str = "gateway-1",
    time_ns: int = EPOCH_NS,
    is_reconciled: bool = True,
) -> ConnectionEvent:
    """Return a connection event."""
    is_receiving = state is ConnectionState.RECEIVING
    return ConnectionEvent(
        user=account.user,
        exchange=account.exchange,
        environment=account.environment,
        state=state,
        previous_state=previous,
        reason=reason,
        attempt=0,
        subscription_count=1,
        connected_since_ns=time_ns if is_receiving else None,
        last_event_time_ns=None,
        clock_offset_ns=None,
        gateway=gateway,
        time_ns=time_ns,
        reconciled_ns=time_ns if is_receiving and is_reconciled else None,
    )


def order_life(order_id: str, *cumulative: str, ending: Kind = Kind.FILLED) -> list[OrderEvent]:
    """Return an order's events: accepted, then executions to these cumulative quantities, the last with `ending`."""
    events = [order_event(order_id=order_id, trade=None, kind=Kind.NEW, cumulative="0")]
    before = Decimal(0)
    for number, text in enumerate(cumulative, start=1):
        kind = ending if number == len(cumulative) else Kind.PARTIALLY_FILLED
        event = order_event(order_id=order_id, trade=number, kind=kind, cumulative=text)
        assert event.last_fill is not None
        fill = replace(event.last_fill, quantity=Decimal(text) - before)
        events.append(replace(event, last_fill=fill))
        before = Decimal(text)
    return events
