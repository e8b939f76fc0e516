"""Asks a venue's own records of an account: signed, within the venue's limits; how to page is the venue's to say."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fillwire.domain.ledger import OrderKey
from fillwire.gateway.rationing import RationedRest
from fillwire.venues.questions import Ask, Question
from fillwire.venues.records import (
    AccountRecords,
    ExecutionRow,
    OrderRow,
    PartlyReadRecords,
    SymbolTellingRecords,
)
from fillwire.venues.rest import HttpResponse

T = TypeVar("T")


class Inquiry:
    """The questions to one account's records. Each raises `VenueError` if the venue does not answer or refuses.

    Args:
        records: what can be asked.
        rest: sends it, within the venue's limits.
        clock_offset_ns: returns venue clock minus ours.
        measure_clock: measures it anew.
        share: how much of the budget of all accounts these questions may use up; see `WeightBudget.spend`.
    """

    def __init__(
        self,
        records: AccountRecords,
        rest: RationedRest,
        clock_offset_ns: Callable[[], int],
        measure_clock: Callable[[], Awaitable[None]],
        share: float = 1.0,
    ) -> None:
        self.records = records
        self._rest = rest
        self._share = share
        self._clock_offset_ns = clock_offset_ns
        self._measure_clock = measure_clock

    @property
    def clock_offset_ns(self) -> int:
        """The venue's clock minus ours, in nanoseconds."""
        return self._clock_offset_ns()

    def now_ns(self) -> int:
        """Return now by the venue's clock."""
        return time.time_ns() + self._clock_offset_ns()

    async def answer(self, question: Question[T]) -> T:
        """Ask what the question wants asked, one request after another, and return what it comes to."""
        try:
            ask = next(question)
            while True:
                ask = question.send(await self._ask(ask))
        except StopIteration as end:
            found: T = end.value
            return found
        finally:
            question.close()

    async def _ask(self, make: Ask) -> HttpResponse:
        """Send what `make` returns for the time of sending, which is signed; once more if the venue refuses that time."""
        response = await self._rest.ask(lambda: make(self.now_ns()), self._share)
        if self.records.is_time_refused(response):
            await self._measure_clock()
            response = await self._rest.ask(lambda: make(self.now_ns()), self._share)
        return response

    async def open_orders(self, symbol: str | None = None) -> list[OrderRow]:
        """Return the open orders, of one symbol or of all."""
        return await self.answer(self.records.open_orders(symbol))

    async def order(self, key: OrderKey) -> OrderRow | None:
        """Return one order, None if the venue does not know it, or not yet."""
        return await self.answer(self.records.order(key))

    async def order_named(self, symbol: str, client_order_id: str) -> OrderRow | None:
        """Return one order by the client's id, None if the venue does not know it, or not yet."""
        return await self.answer(self.records.order_named(symbol, client_order_id))

    def take_unread(self) -> list[OrderKey]:
        """Return the orders that the answers since the last call held, and that could not be read."""
        return self.records.take_unread() if isinstance(self.records, PartlyReadRecords) else []

    async def changed_orders(self, symbol: str | None, since_ns: int) -> list[OrderRow]:
        """Return the orders that changed since then, as they are now; of a symbol, or of all where the venue tells so."""
        return await self.answer(self.records.changed_orders(symbol, since_ns, self.now_ns()))

    async def symbols_since(self, since_ns: int) -> set[str]:
        """Return the symbols in which orders were placed since then, as far as the records tell."""
        records = self.records
        return (
            await self.answer(records.symbols_since(since_ns))
            if isinstance(records, SymbolTellingRecords)
            else set()
        )

    async def executions_since(
        self, symbol: str | None, since_ns: int, known_trade_id: str | None
    ) -> list[ExecutionRow]:
        """Return the executions since then, in the venue's order; see `AccountRecords.executions_since`."""
        question = self.records.executions_since(symbol, since_ns, self.now_ns(), known_trade_id)
        return await self.answer(question)

    async def executions_of(self, key: OrderKey, after_trade_id: str | None = None) -> list[ExecutionRow]:
        """Return the executions of an order in the venue's order: all, or at least those after a known one."""
        return await self.answer(self.records.executions_of(key, after_trade_id))
