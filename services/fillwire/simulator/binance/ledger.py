"""Every execution of an account, in columns: what `myTrades` answers from and what tests compare with."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from fillwire.simulator.binance.units import units_text

IS_BUYER = 1
IS_MAKER = 2


class ExecutionLog:
    """Executions of one account in the order of the engine; a row is named by its index.

    Columns of integers, because a benchmark makes a million of them. `emitted_ns` is when the report was written to
    the account's subscribers, or when the engine acted if there were none.
    """

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.assets: list[str] = []
        self._symbol_index: dict[str, int] = {}
        self._asset_index: dict[str, int] = {}
        self._rows_by_symbol: list[array[int]] = []
        self._trades_by_symbol: list[array[int]] = []
        self.symbol = array("H")
        self.order_id = array("q")
        self.trade_id = array("q")
        self.price = array("q")
        self.quantity = array("q")
        self.quote = array("q")
        self.fee = array("q")
        self.fee_asset = array("h")
        self.time_us = array("q")
        self.emitted_ns = array("q")
        self.flags = array("B")

    def __len__(self) -> int:
        return len(self.trade_id)

    def _symbol(self, symbol: str) -> int:
        index = self._symbol_index.get(symbol)
        if index is None:
            index = self._symbol_index[symbol] = len(self.symbols)
            self.symbols.append(symbol)
            self._rows_by_symbol.append(array("q"))
            self._trades_by_symbol.append(array("q"))
        return index

    def _asset(self, asset: str | None) -> int:
        if asset is None:
            return -1
        index = self._asset_index.get(asset)
        if index is None:
            index = self._asset_index[asset] = len(self.assets)
            self.assets.append(asset)
        return index

    def append(  # noqa: PLR0913, PLR0917 - the columns of one row
        self,
        symbol: str,
        order_id: int,
        trade_id: int,
        price: int,
        quantity: int,
        quote: int,
        fee: int,
        fee_asset: str | None,
        time_us: int,
        flags: int,
    ) -> int:
        """Record one execution and return its row."""
        row = len(self.trade_id)
        index = self._symbol(symbol)
        self.symbol.append(index)
        self.order_id.append(order_id)
        self.trade_id.append(trade_id)
        self.price.append(price)
        self.quantity.append(quantity)
        self.quote.append(quote)
        self.fee.append(fee)
        self.fee_asset.append(self._asset(fee_asset))
        self.time_us.append(time_us)
        self.emitted_ns.append(time_us * 1_000)
        self.flags.append(flags)
        self._rows_by_symbol[index].append(row)
        self._trades_by_symbol[index].append(trade_id)
        return row

    def rows_of_symbol(self, symbol: str, from_trade_id: int | None = None) -> Sequence[int]:
        """Return the rows of a symbol by ascending trade id, beginning with `from_trade_id`."""
        index = self._symbol_index.get(symbol)
        if index is None:
            return ()
        rows = self._rows_by_symbol[index]
        if from_trade_id is None:
            return rows
        return rows[bisect_left(self._trades_by_symbol[index], from_trade_id) :]

    def visible(self, rows: Sequence[int], until_us: int) -> Sequence[int]:
        """Return those of the ascending `rows` whose execution happened until `until_us`."""
        return rows[: bisect_right(rows, until_us, key=self.time_us.__getitem__)]

    def since(self, rows: Sequence[int], from_us: int) -> Sequence[int]:
        """Return those of the ascending `rows` whose execution happened at `from_us` or later."""
        return rows[bisect_left(rows, from_us, key=self.time_us.__getitem__) :]

    def trade(self, row: int, divisor: int) -> dict[str, Any]:
        """Return the row as `myTrades` shows it."""
        fee_asset = self.fee_asset[row]
        flags = self.flags[row]
        return {
            "symbol": self.symbols[self.symbol[row]],
            "id": self.trade_id[row],
            "orderId": self.order_id[row],
            "orderListId": -1,
            "price": units_text(self.price[row]),
            "qty": units_text(self.quantity[row]),
            "quoteQty": units_text(self.quote[row]),
            "commission": units_text(self.fee[row]),
            "commissionAsset": self.assets[fee_asset] if fee_asset >= 0 else None,
            "time": self.time_us[row] // divisor,
            "isBuyer": bool(flags & IS_BUYER),
            "isMaker": bool(flags & IS_MAKER),
            "isBestMatch": True,
        }

    def execution(self, row: int) -> tuple[str, int, int, int, str, str]:
        """Return symbol, order id, trade id, time of emission in nanoseconds, price and quantity of a row."""
        return (
            self.symbols[self.symbol[row]],
            self.order_id[row],
            self.trade_id[row],
            self.emitted_ns[row],
            units_text(self.price[row]),
            units_text(self.quantity[row]),
        )
