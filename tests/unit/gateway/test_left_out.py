"""A symbol that the venue does not tell of keeps nobody else waiting, and is asked for until it does."""

from collections.abc import AsyncIterator

import pytest

from fillwire.domain.enums import Kind
from fillwire.domain.errors import SubscriptionRejected
from fillwire.domain.ledger import Ledger
from fillwire.gateway.left_out import LeftOut
from fillwire.gateway.recollection import Recollection
from fillwire.venues.symbols import SymbolTable
from support.memory_venue import OTHER_SYMBOL, PAIR, SECOND_NS, SYMBOL, MemoryVenue
from support.order_events import EPOCH_NS
from support.reconciling import Gateway, MemoryLog


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway that is connected to an account with one order on each of two symbols, both told by the stream."""
    venue = MemoryVenue(EPOCH_NS)
    gateway = Gateway(venue, MemoryLog(refuses_doubles=False), Ledger())
    await gateway.reconciler.recall()
    await gateway.catch_up()
    for symbol in (OTHER_SYMBOL, SYMBOL):
        venue.place(2, symbol)
        gateway.sequencer.take(venue.frames.pop(), 0, 0)
    yield gateway
    await gateway.reconciler.stop()


def _fill_unseen(gateway: Gateway) -> None:
    for order in gateway.venue.orders:
        gateway.venue.fill(order)
    gateway.venue.frames.clear()


def _told(gateway: Gateway) -> list[tuple[str, Kind]]:
    return [(event.symbol, event.kind) for event in gateway.log.orders() if event.last_fill is not None]


async def test_a_sweep_goes_on_behind_a_symbol_that_is_refused(gateway: Gateway) -> None:
    """The first symbol by name is refused: the other's execution is found all the same, and the audit is made."""
    _fill_unseen(gateway)
    gateway.venue.refused.add(OTHER_SYMBOL)
    assert not await gateway.sweep()
    assert _told(gateway) == [(SYMBOL, Kind.PARTIALLY_FILLED)]
    assert not gateway.reconciler._agenda.is_audit_due
    assert not gateway.reconciler._agenda.is_sweep_due


async def test_what_was_missed_of_a_symbol_is_found_when_the_venue_tells_of_it_again(
    gateway: Gateway,
) -> None:
    """However many sweeps of the others came between: it is compared from where it was left."""
    _fill_unseen(gateway)
    gateway.venue.refused.add(OTHER_SYMBOL)
    for _ in range(3):
        gateway.venue.now_ns += 3600 * SECOND_NS
        assert not await gateway.sweep()
    gateway.venue.refused.clear()
    assert await gateway.sweep()
    assert _told(gateway) == [(SYMBOL, Kind.PARTIALLY_FILLED), (OTHER_SYMBOL, Kind.PARTIALLY_FILLED)]


async def test_an_order_that_nobody_knew_is_found_on_a_symbol_that_was_left_out(gateway: Gateway) -> None:
    """Placed and filled while the symbol was refused, and long before it was told of again: no other sweep looks back so far."""
    gateway.venue.refused.add(OTHER_SYMBOL)
    assert not await gateway.sweep()
    order = gateway.venue.place(1, OTHER_SYMBOL)
    gateway.venue.fill(order)
    gateway.venue.frames.clear()
    for _ in range(3):
        gateway.venue.now_ns += 3600 * SECOND_NS
        assert not await gateway.sweep()
    gateway.venue.refused.clear()
    assert await gateway.sweep()
    assert _told(gateway) == [(OTHER_SYMBOL, Kind.FILLED)]


