"""What the ledger says of reports: the five verdicts, its bounds, and that an order's length costs nothing."""

import time
from dataclasses import dataclass
from decimal import Decimal

import pytest

from fillwire.domain.enums import Kind
from fillwire.domain.ledger import Conflict, Duplicate, Gap, Ledger, Publish, Stale


@dataclass(frozen=True, slots=True)
class Report:
    """A report, said in few words."""

    event_id: str
    kind: str
    cumulative_quantity: str
    last_quantity: str | None = None
    order_id: str = "1"
    symbol: str = "BTCUSDT"
    client_order_id: str | None = "mine"

    @property
    def trade_id(self) -> str | None:
        """The event id serves."""
        return None if self.last_quantity is None else self.event_id


def fill(
    trade: int, cumulative: str, last: str = "1", kind: str = "partially_filled", order: str = "1"
) -> Report:
    """Return an execution."""
    return Report(f"{order}:{trade}", kind, cumulative, last, order)


def state(kind: str, cumulative: str = "0", order: str = "1") -> Report:
    """Return a report that is no execution."""
    return Report(f"{order}:~{kind}", kind, cumulative, None, order)


KEY = ("BTCUSDT", "1")


def test_an_order_from_beginning_to_end_is_published() -> None:
    """Accepted, executed in parts, filled: each fits on the one before."""
    ledger = Ledger()
    life = [state("new"), fill(1, "0.1", "0.1"), fill(2, "0.3", "0.2"), fill(3, "1", "0.7", "filled")]
    assert [ledger.apply(report) for report in life] == [Publish()] * 4
    known = ledger.get(KEY)
    assert known is not None
    assert (known.cumulative, known.ending, known.last_trade_id) == (Decimal(1), Kind.FILLED, "1:3")
    assert list(ledger.open_orders()) == []


def test_an_order_is_found_by_its_client_order_id() -> None:
    """The one that changed last, of that symbol, be it open or ended; none where there is none."""
    ledger = Ledger()
    for order in ("1", "2"):
        ledger.apply(state("new", order=order))
    known = ledger.named("BTCUSDT", "mine")
    assert known is not None
    assert known.key == ("BTCUSDT", "2")
    for order in ("2", "1"):
        ledger.apply(state("cancelled", order=order))
    known = ledger.named("BTCUSDT", "mine")
    assert known is not None
    assert (known.key, known.ending) == (KEY, Kind.CANCELLED)
    assert ledger.named("ETHUSDT", "mine") is None
    assert ledger.named("BTCUSDT", "yours") is None


def test_sums_are_exact() -> None:
    """Amounts of 18 digits before and after the point add up to the last one, which no float and no default context does."""
    ledger = Ledger()
    first = "999999999999999999.000000000000000001"
    assert ledger.apply(fill(1, first, first)) == Publish()
    verdict = ledger.apply(fill(2, "1000000000000000000", "0.999999999999999999"))
    assert verdict == Publish()


@pytest.mark.parametrize("again", [state("new"), fill(1, "1"), state("cancelled", "1")])
def test_what_was_published_is_a_duplicate(again: Report) -> None:
    """Any event that comes again is dropped, also after the order has ended."""
    ledger = Ledger()
    for report in (state("new"), fill(1, "1"), state("cancelled", "1")):
        ledger.apply(report)
    assert ledger.apply(again) == Duplicate()


def test_missing_executions_are_a_gap_that_says_how_much() -> None:
    """The report is not taken: when the missing one has come it fits."""
    ledger = Ledger()
    ledger.apply(fill(1, "1"))
    assert ledger.apply(fill(3, "3")) == Gap(KEY, Decimal(1), Decimal(1))
    assert ledger.apply(state("cancelled", "3")) == Gap(KEY, Decimal(1), Decimal(2))
    assert ledger.apply(fill(2, "2")) == Publish()
    assert ledger.apply(fill(3, "3")) == Publish()


def test_an_unknown_order_in_the_middle_of_its_life_is_a_gap() -> None:
    """Its first execution is published, a later one waits for those before it."""
    ledger = Ledger()
    assert ledger.apply(fill(7, "1", order="2")) == Publish()
    assert ledger.apply(fill(7, "3", order="3")) == Gap(("BTCUSDT", "3"), Decimal(0), Decimal(2))
    assert ledger.get(("BTCUSDT", "3")) is None


def test_no_report_takes_an_order_back() -> None:
    """Accepted after an execution, replaced after the end: dropped, for the bot has heard of what came later."""
    ledger = Ledger()
    ledger.apply(fill(1, "1"))
    assert isinstance(ledger.apply(state("new")), Stale)
    ledger.apply(state("cancelled", "1"))
    assert isinstance(ledger.apply(state("replaced", "1")), Stale)


def test_an_execution_after_the_end_is_real() -> None:
    """It is published as late, so that the order is looked up; the order stays ended."""
    ledger = Ledger()
    ledger.apply(state("new"))
    ledger.apply(state("cancelled"))
    assert ledger.apply(fill(1, "1")) == Publish(is_late=True)
    known = ledger.get(KEY)
    assert known is not None
    assert known.ending is Kind.CANCELLED


