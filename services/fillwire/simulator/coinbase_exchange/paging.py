"""Pages by cursor: `after` goes to what is older, `before` to what is newer, and headers name a page's two ends."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from fillwire.simulator.coinbase_exchange.refusals import Refusal

Row = TypeVar("Row")
DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000


def read_limit(query: Mapping[str, str]) -> int:
    """Return how many rows a page may have.

    Raises:
        Refusal: the number is none that the venue takes.
    """
    text = query.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise Refusal(f"limit must be between 1 and {MAX_LIMIT}")
    return int(text)


def page(
    rows: Sequence[Row],
    query: Mapping[str, str],
    cursor_of: Callable[[Row], int],
    read_cursor: Callable[[str], int],
    write_cursor: Callable[[int], str],
) -> tuple[Sequence[Row], dict[str, str]]:
    """Return one page of the rows, and the headers that lead to the next.

    Args:
        rows: all of them, newest first.
        query: of the request: limit, before, after.
        cursor_of: a row's position, falling from row to row.
        read_cursor: a position from its text; raises ValueError for a text that is none.
        write_cursor: the text of a position.

    Raises:
        Refusal: limit or cursor cannot be read.
    """
    limit = read_limit(query)
    after, before = _cursor(query, "after", read_cursor), _cursor(query, "before", read_cursor)
    chosen = [
        row
        for row in rows
        if (after is None or cursor_of(row) < after) and (before is None or cursor_of(row) > before)
    ][:limit]
    if not chosen:
        return chosen, {}
    return chosen, {
        "CB-BEFORE": write_cursor(cursor_of(chosen[0])),
        "CB-AFTER": write_cursor(cursor_of(chosen[-1])),
    }


def _cursor(query: Mapping[str, str], name: str, read: Callable[[str], int]) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return read(text)
    except ValueError:
        raise Refusal(f"Invalid cursor for {name}") from None


def since_and_until(query: Mapping[str, Any], read_us: Callable[[str], int]) -> tuple[int | None, int | None]:
    """Return the times between which rows are asked for, in microseconds; None where a side is open.

    Raises:
        Refusal: one of them is no time.
    """
    times: list[int | None] = []
    for name in ("start_date", "end_date"):
        text = query.get(name)
        try:
            times.append(None if text is None else read_us(text))
        except ValueError:
            raise Refusal(f"Invalid {name}") from None
    return times[0], times[1]
