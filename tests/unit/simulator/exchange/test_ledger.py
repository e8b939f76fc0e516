"""The execution log: rows by symbol, from an id, between times, and as a test reads them."""

from fillwire.simulator.exchange.ledger import IS_BUYER, IS_MAKER, ExecutionLog
from fillwire.simulator.exchange.units import parse_units


def filled_log() -> ExecutionLog:
    """Return a log of six executions on two symbols, one each millisecond."""
    log = ExecutionLog()
    for number in range(6):
        log.append(
            "BTCUSDT" if number % 2 == 0 else "ETHUSDT",
            100 + number,
            1_000 + number,
            parse_units("64000"),
            parse_units("0.01"),
            parse_units("640"),
            parse_units("0.64") if number else 0,
            "USDT" if number else None,
            1_000_000 * (number + 1),
            IS_BUYER if number == 0 else IS_MAKER,
        )
    return log


def test_rows_of_a_symbol_begin_with_an_id() -> None:
    """The id is inclusive; an unknown symbol has no rows."""
    log = filled_log()
    assert list(log.rows_of_symbol("BTCUSDT")) == [0, 2, 4]
    assert list(log.rows_of_symbol("BTCUSDT", 1_002)) == [2, 4]
    assert list(log.rows_of_symbol("BTCUSDT", 1_003)) == [4]
    assert list(log.rows_of_symbol("LTCUSDT")) == []


def test_rows_between_times() -> None:
    """Both ends are inclusive."""
    log = filled_log()
    rows = log.rows_of_symbol("BTCUSDT")
    assert list(log.visible(rows, 3_000_000)) == [0, 2]
    assert list(log.since(rows, 3_000_000)) == [2, 4]


def test_row_as_my_trades_shows_it() -> None:
    """Every documented member; no commission is zero of nothing."""
    log = filled_log()
    assert log.trade(1, 1_000) == {
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
    first = log.trade(0, 1)
    assert (first["commission"], first["commissionAsset"], first["time"]) == ("0.00000000", None, 1_000_000)
    assert (first["isBuyer"], first["isMaker"]) == (True, False)


def test_time_of_emission_replaces_the_engines() -> None:
    """Until it is emitted, an execution's time is the engine's."""
    log = filled_log()
    assert log.execution(0)[3] == 1_000_000_000
    log.emitted_ns[0] = 1_000_000_777
    assert log.execution(0) == ("BTCUSDT", 100, 1_000, 1_000_000_777, "64000.00000000", "0.01000000")
