"""The execution log: rows by symbol, from an id, between times, and as a test reads them."""

from fillwire.simulator.exchange.ledger import IS_BUYER, IS_MAKER, Execution, ExecutionLog
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


def test_time_of_emission_replaces_the_engines() -> None:
    """Until it is emitted, an execution's time is the engine's."""
    log = filled_log()
    assert log.execution(0).emitted_ns == 1_000_000_000
    log.emitted_ns[0] = 1_000_000_777
    assert log.execution(0) == Execution(
        symbol="BTCUSDT",
        order_id=100,
        trade_id=1_000,
        price=parse_units("64000"),
        quantity=parse_units("0.01"),
        quote=parse_units("640"),
        fee=0,
        fee_asset=None,
        time_us=1_000_000,
        emitted_ns=1_000_000_777,
        is_buyer=True,
        is_maker=False,
        list_id=-1,
    )
