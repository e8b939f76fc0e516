"""Pages by cursor: `after` walks to what is older, `before` shows the newest page above a position."""

import pytest

from fillwire.simulator.coinbase_exchange.paging import page, since_and_until
from fillwire.simulator.coinbase_exchange.refusals import Refusal
from fillwire.simulator.texts import read_rfc3339_us

TRADES = range(31641110, 31641100, -1)


def pages(**query: str) -> tuple[list[int], dict[str, str]]:
    """Return one page of ten trades, newest first."""
    rows, headers = page(TRADES, query, lambda trade: trade, int, str)
    return list(rows), headers


def test_after_walks_down_to_the_end() -> None:
    """The cursor of a page's last row leads to the next older page; a page beyond the end has no cursors."""
    first, headers = pages(limit="4")
    assert first == [31641110, 31641109, 31641108, 31641107]
    assert headers == {"CB-BEFORE": "31641110", "CB-AFTER": "31641107"}
    second, headers = pages(limit="4", after=headers["CB-AFTER"])
    assert second == [31641106, 31641105, 31641104, 31641103]
    third, headers = pages(limit="4", after=headers["CB-AFTER"])
    assert third == [31641102, 31641101]
    assert pages(limit="4", after=headers["CB-AFTER"]) == ([], {})


def test_before_shows_the_newest_page() -> None:
    """Not the page next to the cursor: whoever goes up from an old trade misses what lies between."""
    assert pages(limit="2", before="31641103")[0] == [31641110, 31641109]
    assert pages(before="31641108")[0] == [31641110, 31641109]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "ten"}, {"after": "yesterday"}]
)
def test_what_cannot_be_read_is_refused(query: dict[str, str]) -> None:
    """Limits and cursors that are none are answered with status 400."""
    with pytest.raises(Refusal) as caught:
        pages(**query)
    assert caught.value.status == 400


def test_times_between_which_rows_are_asked_for() -> None:
    """Both are optional; text that is no time is refused."""
    assert since_and_until({"start_date": "1970-01-01T00:00:01Z"}, read_rfc3339_us) == (1_000_000, None)
    with pytest.raises(Refusal, match="Invalid end_date"):
        since_and_until({"end_date": "soon"}, read_rfc3339_us)
