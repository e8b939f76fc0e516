"""From where the log is compared with the venue's records, and in which order what was missed and what arrives is told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fillwire.domain.enums import ConnectionState, Kind
from fillwire.domain.ledger import Ledger
from fillwire.gateway.recollection import Recollection, recollect
from fillwire.gateway.standing import Standing
from support.eventually import eventually
from support.jumping_loop import JumpingLoop
from support.memory_venue import SECOND_NS, MemoryVenue
from support.order_events import EPOCH_NS, connection_event
from support.reconciling import OVERLAP_S, TABLE, Gateway, MemoryLog


async def recollected(
    log: MemoryLog,
    *,
    proven_ns: int | None = None,
    missing_ns: int | None = None,
    offset_ns: int = 0,
    now_s: int = 10_000,
) -> Recollection:
    """Return what the log says, with an overlap of ten seconds."""
    return await recollect(
        log,  # type: ignore[arg-type] # the log in memory
        Ledger(),
        log.last,
        proven_ns=proven_ns,
        missing_since_ns=missing_ns,
        beginning_ns=EPOCH_NS + now_s * SECOND_NS,
        offset_ns=offset_ns,
        overlap_s=10.0,
    )


@pytest.fixture
def log() -> MemoryLog:
    """A log of an order that was accepted, and executed three times, at seconds 1 to 4 after the epoch of the tests."""
    venue = MemoryVenue(EPOCH_NS)
    order = venue.place(5)
    for _ in range(3):
        venue.fill(order)
    log = MemoryLog(refuses_doubles=False)
    for frame in venue.frames:
        log.store(frame.received_time_ns, frame.event_id, frame.json)
    return log


def _seconds(found: Recollection) -> float:
    return (found.since_ns - EPOCH_NS) / SECOND_NS


async def test_the_last_event_less_the_overlap_is_where_to_begin(log: MemoryLog) -> None:
    """It came at second 4; what was on its way ten seconds before may be missing."""
    assert _seconds(await recollected(log)) == -6


async def test_an_idle_account_begins_where_it_was_last_in_step(log: MemoryLog) -> None:
    """As another process told, or this one has compared; not at an event of weeks ago."""
    assert _seconds(await recollected(log, proven_ns=EPOCH_NS + 500 * SECOND_NS)) == 490
    log.last = replace(
        connection_event(ConnectionState.DISCONNECTED), reconciled_ns=EPOCH_NS + 300 * SECOND_NS
    )
    assert _seconds(await recollected(log)) == 290


async def test_what_was_missing_before_is_still_asked_for(log: MemoryLog) -> None:
    """Whether this process knows it or the one before it told so."""
    in_step_ns = EPOCH_NS + 500 * SECOND_NS
    missing_ns = EPOCH_NS - 3600 * SECOND_NS
    assert _seconds(await recollected(log, proven_ns=in_step_ns, missing_ns=missing_ns)) == -3610
    log.last = replace(
        connection_event(ConnectionState.RECEIVING), reconciled_ns=in_step_ns, missing_since_ns=missing_ns
    )
    assert _seconds(await recollected(log)) == -3610


async def test_times_are_compared_by_the_clock_that_made_them(log: MemoryLog) -> None:
    """A venue whose clock is an hour ahead is asked by its clock."""
    assert _seconds(await recollected(log, offset_ns=3600 * SECOND_NS)) == 3594


async def test_the_first_contact_begins_where_the_account_was_first_wanted() -> None:
    """Nothing is known, so nothing before that is played back."""
    found = await recollected(MemoryLog(refuses_doubles=False))
    assert found.is_first_contact
    assert _seconds(found) == 10_000


async def test_the_newest_execution_before_the_beginning_is_where_the_venue_counts_on(log: MemoryLog) -> None:
    """Trades 102, 104 and 106 came at seconds 2, 3 and 4."""
    found = await recollected(log, proven_ns=EPOCH_NS + 13 * SECOND_NS)
    assert _seconds(found) == 3
    assert {symbol: trade for symbol, (_, trade) in found.last_trades.items()} == {"BTCUSDT": "104"}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway that is connected to an account on which nothing has happened."""
    gateway = Gateway(MemoryVenue(EPOCH_NS), MemoryLog(refuses_doubles=False), Ledger())
    await gateway.reconciler.recall()
    await gateway.catch_up()
    yield gateway
    await gateway.reconciler.stop()


async def test_what_arrives_while_catching_up_is_told_after_what_was_missed(gateway: Gateway) -> None:
    """An order was placed while the connection was down and fills while it comes back: accepted first, then filled."""
    venue = gateway.venue
    order = venue.place(2)
    venue.frames.clear()

    def stream_goes_on() -> None:
        venue.on_request = lambda: None
        venue.fill(order)
        gateway.sequencer.take(venue.frames.pop(), 0, 0)

    venue.on_request = stream_goes_on
    await gateway.catch_up()
    assert [event.kind for event in gateway.log.orders()] == [Kind.NEW, Kind.PARTIALLY_FILLED]


