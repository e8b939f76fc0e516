"""Order events for tests that need some, built from few words."""

from dataclasses import replace
from decimal import Decimal

from fillwire.domain.enums import ConnectionState, Kind, Liquidity, Side
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.sdk.samples import sample_connection_event, sample_fill, sample_order_event

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
    fill = None
    if trade is not None:
        fill = sample_fill(
            str(trade),
            Decimal(price),
            Decimal(cumulative),
            fee=Decimal("1.28"),
            fee_currency="USDT",
            liquidity=Liquidity.MAKER,
        )
    return sample_order_event(
        account,
        kind,
        pair=pair,
        order_id=order_id,
        side=side,
        quantity=Decimal(quantity),
        cumulative_quantity=Decimal(cumulative),
        price=Decimal(price),
        client_order_id=client_order_id,
        fill=fill,
        venue_time_ns=EPOCH_NS,
        received_time_ns=received_time_ns,
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
    return sample_connection_event(
        account,
        state,
        previous,
        reason=reason,
        gateway=gateway,
        time_ns=time_ns,
        reconciled_ns=time_ns if state is ConnectionState.RECEIVING and is_reconciled else None,
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
