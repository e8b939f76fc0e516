"""The table of symbols and pairs."""

from fillwire.venues.symbols import SymbolTable


def test_two_symbols_of_one_pair_are_both_read_and_one_is_traded() -> None:
    """Events of both are ours; orders go to the first."""
    table = SymbolTable.of([("BTCUSDT", "BTC-USDT"), ("BTCUSDT2", "BTC-USDT")])
    assert len(table) == 2
    assert table.pairs["BTCUSDT2"] == "BTC-USDT"
    assert table.symbols == {"BTC-USDT": "BTCUSDT"}
