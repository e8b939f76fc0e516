"""What the console shows of other rooms: the ways of fills from the log, and trades from the recorder's database."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from fillwire.bus.connection import Bus
from fillwire.cli.trace.finding import Wanted, find
from fillwire.cli.trace.waterfall import logged_spans, rows
from fillwire.console.facts import Facts
from fillwire.recorder.amounts import total
from fillwire.recorder.book import TradeBook
from fillwire.recorder.database import Database
from fillwire.recorder.reports import By, Profit
from fillwire.recorder.trades import Trade, TradeFilter
from fillwire.wire.decimals import decimal_text

_US = 1_000
_MS = 1_000_000
_BEFORE_NS = 60_000 * _MS  # the broker stores an event after it was received; clocks differ

Found = TypeVar("Found")


class LogWays:
    """Ways of fills, as the log tells them: from the exchange to the broker.

    Args:
        bus: the connection.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def way(self, event_id: str, pair: str, time_ms: int, user: str | None) -> Facts:
        """Return the steps of an event's way.

        Raises:
            FillwireError: the log does not have it, or cannot be read.
        """
        since_ns = max(0, time_ms * _MS - _BEFORE_NS)
        logged = (await find(self._bus, Wanted(name=event_id, user=user, pair=pair, since_ns=since_ns)))[0]
        steps = rows(logged_spans(logged))
        first_ns = min(row.span.start_ns for row in steps)
        return {
            "event_id": logged.event.event_id,
            "trace_id": logged.trace_id,
            "sequence": logged.sequence,
            "steps": [
                {
                    "name": row.span.name,
                    "service": row.span.service,
                    "depth": row.depth,
                    "start_us": (row.span.start_ns - first_ns) / _US,
                    "took_us": (row.span.end_ns - row.span.start_ns) / _US,
                }
                for row in steps
            ],
        }


class RecordedTrades:
    """Trades as the recorder writes them; each question is answered by a thread with a connection of its own.

    Args:
        database: where they are recorded.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, user: str | None, limit: int) -> Sequence[Facts]:
        """Return the newest trades.

        Raises:
            FillwireError: the database cannot be read.
        """
        return await self._asked(
            lambda book: [_trade(trade) for trade in book.page(TradeFilter(user=user), limit=limit).trades]
        )

    async def profit(self, user: str | None) -> Facts:
        """Return realised profit by day with its running sum, and by bot and pair; raises as `newest`."""

        def read(book: TradeBook) -> Facts:
            chosen = TradeFilter(user=user)
            sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
            days = []
            found = book.profit(chosen, by=(By.DAY,))
            for group, profit in sorted(found, key=lambda pair: pair[0].day or ""):
                of = (group.environment, group.currency)
                sums[of] = total(sums[of], profit.net_profit)
                days.append(
                    {
                        "day": group.day,
                        "environment": group.environment,
                        "currency": group.currency,
                        "cumulative": decimal_text(sums[of]),
                        **_profit(profit),
                    }
                )
            bots = [
                {
                    "environment": group.environment,
                    "currency": group.currency,
                    "bot": group.bot,
                    "pair": group.pair,
                    **_profit(profit),
                }
                for group, profit in book.profit(chosen)
            ]
            return {"days": days, "bots": bots}

        return await self._asked(read)

    async def _asked(self, ask: Callable[[TradeBook], Found]) -> Found:
        def read() -> Found:
            with TradeBook(self._database) as book:
                return ask(book)

        return await asyncio.to_thread(read)


def _profit(profit: Profit) -> Facts:
    return {
        "trades": profit.trade_count,
        "net_profit": decimal_text(profit.net_profit),
        "fees": decimal_text(profit.quote_fees),
        "other_fees": {name: decimal_text(amount) for name, amount in profit.other_fees.items()},
        "unknown_fees": profit.unknown_fee_count,
        "unmatched_value": decimal_text(profit.unmatched_value),
    }


def _trade(trade: Trade) -> Facts:
    return {
        "id": trade.event_id,
        "time_ms": trade.transaction_time_ns // _MS,
        "user": trade.user,
        "exchange": trade.exchange,
        "environment": trade.environment,
        "pair": trade.pair,
        "bot": trade.bot,
        "side": trade.side,
        "price": decimal_text(trade.price),
        "quantity": decimal_text(trade.quantity),
        "value": decimal_text(trade.value),
        "fee": None if trade.fee is None else decimal_text(trade.fee),
        "fee_currency": trade.fee_currency,
        "liquidity": trade.liquidity,
        "trade_id": trade.trade_id,
    }
