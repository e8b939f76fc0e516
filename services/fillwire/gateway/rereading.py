"""Reading a frame that was refused once: apart from any connection, by today's parser and symbols."""

import asyncio

from fillwire.domain.errors import ConfigError, FrameError, VenueError
from fillwire.domain.readings import FrameReading, ReadingOutcome
from fillwire.gateway.pending import Claim
from fillwire.gateway.pipeline import Pipeline
from fillwire.gateway.surroundings import Environment
from fillwire.venues.protocol import OrderDoubted
from fillwire.venues.venue import VenueAccount

_STORE_DEADLINE_S = 10.0


async def read_again(
    frame: bytes,
    received_time_ns: int,
    venue_account: VenueAccount,
    environment: Environment,
    pipeline: Pipeline,
) -> FrameReading:
    """Read the frame, let its events take their usual way, and return what became of them.

    What the frame says besides of order events is over, and passed over.

    Raises:
        BrokerError: the log cannot be read.
    """
    reference = environment.reference
    try:
        symbols = await reference.ready()
        reports = venue_account.read_frame(frame, received_time_ns, symbols, reference.clock_offset_ns or 0)
    except FrameError as error:
        return FrameReading(outcome=ReadingOutcome.REFUSED, reason=str(error))
    except (ConfigError, VenueError) as error:
        return FrameReading(outcome=ReadingOutcome.FAILED, reason=f"not read: {error}")
    doubted = [report for report in reports if isinstance(report, OrderDoubted)]
    for report in doubted:
        pipeline.doubt(report.key, 0.0, Claim.of(report))
    ways = await pipeline.take_again(
        [report for report in reports if not isinstance(report, OrderDoubted)], len(frame)
    )
    try:  # whoever notes the frame as read must not do so before the log has its events
        async with asyncio.timeout(_STORE_DEADLINE_S):
            await pipeline.stored()
    except TimeoutError:
        reason = f"read, but not acknowledged by the broker within {_STORE_DEADLINE_S:g} s: ask again"
        return FrameReading(outcome=ReadingOutcome.FAILED, reason=reason)
    is_contradicted = bool(ways["conflict"])
    return FrameReading(
        outcome=ReadingOutcome.REFUSED if is_contradicted else ReadingOutcome.READ,
        published_count=ways["published"],
        known_count=ways["duplicate"] + ways["stale"],
        waiting_count=ways["gap"] + ways["dropped_behind_gap"] + len(doubted),
        reason="contradicts what was published, see the newest frame in quarantine"
        if is_contradicted
        else None,
    )
