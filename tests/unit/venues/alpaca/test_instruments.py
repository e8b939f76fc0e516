"""Alpaca's symbols and our pairs."""

import orjson
import pytest

from fillwire.domain.errors import VenueError
from fillwire.venues.alpaca.instruments import event_symbol, is_option, read_symbols
from support.alpaca_venue import SYMBOLS


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [
        ("BTC/USD", "BTC-USD"),
        ("ETH/BTC", "ETH-BTC"),  # listed since the table was read
        ("AAPL", "AAPL-USD"),
        ("BRK.B", "BRK.B-USD"),
        ("AAPL250321P00200000", "AAPL250321P00200000-USD"),
    ],
)
def test_a_symbol_has_its_pair(symbol: str, pair: str) -> None:
    """Crypto by both its halves, everything else in dollars."""
    assert SYMBOLS.pairs[symbol] == pair


def test_a_pair_has_its_symbol() -> None:
    """Of a stock that is named as a coin is, the pair is that of the coin."""
    assert SYMBOLS.symbols["BTC-USD"] == "BTC/USD"
    assert SYMBOLS.symbols["AAPL-USD"] == "AAPL"
    assert "AAPL-EUR" not in SYMBOLS.symbols
    assert "" not in SYMBOLS.pairs
    assert list(SYMBOLS.pairs) == ["BTC/USD"]


@pytest.mark.parametrize(
    ("symbol", "asset_class", "expected"),
    [
        ("BTCUSD", "crypto", "BTC/USD"),
        ("SHIBUSDT", None, "SHIB/USDT"),
        ("BTC/USD", None, "BTC/USD"),
        ("AUSD", None, "AUSD"),
        ("BTCUSD", "us_equity", "BTCUSD"),
        ("AAPL250321P00200000", None, "AAPL250321P00200000"),
    ],
)
def test_records_of_before_the_slash_are_spelled_as_events_are(
    symbol: str, asset_class: str | None, expected: str
) -> None:
    """Without the class only what no stock is called is taken for a crypto pair."""
    assert event_symbol(symbol, asset_class) == expected


def test_options_are_told_by_their_form() -> None:
    """Root, date, call or put, strike."""
    assert is_option("BRK.B250321P00200000")
    assert not is_option("AAPL")


@pytest.mark.parametrize("body", [b"{}", b"<html>", b"[1]", orjson.dumps([{"symbol": "X"}])])
def test_what_is_no_list_of_assets_is_refused(body: bytes) -> None:
    """The answer is named, not a key of ours."""
    with pytest.raises(VenueError, match="assets cannot be read"):
        read_symbols(body)
