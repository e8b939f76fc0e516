"""What trades add up to: by bot, pair and day, with fees in their own currencies."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from fillwire.recorder.pairs import currencies
from fillwire.recorder.reports import By, Group, Profit, fees_of, positions_of, profit_of
from fillwire.wire.decimals import decimal_text
from support.trades import DAY_NS, trade

TRADES = [
    trade("buy", "2", "100", bot="grid", fee="0.2", time_ns=1),
    trade("buy", "1", "2000", bot="dca", pair="ETH-USDT", fee="0.01", fee_currency="BNB", time_ns=2),
    trade("sell", "1", "110", bot="grid", fee="0.1", time_ns=DAY_NS - 1),
    trade("sell", "1", "120", bot="grid", fee="0.02", fee_currency="BNB", time_ns=DAY_NS),
    trade("sell", "1", "2100", bot="dca", pair="ETH-USDT", fee=None, time_ns=DAY_NS + 1),
]


def texts(*values: Decimal | None) -> tuple[str, ...]:
    """Return amounts as text."""
    return tuple("-" if value is None else decimal_text(value) for value in values)


def shown(rows: list[tuple[Group, Profit]]) -> dict[tuple[str | None, ...], tuple[str, ...]]:
    """Return profit, quote fees and net profit by day, bot and pair."""
    return {
        (group.day, group.bot, group.pair): texts(row.profit, row.quote_fees, row.net_profit)
        for group, row in rows
    }


def test_profit_by_bot_and_pair() -> None:
    """Each bot has what it earned with each pair, after the fees in the same currency; others stand beside."""
    rows = profit_of(TRADES)
    assert shown(rows) == {
        (None, "dca", "ETH-USDT"): ("100", "0", "100"),
        (None, "grid", "BTC-USDT"): ("30", "0.3", "29.7"),
    }
    (_, dca), (_, grid) = rows
    assert (dca.other_fees, dca.unknown_fee_count) == ({"BNB": Decimal("0.01")}, 1)
    assert (grid.other_fees, grid.unknown_fee_count) == ({"BNB": Decimal("0.02")}, 0)
    assert texts(grid.quantity, dca.quantity) == ("2", "1")


def test_profit_by_day_of_a_zone() -> None:
    """A day is that of the sale, and begins at midnight of the zone."""
    utc = shown(profit_of(TRADES, by=[By.DAY]))
    assert utc == {
        ("1970-01-01", None, None): ("10", "0.3", "9.7"),
        ("1970-01-02", None, None): ("120", "0", "120"),
    }
    berlin = shown(profit_of(TRADES, by=[By.DAY], zone=ZoneInfo("Europe/Berlin")))
    assert berlin == {
        ("1970-01-01", None, None): ("0", "0.2", "-0.2"),
        ("1970-01-02", None, None): ("130", "0.1", "129.9"),
    }


def test_only_what_counts_is_told_and_all_of_it_is_known() -> None:
    """A sale of today costs what was paid yesterday, though yesterday is not asked for."""
    rows = profit_of(TRADES, counts=lambda each: each.transaction_time_ns >= DAY_NS, by=[By.BOT])
    assert shown(rows) == {(None, "dca", None): ("100", "0", "100"), (None, "grid", None): ("20", "0", "20")}


def test_environments_and_currencies_never_add_up() -> None:
    """A profit of the testnet is no profit, and dollars are no euros."""
    rows = profit_of(
        [
            trade("buy", "1", "100", environment=environment, pair=pair)
            for environment in ("live", "testnet")
            for pair in ("BTC-USDT", "BTC-EUR")
        ],
        by=[],
    )
    assert [(group.environment, group.currency) for group, _ in rows] == [
        ("live", "EUR"),
        ("live", "USDT"),
        ("testnet", "EUR"),
        ("testnet", "USDT"),
    ]


def test_bots_have_inventories_of_their_own_unless_told_otherwise() -> None:
    """What one bot bought, another sells only if asked so."""
    bought, sold = trade("buy", "1", "100", bot="a"), trade("sell", "1", "150", bot="b", time_ns=1)
    (_, _), (_, apart) = profit_of([bought, sold], by=[By.BOT, By.PAIR])
    assert texts(apart.profit, apart.unmatched_quantity, apart.unmatched_value) == ("0", "1", "150")
    (_, _), (_, together) = profit_of([bought, sold], by=[By.BOT, By.PAIR], across_bots=True)
    assert texts(together.profit, together.unmatched_quantity) == ("50", "0")


def test_fees_by_currency() -> None:
    """Each currency by itself; what is not told is counted and not guessed."""
    assert [
        (group.currency, row.trade_count, str(row.amount), row.unknown_count)
        for group, row in fees_of(TRADES)
    ] == [
        ("", 0, "0", 1),
        ("BNB", 2, "0.03", 0),
        ("USDT", 2, "0.3", 0),
    ]


def test_open_positions() -> None:
    """What is left, what it cost and since when; a short one is negative."""
    (long,) = positions_of(TRADES[:3])[1:]
    assert texts(long.quantity, long.value, long.average_price) == ("1", "100", "100")
    assert (long.bot, long.lot_count, long.opened_ns) == ("grid", 1, 1)
    (short,) = positions_of([trade("sell", "2", "100", time_ns=7)], shorts=True)
    assert (*texts(short.quantity, short.value), short.opened_ns) == ("-2", "200", 7)
    assert positions_of([trade("sell", "2", "100")]) == []


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("BTC-USDT", ("BTC", "USDT")),
        ("BTC-USDT_260327", ("BTC", "USDT")),
        ("BIT-28JUN24-CDE", (None, None)),
        ("BTC", (None, None)),
        ("-USDT", (None, None)),
    ],
)
def test_currencies_of_a_pair(pair: str, expected: tuple[str | None, str | None]) -> None:
    """A name that does not say the currencies is not guessed at."""
    assert currencies(pair) == expected
