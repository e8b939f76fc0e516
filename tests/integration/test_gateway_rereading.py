"""Events of a frame that was refused once, long after: judged as if the gateway had never forgotten their order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.enums import Kind
from fillwire.gateway.account_log import AccountLog
from fillwire.gateway.pipeline import Pipeline
from fillwire.gateway.publication import Publication
from fillwire.gateway.quarantine import Quarantine
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.venues.records import RecordedReport
from fillwire.wire.codec import decode_order
from support.order_events import ALICE, order_life
from support.publishing import publish

LIFE = order_life("7", "0.1", "0.2", "0.3", "0.5")
REPORTS = [RecordedReport.of(event) for event in LIFE]


async def nothing() -> None:
    """Wait for nothing."""


@asynccontextmanager
async def pipeline(bus: Bus) -> AsyncIterator[Pipeline]:
    """Run the pipeline of a gateway that has just been started and knows nothing."""
    telemetry = FillTelemetry.start("fillwire-gateway", "test", sample_ratio=0.0)
    async with OrderedPublisher(bus) as publisher:
        made = Pipeline(
            Publication(ALICE, publisher, telemetry, lambda: 0),
            Quarantine(ALICE, publisher, "gateway-test", lambda _: None),
            nothing,
            AccountLog(bus, ALICE),
            ReconcilePolicy(),
            room=nothing,
            pairs=lambda: (),
            alert=lambda _: None,
        )
        yield made
        await made.stop()


async def logged(bus: Bus) -> list[str]:
    """Return the event ids in the log, in its order."""
    found: list[str] = []
    await read_stream(
        bus, "ORDERS", "orders.>", "all", lambda message: found.append(decode_order(message.data).event_id)
    )
    return found


@pytest.mark.parametrize("index", range(len(LIFE)))
async def test_what_the_log_has_is_known_though_the_gateway_has_forgotten_it(bus: Bus, index: int) -> None:
    """Any event of an order that has ended, by a gateway that never heard of it, is known and not published again."""
    await publish(bus, *LIFE)
    before = await logged(bus)
    async with pipeline(bus) as forgetful:
        ways = await forgetful.take_again([REPORTS[index]], 100)
    assert set(ways) <= {"duplicate", "stale"}
    assert ways.total() == 1
    assert await logged(bus) == before


async def test_the_one_execution_that_the_log_lacks_is_published(bus: Bus) -> None:
    """The last execution of an order lay in quarantine: it fits onto what the log has, and is published once."""
    await publish(bus, *LIFE[:-1])
    async with pipeline(bus) as forgetful:
        assert await forgetful.take_again([REPORTS[-1]], 100) == {"published": 1}
        assert await forgetful.take_again([REPORTS[-1]], 100) == {"duplicate": 1}
    assert await logged(bus) == [event.event_id for event in LIFE]


async def test_executions_wait_for_those_before_them(bus: Bus) -> None:
    """Replayed out of order they are published in the order's own order."""
    async with pipeline(bus) as forgetful:
        assert await forgetful.take_again([REPORTS[2]], 100) == {"gap": 1}
        assert await forgetful.take_again(REPORTS[:2], 100) == {"published": 2}
    assert await logged(bus) == [event.event_id for event in LIFE[:3]]
    assert LIFE[2].kind is Kind.PARTIALLY_FILLED


async def test_of_many_orders_of_a_pair_only_the_one_is_read_back(bus: Bus) -> None:
    """Orders whose ids begin alike are not mistaken for each other."""
    others = [event for number in ("77", "70", "17") for event in order_life(number, "0.2", "0.5")]
    await publish(bus, *others, *LIFE)
    found: list[str] = []
    await AccountLog(bus, ALICE).of_order("BTC-USDT", "7", lambda event, _: found.append(event.event_id))
    assert found == [event.event_id for event in LIFE]