async def test_what_happens_while_an_account_is_connected_for_the_first_time_is_not_its_past() -> None:
    """An order fills between the wish for the account and the first look at its records: it is told once."""
    venue = MemoryVenue(EPOCH_NS)
    past = venue.place(3)
    venue.fill(past)
    venue.now_ns += SECOND_NS
    gateway = Gateway(venue, MemoryLog(refuses_doubles=False), Ledger())
    await gateway.reconciler.recall()
    venue.frames.clear()
    venue.fill(past)
    venue.now_ns += SECOND_NS
    await gateway.catch_up()
    gateway.sequencer.take(venue.frames.pop(), 0, 0)  # the stream was subscribed before that
    told = [event for event in gateway.log.orders() if event.last_fill is not None]
    assert [str(event.cumulative_quantity) for event in told] == ["2"]
    await gateway.reconciler.stop()


async def test_an_order_lost_with_all_its_frames_just_before_the_end_is_found_by_the_next(
    gateway: Gateway,
) -> None:
    """The last event in the log is younger than what is missing; the overlap reaches back to it."""
    venue = gateway.venue
    lost = venue.place(2)
    venue.fill(lost)
    venue.frames.clear()
    venue.place(1)
    gateway.sequencer.take(venue.frames.pop(), 0, 0)
    following = Gateway(venue, gateway.log, Ledger())
    await following.reconciler.recall()
    await following.catch_up()
    await following.reconciler.stop()
    told = [event.last_fill.trade_id for event in gateway.log.orders() if event.last_fill is not None]
    assert told == lost.trade_ids()


async def test_what_is_not_settled_at_the_deadline_is_told_and_found_later(gateway: Gateway) -> None:
    """Live all the same, with the time from which on something may be missing; in step when the venue has answered."""
    venue = gateway.venue
    order = venue.place(1)
    venue.fill(order)
    venue.frames.clear()
    venue.failures = 1000
    await gateway.catch_up()
    missing_ns = gateway.reconciler.standing.missing_since_ns
    assert missing_ns is not None
    assert missing_ns <= EPOCH_NS + OVERLAP_S * SECOND_NS
    venue.failures = 0
    assert await gateway.sweep()
    assert gateway.reconciler.standing.missing_since_ns is None
    assert [event.kind for event in gateway.log.orders()] == [Kind.NEW, Kind.FILLED]


@pytest.mark.parametrize("lag_s", [1, 3], ids=["the last one", "all"])
async def test_an_order_of_which_executions_are_not_shown_yet_is_not_taken_for_settled(
    gateway: Gateway, lag_s: int
) -> None:
    """The order's own record is ahead of those of its executions: nothing is made up, and the account is not in step."""
    venue = gateway.venue
    order = venue.place(3)
    gateway.sequencer.take(venue.frames.pop(), 0, 0)
    venue.fill(order)
    venue.fill(order)
    venue.frames.clear()
    venue.trades_lag_ns = lag_s * SECOND_NS
    await gateway.catch_up()
    assert gateway.reconciler.standing.missing_since_ns is not None
    assert [event.kind for event in gateway.log.orders()] == [Kind.NEW]
    venue.trades_lag_ns = 0
    assert await gateway.sweep()
    told = [event.last_fill.trade_id for event in gateway.log.orders() if event.last_fill is not None]
    assert told == order.trade_ids()


async def test_an_order_that_nobody_knew_is_not_settled_before_its_executions_are_shown(
    gateway: Gateway,
) -> None:
    """It was placed and filled while nobody looked, and the records of its executions lag behind its own."""
    venue = gateway.venue
    order = venue.place(2)
    venue.fill(order)
    venue.fill(order)
    venue.frames.clear()
    venue.trades_lag_ns = 5 * SECOND_NS
    await gateway.catch_up()
    assert gateway.reconciler.standing.missing_since_ns is not None
    assert gateway.log.orders() == []
    venue.trades_lag_ns = 0
    assert await gateway.sweep()
    assert [event.kind for event in gateway.log.orders()] == [Kind.NEW, Kind.PARTIALLY_FILLED, Kind.FILLED]


class Killed(Exception):
    """The process ends here."""


