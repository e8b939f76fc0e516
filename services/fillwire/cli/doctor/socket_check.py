"""Whether the venue tells this account's fills: the real socket with the real protocol, subscribed and closed again."""

import asyncio
import ssl
import time
from collections.abc import Callable
from random import SystemRandom

from fillwire.cli.doctor.advice import refused
from fillwire.cli.doctor.broker_checks import receiving_text, told_of
from fillwire.cli.doctor.case import Case, known
from fillwire.cli.doctor.findings import CannotRun, CheckName, Verdict, ok, skipped
from fillwire.domain.enums import ConnectionState
from fillwire.domain.errors import VenueError
from fillwire.domain.ledger import OrderKey
from fillwire.gateway.link import Link
from fillwire.gateway.pending import Claim
from fillwire.gateway.surroundings import ConnectionPolicy
from fillwire.gateway.valve import Valve
from fillwire.venues.protocol import FrameRefused
from fillwire.venues.records import OrderReport
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import HoldsOneConnection

# A gateway dials, or will in a moment.
_AT_IT = frozenset(ConnectionState) - {ConnectionState.DISCONNECTED, ConnectionState.AUTH_FAILED}


class _Nobody:
    """Takes what a connection brings and keeps nothing of it: no gateway misses it, for each has its own."""

    is_full = False
    queued_count = 0

    def on_room(self, callback: Callable[[], None]) -> None:
        """There is always room."""

    def take(self, report: OrderReport, parsed_ns: int, frame_bytes: int) -> None:
        """Keep nothing of an order event."""

    def doubt(self, key: OrderKey, after_s: float, claim: Claim | None = None) -> None:
        """Look nothing up."""

    def doubt_all(self, reason: str) -> None:
        """Compare nothing."""

    def refuse(self, refused: FrameRefused, again: Callable[[FrameRefused], None]) -> None:
        """Keep nothing of a frame."""


async def check_subscription(case: Case) -> Verdict:
    """Subscribe to the account's stream, unless a gateway has done so: some venues allow one connection."""
    venue = known(case.venue, CheckName.CONFIGURATION)
    settings = known(case.settings, CheckName.CONFIGURATION)
    policy = ConnectionPolicy.of(settings, case.account.exchange)
    if not policy.streams:
        return skipped("live detection is switched off, so there is no socket to try")
    if case.bus is None:
        raise CannotRun(
            "without the broker nobody knows whether a gateway receives, which a second connection might disturb"
        )
    event = await told_of(case.bus, case.account)
    if event is not None and event.is_connected:
        return ok(f"not tried, for {receiving_text(event)}")
    if isinstance(venue, HoldsOneConnection) and event is not None and event.state in _AT_IT:
        raise CannotRun(
            f"{venue.exchange} holds one connection for each account, and {event.gateway} is about to have it: "
            f"{event.state}"
        )
    inquiry = case.inquiry()
    if not case.is_accepted:
        raise CannotRun("the key was not accepted")
    environment = case.answering()
    venue_account = known(case.venue_account, CheckName.KEY)
    symbols = known(case.symbols, CheckName.SYMBOLS)
    nobody = _Nobody()
    began_s = time.monotonic()
    link = Link(
        venue=case.account.exchange,
        protocol=venue_account.protocol(
            symbols=symbols,
            pairs=_pairs(case.wanted or frozenset(), symbols),
            limits=policy.limits(venue.lifetime_s, SystemRandom()),
            clock_offset_ns=environment.reference.clock_offset_ns or 0,
            dialled_ns=time.time_ns(),
        ),
        intake=nobody,
        rest=environment.rest,
        clock_offset_ns=lambda: environment.reference.clock_offset_ns or 0,
        valve=Valve(nobody),
        explain=venue.error,
        on_opened=lambda: None,
        on_authenticated=lambda: None,
        on_clock=lambda _offset_ns, _round_trip_ns: None,
        on_throttled=environment.ban.note,
    )
    url = environment.endpoints.websocket_url
    try:
        url = await inquiry.answer(venue_account.address())
        tls = ssl.create_default_context() if url.startswith("wss:") else None
        await link.connect(url, policy.connect_timeout_s, tls)
        took_s = time.monotonic() - began_s
    except VenueError as error:
        return refused(error, url, case.account.environment)
    finally:
        await asyncio.shield(link.close())
    return ok(f"the venue acknowledged the stream after {took_s:.2f} s; the connection is closed again")


def _pairs(wanted: frozenset[str], symbols: SymbolTable) -> frozenset[str]:
    """Return pairs to subscribe to, where the stream is of some symbols only: one, if no bot wants any."""
    listed = frozenset(pair for pair in wanted if pair in symbols.symbols)
    return listed or frozenset([next(iter(symbols.symbols))])
