"""Every execution of an account, in columns: what queries answer from and what tests compare with."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

IS_BUYER = 1
IS_MAKER = 2
_COLUMNS = 9


class Execution(NamedTuple):
    """One execution; amounts in units."""

    symbol: str
    order_id: int
    trade_id: int
    price: int
    quantity: int
    quote: int
    fee: int
    fee_asset: str | None
    time_us: int
    emitted_ns: int
    is_buyer: bool
    is_maker: bool
    list_id: int


class ExecutionLog:
    """Executions of one account in the order of the engine; a row is named by its index.

    Kept as integers, because a benchmark makes a million of them.

    Attributes:
        time_us: when the engine executed, by row.
        trade_id: id of the trade, by row.
        cumulative: what the order had executed with it, in units, by row.
        emitted_ns: when the report was written to the account's subscribers, or when the engine acted if there were
            none, by row.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._index: dict[str | None, int] = {None: -1}
        self._rows_by_symbol: dict[str, array[int]] = {}
        self._trades_by_symbol: dict[str, array[int]] = {}
        self._cells = array("q")
        self.time_us = array("q")
        self.trade_id = array("q")
        self.cumulative = array("q")
        self._executed: dict[tuple[str, int], int] = {}
        self.emitted_ns = array("q")

    def __len__(self) -> int:
        return len(self.trade_id)

    def _name(self, name: str) -> int:
        """Return a number that stands for a symbol or an asset."""
        number = self._index[name] = len(self._names)
        self._names.append(name)
        return number

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
        list_id: int = -1,
    ) -> int:
        """Record one execution and return its row."""
        row = len(self.trade_id)
        index = self._index
        if symbol not in self._rows_by_symbol:
            self._name(symbol)
            self._rows_by_symbol[symbol] = array("q")
            self._trades_by_symbol[symbol] = array("q")
        if fee_asset not in index:
            self._name(str(fee_asset))
        self._cells.extend(
            (index[symbol], order_id, price, quantity, quote, fee, index[fee_asset], flags, list_id)
        )
        self.time_us.append(time_us)
        self.trade_id.append(trade_id)
        executed = self._executed[symbol, order_id] = self._executed.get((symbol, order_id), 0) + quantity
        self.cumulative.append(executed)
        self.emitted_ns.append(time_us * 1_000)
        self._rows_by_symbol[symbol].append(row)
        self._trades_by_symbol[symbol].append(trade_id)
        return row

    def rows_of_symbol(self, symbol: str, from_trade_id: int | None = None) -> Sequence[int]:
        """Return the rows of a symbol by ascending trade id, beginning with `from_trade_id`."""
        rows = self._rows_by_symbol.get(symbol)
        if rows is None:
            return ()
        if from_trade_id is None:
            return rows
        return rows[bisect_left(self._trades_by_symbol[symbol], from_trade_id) :]

    def visible(self, rows: Sequence[int], until_us: int) -> Sequence[int]:
        """Return those of the ascending `rows` whose execution happened until `until_us`."""
        return rows[: bisect_right(rows, until_us, key=self.time_us.__getitem__)]

    def since(self, rows: Sequence[int], from_us: int) -> Sequence[int]:
        """Return those of the ascending `rows` whose execution happened at `from_us` or later."""
        return rows[bisect_left(rows, from_us, key=self.time_us.__getitem__) :]

    def execution(self, row: int) -> "Execution":
        """Return a row."""
        symbol, order_id, price, quantity, quote, fee, fee_asset, flags, list_id = self._row(row)
        return Execution(
            self._names[symbol],
            order_id,
            self.trade_id[row],
            price,
            quantity,
            quote,
            fee,
            self._names[fee_asset] if fee_asset >= 0 else None,
            self.time_us[row],
            self.emitted_ns[row],
            bool(flags & IS_BUYER),
            bool(flags & IS_MAKER),
            list_id,
        )

    def _row(self, row: int) -> Sequence[int]:
        return self._cells[row * _COLUMNS : (row + 1) * _COLUMNS]
