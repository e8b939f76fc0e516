"""An order whose row cannot be read keeps no other waiting, and is looked up until it can."""

from collections.abc import AsyncIterator

import pytest

from fillwire.domain.enums import Kind
from fillwire.domain.ledger import Ledger
from support.memory_venue import SYMBOL, MemoryVenue
from support.order_events import EPOCH_NS
from support.reconciling import Gateway, MemoryLog


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway that is connected to an account on which nothing has happened."""
    gateway = Gateway(MemoryVenue(EPOCH_NS), MemoryLog(refuses_doubles=False), Ledger())
    await gateway.reconciler.recall()
    await gateway.catch_up()
    yield gateway
    await gateway.reconciler.stop()


async def test_an_order_that_cannot_be_read_keeps_no_other_waiting(gateway: Gateway) -> None:
    """Nobody knew either of two orders: one is found at once, the other as soon as its row can be read."""
    venue = gateway.venue
    bad, good = venue.place(1), venue.place(1)
    for order in (bad, good):
        venue.fill(order)
    venue.garbled.add(bad.order_id)
    assert not await gateway.sweep()
    told = [(event.order_id, event.kind) for event in gateway.log.orders()]
    assert told == [(str(good.order_id), Kind.NEW), (str(good.order_id), Kind.FILLED)]
    assert gateway.reconciler._pending.keys == [(SYMBOL, str(bad.order_id))]
    venue.garbled.clear()
    assert await gateway.sweep()
    told = [(event.order_id, event.kind) for event in gateway.log.orders()]
    assert told[2:] == [(str(bad.order_id), Kind.NEW), (str(bad.order_id), Kind.FILLED)]


async def test_an_audit_has_an_order_looked_up_that_it_cannot_read(gateway: Gateway) -> None:
    """It is open, and nobody knows it; another one on its symbol is known."""
    venue = gateway.venue
    venue.place(1)
    gateway.sequencer.take(venue.frames.pop(), 0, 0)
    bad = venue.place(1)
    venue.garbled.add(bad.order_id)
    await gateway.reconciler._compare.audit(0.0)
    assert gateway.reconciler._pending.keys == [(SYMBOL, str(bad.order_id))]