@pytest.mark.parametrize(
    "report",
    [fill(2, "1"), state("expired", "1"), state("cancelled", "0"), fill(3, "1.5")],
    ids=["quantity of another", "another end", "less executed", "overlaps"],
)
def test_what_contradicts_the_published_is_a_conflict(report: Report) -> None:
    """Somebody should look at it; nothing of it counts."""
    ledger = Ledger()
    ledger.apply(fill(1, "1"))
    ledger.apply(Report("1:~end", "cancelled", "1"))
    before = ledger.get(KEY)
    assert isinstance(ledger.apply(report), Conflict)
    assert ledger.get(KEY) == before


def test_one_identity_with_two_contents_is_a_conflict() -> None:
    """The same trade at another price is no duplicate."""
    ledger = Ledger()
    ledger.apply(fill(1, "1"), content=1)
    assert ledger.apply(fill(1, "1"), content=1) == Duplicate()
    assert isinstance(ledger.apply(fill(1, "1"), content=2), Conflict)


def test_both_sides_of_a_self_trade_are_published() -> None:
    """One trade id, two orders."""
    ledger = Ledger()
    assert ledger.apply(fill(1, "1", order="1")) == Publish()
    assert ledger.apply(fill(1, "1", order="2")) == Publish()


def test_an_adopted_order_goes_on_from_where_it_was() -> None:
    """What was executed before is not asked for; an order that is known is not changed."""
    ledger = Ledger()
    ledger.adopt(KEY, Decimal(5))
    ledger.adopt(KEY, Decimal(9))
    assert ledger.apply(fill(6, "6")) == Publish()


def test_the_last_report_of_an_order_without_execution_is_kept() -> None:
    """The venue may forget what became of it: what it was is known, until something is executed or it ends."""
    ledger = Ledger()
    new = state("new")
    ledger.restore(new)
    known = ledger.get(KEY)
    assert known is not None
    assert known.last is new
    ledger.apply(fill(1, "0.1", "0.1"))
    known = ledger.get(KEY)
    assert known is not None
    assert known.last is None
    ledger.apply(state("new", order="2"))
    ledger.apply(state("cancelled", order="2"))
    ended = ledger.get(("BTCUSDT", "2"))
    assert ended is not None
    assert ended.last is None


def test_what_the_log_holds_is_known() -> None:
    """Restored events are duplicates, and the next execution fits on them."""
    ledger = Ledger()
    for report in (fill(4, "4"), fill(5, "5")):
        ledger.restore(report)
        ledger.restore(report)
    assert ledger.apply(fill(5, "5")) == Duplicate()
    assert ledger.apply(fill(6, "6")) == Publish()


def test_ended_orders_are_forgotten_first_and_the_oldest_end_first() -> None:
    """Open orders stay; what was forgotten is counted."""
    ledger = Ledger(max_ended=2)
    ledger.apply(state("new", order="0"))
    for number in range(1, 6):
        ledger.apply(fill(1, "1", kind="filled", order=str(number)))
    assert ledger.get(("BTCUSDT", "0")) is not None
    assert [n for n in range(1, 6) if ledger.get(("BTCUSDT", str(n))) is not None] == [4, 5]
    assert (ledger.evicted_ended, ledger.evicted_open) == (3, 0)


def test_open_orders_are_bounded_and_the_least_recently_changed_goes() -> None:
    """One that was forgotten is met as an unknown one: its next execution is a gap, never published on a guess."""
    ledger = Ledger(max_open=2)
    for number in (1, 2):
        ledger.apply(fill(1, "1", order=str(number)))
    ledger.apply(fill(2, "2", order="1"))
    ledger.apply(fill(1, "1", order="3"))
    assert ledger.evicted_open == 1
    assert isinstance(ledger.apply(fill(2, "2", order="2")), Gap)
    assert ledger.apply(fill(3, "3", order="1")) == Publish()


def test_forgotten_identities_of_an_open_order_are_recognised_by_their_quantity() -> None:
    """All quantity up to the sum is accounted for, so an execution that claims part of it was published."""
    ledger = Ledger(max_events=10)
    for number in range(1, 31):
        ledger.apply(fill(number, str(number)))
    assert ledger.event_count <= 10
    assert ledger.forgotten_events > 0
    assert ledger.apply(fill(1, "1")) == Duplicate()
    assert ledger.apply(fill(31, "31")) == Publish()


def test_the_ten_thousandth_execution_costs_what_the_first_did() -> None:
    """The cost of a report does not grow with its order."""
    ledger = Ledger()
    reports = [fill(number, str(number)) for number in range(1, 20_001)]

    def cost_s(part: list[Report]) -> float:
        began_s = time.process_time()
        for report in part:
            ledger.apply(report)
        return time.process_time() - began_s

    parts = [cost_s(reports[start : start + 2000]) for start in range(0, 20_000, 2000)]
    assert min(parts[5:]) < 3 * min(parts[:5])
