"""Rows as queries show them: every documented member."""

from fillwire.simulator.binance.order_documents import trade_row
from fillwire.simulator.exchange.ledger import Execution
from fillwire.simulator.exchange.units import parse_units


def test_row_as_my_trades_shows_it() -> None:
    """Every documented member; no commission is zero of nothing."""
    execution = Execution(
        symbol="ETHUSDT",
        order_id=101,
        trade_id=1_001,
        price=parse_units("64000"),
        quantity=parse_units("0.01"),
        quote=parse_units("640"),
        fee=parse_units("0.64"),
        fee_asset="USDT",
        time_us=2_000_000,
        emitted_ns=2_000_000_000,
        is_buyer=False,
        is_maker=True,
        list_id=-1,
    )
    assert trade_row(execution, 1_000) == {
        "symbol": "ETHUSDT",
        "id": 1_001,
        "orderId": 101,
        "orderListId": -1,
        "price": "64000.00000000",
        "qty": "0.01000000",
        "quoteQty": "640.00000000",
        "commission": "0.64000000",
        "commissionAsset": "USDT",
        "time": 2_000,
        "isBuyer": False,
        "isMaker": True,
        "isBestMatch": True,
    }
    free = trade_row(execution._replace(fee=0, fee_asset=None, is_buyer=True, is_maker=False), 1)
    assert (free["commission"], free["commissionAsset"], free["time"]) == ("0.00000000", None, 2_000_000)
    assert (free["isBuyer"], free["isMaker"]) == (True, False)
