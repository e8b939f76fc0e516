"""Order and connection events built from few words, as tests need them; what is not said, the venue did not say."""

from decimal import Decimal

from fillwire.domain.enums import ConnectionState, Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import ConnectionEvent, Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id


def sample_fill(  # noqa: PLR0913 - the facts of a fill
    trade_id: str,
    price: Decimal,
    quantity: Decimal,
    *,
    quote: Decimal | None = None,
    fee: Decimal | None = None,
    fee_currency: str | None = None,
    liquidity: Liquidity | None = None,
) -> Fill:
    """Return an execution."""
    return Fill(
        trade_id=trade_id,
        price=price,
        quantity=quantity,
        quote=quote,
        fee=fee,
        fee_currency=fee_currency,
        liquidity=liquidity,
    )


def sample_order_event(  # noqa: PLR0913 - the facts that tests care for
    account: Account,
    kind: Kind,
    *,
    pair: str,
    order_id: str,
    side: Side,
    quantity: Decimal,
    cumulative_quantity: Decimal,
    price: Decimal,
    client_order_id: str | None,
    fill: Fill | None,
    venue_time_ns: int,
    received_time_ns: int,
) -> OrderEvent:
    """Return an event of a limit order; with `fill` an execution. All was executed at the limit."""
    symbol = pair.replace("-", "")
    return OrderEvent(
        event_id=(
            state_event_id(account, symbol, order_id, kind)
            if fill is None
            else execution_event_id(account, symbol, order_id, fill.trade_id)
        ),
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
        price=price,
        stop_price=None,
        quantity=quantity,
        quote_quantity=None,
        cumulative_quantity=cumulative_quantity,
        cumulative_quote=cumulative_quantity * price,
        average_price=price if cumulative_quantity else None,
        prevented_quantity=None,
        is_working=not kind.is_terminal,
        venue_status=kind.upper(),
        last_fill=fill,
        reject_reason=None,
        execution_id=None,
        exchange_time_ns=venue_time_ns,
        transaction_time_ns=venue_time_ns,
        received_time_ns=received_time_ns,
        source=Source.STREAM,
    )


def sample_connection_event(  # noqa: PLR0913 - the facts that tests care for
    account: Account,
    state: ConnectionState,
    previous: ConnectionState,
    *,
    reason: str | None,
    gateway: str,
    time_ns: int,
    clock_offset_ns: int | None = None,
    reconciled_ns: int | None = None,
) -> ConnectionEvent:
    """Return a connection event of the first attempt, for one pair."""
    return ConnectionEvent(
        user=account.user,
        exchange=account.exchange,
        environment=account.environment,
        state=state,
        previous_state=previous,
        reason=reason,
        attempt=0,
        subscription_count=1,
        connected_since_ns=time_ns if state is ConnectionState.RECEIVING else None,
        last_event_time_ns=None,
        clock_offset_ns=clock_offset_ns,
        gateway=gateway,
        time_ns=time_ns,
        reconciled_ns=reconciled_ns,
    )