async def test_who_catches_up_without_a_symbol_says_since_when_it_is_missing(gateway: Gateway) -> None:
    """The others are in step; a person is told which symbol is not."""
    alerts: list[str] = []
    gateway.reconciler._statement._alert = alerts.append
    _fill_unseen(gateway)
    gateway.venue.refused.add(OTHER_SYMBOL)
    await gateway.catch_up()
    assert _told(gateway) == [(SYMBOL, Kind.PARTIALLY_FILLED)]
    missing_ns = gateway.reconciler.standing.missing_since_ns
    assert missing_ns is not None
    assert missing_ns <= EPOCH_NS + 2 * SECOND_NS
    assert [OTHER_SYMBOL in alert for alert in alerts] == [True]
    await gateway.catch_up()
    assert (
        gateway.reconciler.standing.missing_since_ns == missing_ns
    )  # and does not move with each connection
    gateway.venue.refused.clear()
    assert await gateway.sweep()
    assert gateway.reconciler.standing.missing_since_ns is None
    assert (OTHER_SYMBOL, Kind.PARTIALLY_FILLED) in _told(gateway)


async def test_the_audit_is_made_though_the_sweep_fails(gateway: Gateway) -> None:
    """All open orders at once may not be asked for; those of the symbols in use may."""
    _fill_unseen(gateway)
    gateway.venue.refused.add(None)
    with pytest.raises(SubscriptionRejected):
        await gateway.sweep()
    assert {symbol for symbol, _ in gateway.reconciler._pending.keys} == {SYMBOL, OTHER_SYMBOL}
    assert gateway.reconciler._agenda.is_sweep_due


async def test_an_audit_doubts_no_order_of_a_symbol_that_is_refused(gateway: Gateway) -> None:
    """That nothing is shown says nothing."""
    gateway.venue.refused.add(OTHER_SYMBOL)
    await gateway.reconciler._compare.audit(0.0)
    assert len(gateway.reconciler._pending) == 0


async def test_a_loss_that_is_told_during_a_sweep_has_another_made(gateway: Gateway) -> None:
    """The sweep may have asked already what the lost events would have told."""

    def lose() -> None:
        gateway.venue.on_request = lambda: None
        gateway.reconciler.note_loss("a frame could not be read")

    gateway.venue.on_request = lose
    await gateway.sweep()
    assert gateway.reconciler._agenda.is_sweep_due


async def test_a_symbol_that_is_listed_no_more_is_missed_only_while_an_order_of_it_is_open(
    gateway: Gateway,
) -> None:
    """What has ended there cannot go on, and must not have the account told to miss something for ever."""
    venue = gateway.venue
    venue.refused.add(OTHER_SYMBOL)
    assert not await gateway.sweep()
    gateway.reconciler.use_symbols(SymbolTable.of([(SYMBOL, PAIR)]))
    assert not await gateway.sweep()
    venue.cancel(venue.orders[0])
    gateway.sequencer.take(venue.frames.pop(), 0, 0)
    assert await gateway.sweep()
    assert await gateway.sweep()


def test_a_symbol_is_asked_for_ever_less_often_and_from_the_earliest_time() -> None:
    """After 1, 2, 4, 4 seconds; what is read of it never shrinks."""
    now_s = 0.0
    left = LeftOut(lambda: now_s, 1.0, 4.0)
    left.add("BTCUSDT", Recollection(since_ns=7, cursor_ns=9), reads_executions=False)
    asked_s: list[float] = []
    while now_s < 12.0:
        for symbol, _, _ in left.to_sweep(is_due=True):
            asked_s.append(now_s)
            left.postpone(symbol)
        assert left.next_due_s is not None
        now_s = left.next_due_s
    assert asked_s == [1.0, 2.0, 4.0, 8.0]
    left.add("BTCUSDT", Recollection(since_ns=5, cursor_ns=6), reads_executions=True)
    left.add("BTCUSDT", Recollection(since_ns=8, cursor_ns=9), reads_executions=False)
    assert left.to_sweep(is_due=False) == [("BTCUSDT", Recollection(since_ns=5, cursor_ns=6), True)]
    assert (left.oldest_s, left.cursor_ns, str(left)) == (0.0, 6, "1 symbols, such as BTCUSDT")
    left.discard("BTCUSDT")
    assert (len(left), left.next_due_s, left.oldest_s, left.cursor_ns) == (0, None, None, None)
