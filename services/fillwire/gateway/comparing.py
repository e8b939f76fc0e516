"""Compares one account's ledger with the venue's records: what differs is settled, or becomes pending."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from fillwire.domain.errors import AuthRejected, ConnectionLost, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import OrderKey
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.left_out import LeftOut
from fillwire.gateway.pending import Pending
from fillwire.gateway.recollection import Recollection
from fillwire.gateway.sequencer import Sequencer
from fillwire.gateway.settling import Settler
from fillwire.runtime.logs import get_log
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.symbols import SymbolTable

_log = get_log(__name__)

# Beyond this many symbols it costs less to ask for all open orders at once.
_ASK_ONE_BY_ONE = 12


class Comparison:
    """The questions to the venue by which an account's ledger is compared. Each raises `VenueError` if they fail.

    Args:
        account: whose ledger.
        sequencer: has the ledger, and the events that wait.
        settler: settles an order.
        pending: takes the orders that are not settled.
        left_out: takes the symbols that could not be compared.
        pairs: returns the pairs that bots listen to, which may have no events yet.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its collaborators
        self,
        account: Account,
        sequencer: Sequencer,
        settler: Settler,
        pending: Pending,
        left_out: LeftOut,
        pairs: Callable[[], Iterable[str]],
    ) -> None:
        self._account = account
        self._sequencer = sequencer
        self._ledger = sequencer.ledger
        self._settler = settler
        self._pending = pending
        self._left_out = left_out
        self._pairs = pairs
        self._inquiry: Inquiry | None = None
        self._symbols: SymbolTable | None = None

    def use(self, inquiry: Inquiry, symbols: SymbolTable) -> None:
        """Ask by this inquiry and name pairs by this table from now on."""
        self._inquiry, self._symbols = inquiry, symbols

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Name pairs by this table from now on."""
        self._symbols = symbols

    @property
    def inquiry(self) -> Inquiry:
        """How the venue is asked."""
        return self._ready()[0]

    def _ready(self) -> tuple[Inquiry, SymbolTable]:
        if self._inquiry is None or self._symbols is None:
            raise AssertionError("nothing is asked before the first connection or poll")
        return self._inquiry, self._symbols

    async def sweep(
        self, found: Recollection, *, reads_executions: bool, asks_all: bool = True, retry_s: float
    ) -> None:
        """Compare everything since the cursor; orders that are not settled are pending after it.

        A symbol of which the venue does not tell, while it tells of others, is left out and asked for by itself.

        Args:
            found: from where to compare, and which symbols.
            reads_executions: read the executions of each symbol at once, as is cheap where many were missed. Without it
                an order's are asked for only if its executed quantity differs from the ledger's, so that a sweep over a
                healthy stream costs by orders and not by executions.
            asks_all: ask for the open orders of all symbols, also of those that nobody knows of yet, and for the symbols
                with orders that have ended, where the venue tells them.
            retry_s: when to ask again for an order that is not settled, in seconds.
        """
        inquiry, table = self._ready()
        believed = {known.key for known in self._ledger.open_orders()}
        symbols = set(found.symbols) | self._sequencer.buffered_symbols
        symbols |= {symbol for symbol, _ in (*believed, *self._pending.keys)}
        symbols |= {table.symbols[pair] for pair in self._pairs() if pair in table.symbols}
        rows, untold = await self.open_orders(None if asks_all else symbols)
        symbols |= {symbol for symbol, _ in rows}
        if asks_all:
            symbols |= await inquiry.symbols_since(found.since_ns)
        opened = {**dict.fromkeys(believed), **rows}
        if not inquiry.records.asks_by_symbol:  # it tells of all symbols at once, and is asked once
            await self._sweep_one(None, found, opened, reads_executions=reads_executions, retry_s=retry_s)
            return
        for symbol in sorted(symbols):
            if symbol in untold or symbol in self._left_out:
                self._leave_out(symbol, found, reads_executions=reads_executions)
                continue
            try:
                await self._sweep_one(
                    symbol, found, opened, reads_executions=reads_executions, retry_s=retry_s
                )
            except VenueError as error:
                self._raise_unless_of_one(error, symbol)
                self._leave_out(symbol, found, reads_executions=reads_executions)

    async def sweep_left_out(self, retry_s: float, *, is_due: bool) -> None:
        """Compare the symbols that a sweep left out: all of them, or those whose time has come."""
        for symbol, found, reads_executions in self._left_out.to_sweep(is_due=is_due):
            opened: dict[OrderKey, OrderRow | None]
            opened = dict.fromkeys(known.key for known in self._ledger.open_orders())
            try:
                opened |= {row.key: row for row in await self.inquiry.open_orders(symbol)}
                await self._sweep_one(
                    symbol, found, opened, reads_executions=reads_executions, retry_s=retry_s
                )
            except VenueError as error:
                self._raise_unless_of_one(error, symbol)
                self._left_out.postpone(symbol)
                if self._is_gone(symbol):
                    self._left_out.discard(symbol)
            else:
                self._left_out.discard(symbol)

    def _leave_out(self, symbol: str, found: Recollection, *, reads_executions: bool) -> None:
        if not self._is_gone(symbol):
            self._left_out.add(symbol, found, reads_executions=reads_executions)

    def _is_gone(self, symbol: str) -> bool:
        """Return whether the venue lists the symbol no more, and nothing of it is open: nobody could tell of it either."""
        if symbol in self._ready()[1].pairs or symbol in self._sequencer.buffered_symbols:
            return False
        known = (*(order.key for order in self._ledger.open_orders()), *self._pending.keys)
        return all(key[0] != symbol for key in known)

    def _raise_unless_of_one(self, error: VenueError, symbol: str) -> None:
        if isinstance(error, (ConnectionLost, Throttled, AuthRejected)):
            raise error  # the next question would meet the same
        _log.warning("symbol_not_compared", account=str(self._account), symbol=symbol, error=error)

    async def _sweep_one(
        self,
        symbol: str | None,
        found: Recollection,
        opened: Mapping[OrderKey, OrderRow | None],
        *,
        reads_executions: bool,
        retry_s: float,
    ) -> None:
        """Compare one symbol since the cursor, None for all at once.

        `opened` are the orders that are open, and those believed to be, of this symbol and of others.
        """
        inquiry, _ = self._ready()
        changed = {row.key: row for row in await inquiry.changed_orders(symbol, found.since_ns)}
        executions: dict[OrderKey, list[ExecutionRow]] = {}
        if reads_executions:
            _, last_trade_id = found.last_trades.get(symbol or "", (0, None))
            for row in await inquiry.executions_since(symbol, found.since_ns, last_trade_id):
                executions.setdefault(row.order, []).append(row)
        here = {key for key in opened if symbol is None or key[0] == symbol}
        for key in sorted(here | changed.keys() | executions.keys(), key=_by_age):
            shown = changed.get(key) or opened.get(key)
            own = executions.get(key, []) if reads_executions else None
            if own and self._is_in_log(found, key, shown, own):
                continue
            if await self.settle(key, found.since_ns, shown, own):
                if self._pending.is_met(key, self._ledger.get(key)):
                    self._pending.discard(key)
            else:
                self._pending.add(key, retry_s)
        self._doubt_unread(retry_s)

    def _is_in_log(
        self, found: Recollection, key: OrderKey, shown: OrderRow | None, rows: list[ExecutionRow]
    ) -> bool:
        """Return whether an order that the ledger has forgotten has ended, and the log holds all of it.

        After a long absence the log has more orders than the ledger keeps; they must not be published once more.
        """
        if self._ledger.get(key) is not None or key in self._pending or (shown and shown.ending is None):
            return False
        records = self.inquiry.records
        ending = None if shown is None else records.ending("", shown, 0)
        if ending is not None and not found.has(ending.event_id):
            return False
        return all(found.has(records.event_id(row)) for row in rows)

    def _doubt_unread(self, after_s: float) -> None:
        """Have the orders looked up that the lists held and that could not be read."""
        for key in self.inquiry.take_unread():
            self._pending.add(key, after_s)

    async def settle(
        self,
        key: OrderKey,
        since_ns: int,
        order: OrderRow | None = None,
        rows: list[ExecutionRow] | None = None,
    ) -> bool:
        """Return whether the order is settled now; see `Settler.settle`."""
        inquiry, table = self._ready()
        pair = table.pairs.get(key[0])
        if pair is None:
            _log.warning("symbol_without_pair", account=str(self._account), symbol=key[0])
            return False
        try:
            return await self._settler.settle(inquiry, key, pair, since_ns, order, rows)
        except (ConnectionLost, Throttled, AuthRejected):
            raise  # the next question would meet the same
        except VenueError as error:  # about this order alone: it must not keep the others waiting
            _log.warning("order_not_settled", account=str(self._account), order_id=key[1], error=error)
            return False

    async def settle_pending(self, since_ns: int, *, is_due: bool) -> None:
        """Ask for the orders that are pending: all of them, or those whose time has come and of which nothing is claimed."""
        for key in self._pending.keys:
            if is_due and (not self._pending.is_due(key) or self._pending.claim(key) is not None):
                continue
            self._note(key, is_settled=await self.settle(key, since_ns))

    async def settle_claimed(self, key: OrderKey, since_ns: int) -> None:
        """Ask for one order, for itself and its executions at once; it is not pending any more once the log has all."""
        inquiry, _ = self._ready()
        order, rows = await asyncio.gather(inquiry.order(key), inquiry.executions_of(key))
        recent = [row for row in rows if row.time_ns >= since_ns]
        is_settled = order is not None and await self.settle(key, since_ns, order, recent)
        self._note(key, is_settled=is_settled)

    def _note(self, key: OrderKey, *, is_settled: bool) -> None:
        if is_settled and self._pending.is_met(key, self._ledger.get(key)):
            self._pending.discard(key)
        else:
            self._pending.postpone(key)

    async def open_orders(self, symbols: Collection[str] | None) -> tuple[dict[OrderKey, OrderRow], set[str]]:
        """Return the open orders of some symbols, and of others too where that is cheaper; None for all.

        With them come the symbols of which the venue did not tell, while it told of others.
        """
        inquiry, _ = self._ready()
        if symbols is None or not inquiry.records.asks_by_symbol or len(symbols) > _ASK_ONE_BY_ONE:
            return {row.key: row for row in await inquiry.open_orders(None)}, set()
        rows: dict[OrderKey, OrderRow] = {}
        untold: set[str] = set()
        for symbol in sorted(symbols):
            try:
                rows |= {row.key: row for row in await inquiry.open_orders(symbol)}
            except VenueError as error:
                self._raise_unless_of_one(error, symbol)
                untold.add(symbol)
        return rows, untold

    async def audit(self, after_s: float) -> None:
        """Compare the orders believed open with those that are: a frame that never came shows in no other.

        Orders that differ are asked for in `after_s` seconds: what is on its way by the stream comes first.
        """
        believed = {known.key for known in self._ledger.open_orders()}
        rows, untold = await self.open_orders({symbol for symbol, _ in believed})
        for key in {*believed, *rows}:
            known, row = self._ledger.get(key), rows.get(key)
            if key[0] not in untold and (
                known is None
                or (row is None and known.ending is None)
                or (row and row.executed > known.cumulative)
            ):
                self._pending.add(key, after_s)
        self._doubt_unread(after_s)


def _by_age(key: OrderKey) -> tuple[int, str]:
    return len(key[1]), key[1]  # as numbers, without reading them as such
