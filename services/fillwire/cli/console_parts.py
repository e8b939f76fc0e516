"""What the console shows of other rooms: the ways of fills from log and hosts, and trades from the recorder's database."""

import asyncio
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from fillwire.bus.connection import Bus
from fillwire.bus.surveying import ask_all
from fillwire.cli.showing import time_text
from fillwire.cli.trace.finding import Logged, NotFound, Wanted, find_event
from fillwire.cli.trace.waterfall import called_spans, logged_spans, rows
from fillwire.console.facts import Facts
from fillwire.domain.calls import CallsAnswer, CallsQuery
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.identifiers import account_of
from fillwire.recorder.amounts import total
from fillwire.recorder.book import TradeBook
from fillwire.recorder.database import Database
from fillwire.recorder.reports import BY_BOT_AND_PAIR, By, Profit
from fillwire.recorder.running import RunningProfit
from fillwire.recorder.trades import Trade, TradeFilter
from fillwire.runtime.logs import get_log
from fillwire.wire.calls import calls_subject, decode_calls_answer, encode_calls
from fillwire.wire.decimals import decimal_text

_log = get_log(__name__)

_US = 1_000
_MS = 1_000_000
_HOSTS_WAIT_S = 0.3  # a host answers within milliseconds, and nobody knows how many there are
_MAX_HOSTS = 64
_KEPT_PROFITS = 32
_BEFORE_NS = 60_000 * _MS  # the broker stores an event after it was received; clocks differ
_AFTER_NS = 600_000 * _MS
_READ_DEADLINE_S = 10.0
_SHOWN = 40

Found = TypeVar("Found")


class LogWays:
    """Ways of fills: from the exchange to the broker as the log tells them, from there to the bots as their hosts do.

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
        logged = await self._logged(event_id, pair, time_ms * _MS, user)
        answers = await self._calls(logged.event.user, logged.event.event_id)
        steps = rows([*logged_spans(logged), *called_spans(logged, answers)])
        first_ns = min(row.span.start_ns for row in steps)
        return {
            "event_id": logged.event.event_id,
            "trace_id": logged.trace_id,
            "sequence": logged.sequence,
            "hosts": len(answers),
            "calls": sum(len(answer.calls) for answer in answers),
            "left_out": sum(answer.left_out_count for answer in answers),
            "steps": [
                {
                    "name": row.span.name,
                    "service": row.span.service,
                    "depth": row.depth,
                    "start_us": (row.span.start_ns - first_ns) / _US,
                    "took_us": (row.span.end_ns - row.span.start_ns) / _US,
                    "error": row.span.error,
                }
                for row in steps
            ],
        }

    async def _logged(self, event_id: str, pair: str, time_ns: int, user: str | None) -> Logged:
        """Return the event as the log has it, if it was stored soon after it was received.

        Raises:
            NotFound: it was not, or is none of the user's.
            BrokerError: the log cannot be read.
        """
        since_ns, until_ns = max(0, time_ns - _BEFORE_NS), time_ns + _AFTER_NS
        found = None
        account = account_of(event_id)
        # A broker reads a beginning that is to come, or beyond its own times, as that of the log.
        if account is not None and user in {None, account.user} and since_ns <= time.time_ns():
            wanted = Wanted(
                name=event_id,
                user=account.user,
                exchange=account.exchange,
                environment=account.environment,
                pair=pair,
                since_ns=since_ns,
                until_ns=until_ns,
            )
            found = await find_event(self._bus, wanted, deadline_s=_READ_DEADLINE_S)
        if found is None:
            between = f"between {time_text(since_ns)} and {time_text(until_ns)} UTC"
            further = "what was stored later is found by `fillwire trace`"
            raise NotFound(f"the log has no such fill of {pair[:_SHOWN]} {between}; {further}")
        return found

    async def _calls(self, user: str, event_id: str) -> list[CallsAnswer]:
        """Return what the hosts of the user's bots remember; what cannot be asked or read is left out."""
        question = encode_calls(CallsQuery(event_id=event_id))
        try:
            answers = await ask_all(
                self._bus, calls_subject(user), question, wait_s=_HOSTS_WAIT_S, max_answers=_MAX_HOSTS
            )
        except BrokerError as error:
            _log.warning("hosts_not_asked", error=error)
            return []
        found = []
        for data in answers:
            try:
                found.append(decode_calls_answer(data))
            except DecodeError as error:
                _log.warning("host_not_understood", error=error)
        return found


class RecordedTrades:
    """Trades as the recorder writes them; each question is answered by a thread with a connection of its own.

    What was read for profit is not read again: of the viewers who asked last what it added up to is kept.

    Args:
        database: where they are recorded.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._profits: OrderedDict[str | None, RunningProfit] = OrderedDict()
        self._lock = threading.Lock()  # whoever gave up waiting left a thread behind that goes on

    async def newest(self, user: str | None, limit: int) -> Sequence[Facts]:
        """Return the newest trades.

        Raises:
            FillwireError: the database cannot be read.
        """
        return await self._asked(
            lambda book: [_trade(trade) for trade in book.page(TradeFilter(user=user), limit=limit).trades]
        )

    async def profit(self, user: str | None) -> Facts:
        """Return realised profit by day with its running sum, and by bot and pair, for everybody by user, too.

        Raises as `newest`.
        """

        def read(book: TradeBook) -> Facts:
            with self._lock:
                running = self._running(user)
                book.catch_up(running)
                by_day, by_bot = running.now()
            sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
            days = []
            for group, profit in sorted(by_day, key=lambda pair: pair[0].day or ""):
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
                    "user": group.user,
                    "environment": group.environment,
                    "currency": group.currency,
                    "bot": group.bot,
                    "pair": group.pair,
                    **_profit(profit),
                }
                for group, profit in by_bot
            ]
            return {"days": days, "bots": bots}

        return await self._asked(read)

    def _running(self, user: str | None) -> RunningProfit:
        by_bot = (By.USER, *BY_BOT_AND_PAIR) if user is None else BY_BOT_AND_PAIR
        running = self._profits.setdefault(user, RunningProfit(user, ((By.DAY,), by_bot)))
        self._profits.move_to_end(user)
        while len(self._profits) > _KEPT_PROFITS:
            self._profits.popitem(last=False)
        return running

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
