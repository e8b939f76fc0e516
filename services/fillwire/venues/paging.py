"""Paging through the records of a venue whose executions are counted per symbol and asked for by windows of time."""

from collections.abc import Callable

from fillwire.venues.questions import Question
from fillwire.venues.records import ExecutionRow, OrderRow

_S = 1_000_000_000
_MS = 1_000_000

WindowQuestion = Callable[[int, int], Question[list[ExecutionRow]]]
"""Asks for the executions between two times, both included, in nanoseconds by the venue's clock."""


def windows(since_ns: int, now_ns: int, window_ns: int) -> list[tuple[int, int]]:
    """Return the windows from then until a moment from now: what the venue does meanwhile is in the last one.

    Args:
        since_ns: where the first begins, by the venue's clock.
        now_ns: now by the venue's clock.
        window_ns: the longest that one may be.
    """
    end_ns = now_ns + _S
    starts = range(since_ns, end_ns, window_ns)
    return [(start_ns, min(start_ns + window_ns, end_ns)) for start_ns in starts]


def changed_in(
    ask: Callable[[int, int], Question[list[OrderRow | None]]], spans: list[tuple[int, int]], page_size: int
) -> Question[list[OrderRow]]:
    """Return the orders that changed in the windows, as they are now.

    Args:
        ask: asks for those of one window, at most a page; None stands for an order that cannot be read.
        spans: the windows.
        page_size: rows of a full page. Nobody knows which rows are missing from one: each half is asked for.
    """
    found: dict[tuple[str, str], OrderRow] = {}
    left = list(spans)
    while left:
        start_ns, end_ns = left.pop(0)
        rows = yield from ask(start_ns, end_ns)
        if len(rows) >= page_size and end_ns - start_ns > _MS:
            middle_ns = (start_ns + end_ns) // 2
            left[:0] = [(start_ns, middle_ns), (middle_ns, end_ns)]
            continue
        for row in filter(None, rows):
            known = found.get(row.key)
            if known is None or row.updated_ns >= known.updated_ns:
                found[row.key] = row
    return list(found.values())


def counted_since(
    ask: WindowQuestion,
    follow: Callable[[str], Question[list[ExecutionRow]]],
    spans: list[tuple[int, int]],
    known_trade_id: str | None,
    page_size: int,
) -> Question[list[ExecutionRow]]:
    """Return executions by their count, which knows no windows, from the first that is known on.

    Args:
        ask: asks for a window, at most a page.
        follow: asks for all from a trade id on.
        spans: the windows, asked one by one until one is not empty, if no execution is known.
        known_trade_id: an execution at or before the first window.
        page_size: rows of a full page.
    """
    if known_trade_id is not None:
        return (yield from follow(known_trade_id))
    for number, (start_ns, end_ns) in enumerate(spans, 1):
        rows = yield from ask(start_ns, end_ns)
        if rows:
            is_all = number == len(spans) and len(rows) < page_size
            return rows if is_all else rows + (yield from follow(rows[-1].trade_id))
    return []


def following(
    ask: Callable[[str], Question[list[ExecutionRow]]], first: str, page_size: int
) -> Question[list[ExecutionRow]]:
    """Return the executions from a trade id on, page by page; trade ids are a counter.

    The last trade id of a page is asked for again: the two sides of a self-trade share one.

    Args:
        ask: asks for a page from a trade id on.
        first: the first trade id.
        page_size: rows of a full page.
    """
    found: list[ExecutionRow] = []
    while True:
        page = yield from ask(first)
        found += page
        if len(page) < page_size:
            return found
        last = page[-1].trade_id
        first = str(int(last) + 1) if last == first else last


def by_count(rows: list[ExecutionRow]) -> list[ExecutionRow]:
    """Return each execution once, in the order of the venue's count."""
    unique = {(row.order_id, row.trade_id): row for row in rows}
    return sorted(unique.values(), key=lambda row: int(row.trade_id))