async def test_what_a_gateway_had_not_found_yet_when_it_was_killed_is_found_by_the_next(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two orders filled while nobody looked; one is published, and makes the log look as if it were of today."""
    venue, log = gateway.venue, gateway.log
    orders = [venue.place(1), venue.place(1)]
    for order in orders:
        venue.fill(order)
    venue.frames.clear()
    venue.now_ns += 86_400 * SECOND_NS
    store = log.store

    def store_one_order(time_ns: int, event_id: str, json: bytes) -> None:
        if len(log.events) == 2:
            raise Killed
        store(time_ns, event_id, json)

    monkeypatch.setattr(log, "store", store_one_order)
    with pytest.raises(Killed):
        await gateway.catch_up()
    monkeypatch.undo()
    following = Gateway(venue, log, Ledger())
    await following.reconciler.recall()
    await following.catch_up()
    assert following.reconciler.standing.missing_since_ns is None
    await following.reconciler.stop()
    told = [event.last_fill.trade_id for event in log.orders() if event.last_fill is not None]
    assert told == [trade_id for order in orders for trade_id in order.trade_ids()]


async def test_what_is_in_the_log_is_not_published_again_however_much_it_is(gateway: Gateway) -> None:
    """More orders ended since the cursor than the next ledger keeps: of those only what is missing is published."""
    venue, log = gateway.venue, gateway.log
    orders = [venue.place(2) for _ in range(6)]
    for order in orders:
        venue.fill(order)
    for order in orders[:3]:
        venue.fill(order)
    for order in orders[3:]:
        venue.cancel(order)
    lost = {
        venue.frames[index].event_id for index in (-1, -5)
    }  # a cancel, and the last fill of the second order
    for frame in venue.frames:
        if frame.event_id not in lost:
            log.store(frame.received_time_ns, frame.event_id, frame.json)
    venue.frames.clear()
    left = connection_event(ConnectionState.RECEIVING, is_reconciled=False)
    log.last = replace(left, missing_since_ns=EPOCH_NS + SECOND_NS)
    following = Gateway(venue, log, Ledger(max_ended=1))
    await following.reconciler.recall()
    await following.catch_up()
    await following.reconciler.stop()
    told = [event.event_id for event in log.orders()]
    assert lost <= set(told)
    repeated = {event_id for event_id in told if told.count(event_id) > 1}
    touched = {event_id.rsplit(":", 1)[0] for event_id in lost}
    assert {event_id.rsplit(":", 1)[0] for event_id in repeated} <= touched


async def test_a_short_absence_is_no_news(gateway: Gateway) -> None:
    """What happened a moment ago is found by whoever comes next: nobody is told that it is missing."""
    told = []
    gateway.reconciler._statement._on_change = lambda: told.append(gateway.reconciler.standing)
    gateway.venue.fill(gateway.venue.place(1))
    gateway.venue.frames.clear()
    await gateway.catch_up()
    assert told == []


def test_nothing_is_told_to_be_reconciled_before_the_broker_has_it() -> None:
    """The deadline passes while the broker stores nothing: something is missing until it has, and then it is told."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(_stores_late())


async def _stores_late() -> None:
    stored = asyncio.Event()
    gateway = Gateway(MemoryVenue(EPOCH_NS), MemoryLog(refuses_doubles=False), Ledger(), stored=stored.wait)
    await gateway.reconciler.recall()
    await gateway.catch_up()
    assert gateway.reconciler.standing == Standing(None, EPOCH_NS)
    stored.set()
    await eventually(lambda: gateway.reconciler.standing.reconciled_ns is not None)
    assert gateway.reconciler.standing.missing_since_ns is None
    await gateway.reconciler.stop()


def test_what_is_found_after_the_deadline_counts_when_the_broker_has_it() -> None:
    """The records answer too late, and then the broker does not store: something is missing until it has."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(_answers_late_and_stores_late())


async def _answers_late_and_stores_late() -> None:
    asked, stored = asyncio.Event(), asyncio.Event()

    async def store() -> None:
        asked.set()
        await stored.wait()

    venue = MemoryVenue(EPOCH_NS)
    gateway = Gateway(venue, MemoryLog(refuses_doubles=False), Ledger(), stored=store)
    await gateway.reconciler.recall()
    venue.fill(venue.place(1))
    venue.failures = 1_000_000
    await gateway.catch_up()
    assert gateway.reconciler.standing.missing_since_ns == EPOCH_NS
    assert not asked.is_set()
    venue.failures = 0
    await eventually(asked.is_set, 60.0, "asked whether the broker has it")
    assert [event.kind for event in gateway.log.orders()] == [Kind.NEW, Kind.FILLED]
    assert gateway.reconciler.standing == Standing(None, EPOCH_NS)
    stored.set()
    await eventually(lambda: gateway.reconciler.standing.reconciled_ns is not None)
    assert gateway.reconciler.standing.missing_since_ns is None
    await gateway.reconciler.stop()


def test_a_poll_that_the_broker_does_not_store_in_time_says_since_when_once() -> None:
    """Since the last poll that was stored, and not since polling began; the next one has nothing to add."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(_polls_and_stores_late())


async def _polls_and_stores_late() -> None:
    stored = asyncio.Event()
    venue = MemoryVenue(EPOCH_NS)
    gateway = Gateway(venue, MemoryLog(refuses_doubles=False), Ledger(), stored=stored.wait)
    told: list[Standing] = []
    gateway.reconciler._statement._on_change = lambda: told.append(gateway.reconciler.standing)
    await gateway.reconciler.recall()

    async def poll() -> None:
        venue.now_ns += 86_400 * SECOND_NS
        await gateway.reconciler.poll(gateway.inquiry, TABLE)

    stored.set()
    await poll()
    await poll()
    in_step_ns = venue.now_ns
    assert gateway.reconciler.standing == Standing(in_step_ns, None)
    stored.clear()
    told.clear()
    await poll()
    await poll()
    assert told == [Standing(in_step_ns, in_step_ns)]
    stored.set()
    await poll()
    assert told[1:] == [Standing(venue.now_ns, None)]
    await gateway.reconciler.stop()
