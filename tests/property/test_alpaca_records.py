"""An order's executions are read whole from Alpaca's activities, however the venue shuffles and pages them."""

from decimal import Decimal
from itertools import accumulate
from operator import itemgetter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.amounts import difference
from fillwire.venues.alpaca.records import AlpacaRecords
from support.alpaca_venue import ACCOUNT, KEY, ORDER_ID, Activities, fill_row
from support.questions import asked

RECORDS = AlpacaRecords(ACCOUNT, KEY)
AAPL = ("AAPL", ORDER_ID)


@given(
    count=st.one_of(st.integers(1, 10), st.integers(95, 200)),
    per_millisecond=st.integers(1, 250),
    chance=st.randoms(use_true_random=False),
)
def test_executions_are_whole_and_in_order(count: int, per_millisecond: int, chance: Random) -> None:
    """Up to two pages, of which one may begin behind the millisecond in which the other ended: nothing is missing."""
    amounts = [Decimal(chance.randint(1, 10**9)).scaleb(-6) for _ in range(count)]
    activities = []
    for number, cumulative in enumerate(accumulate(amounts)):
        activity = fill_row(number // per_millisecond, str(amounts[number]), str(cumulative))
        activity["id"] = f"{activity['id'].partition('::')[0]}::{chance.getrandbits(64):016x}-{number}"
        activities.append(activity)
    activities.sort(key=itemgetter("id"))  # within a millisecond in any order, as the venue has them
    found, _ = asked(RECORDS.executions_of(AAPL, None), Activities(activities))
    assert [row.quantity for row in found] == amounts
    before = Decimal(0)
    for row in found:
        assert row.cumulative is not None
        assert difference(row.cumulative, row.quantity) == before
        before = row.cumulative
    assert len({RECORDS.event_id(row) for row in found}) == count
