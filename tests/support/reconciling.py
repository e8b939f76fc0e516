"""A gateway's ledger, sequencer and reconciler between a venue and a log in memory: no socket, no broker, no clock."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.ledger import Gap, Ledger, OrderKey
from fillwire.gateway.ban import Ban
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.rationing import RationedRest
from fillwire.gateway.reconcile import Reconciler
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.gateway.sequencer import Sequencer
from fillwire.gateway.weights import WeightBudget
from fillwire.venues.binance.auth import signer
from fillwire.venues.binance.records import BinanceRecords
from fillwire.venues.binance.venue import BinanceSpot
from fillwire.venues.records import OrderReport
from fillwire.venues.symbols import SymbolTable
from fillwire.wire.codec import decode_order
from support.memory_venue import OTHER_PAIR, OTHER_SYMBOL, PAIR, SYMBOL, MemoryVenue
from support.order_events import ALICE, connection_event

if TYPE_CHECKING:
    from fillwire.gateway.account_log import AccountLog
    from fillwire.gateway.rest import RestClient

OVERLAP_S = 40
POLICY = ReconcilePolicy(overlap_s=OVERLAP_S, deadline_s=0.02, retry_first_s=0.001, grace_s=0.0)
TABLE = SymbolTable.of([(SYMBOL, PAIR), (OTHER_SYMBOL, OTHER_PAIR)])


class MemoryLog:
    """The log of one account, and what its gateway last told of it: `AccountLog` without a broker.

    Args:
        refuses_doubles: whether it knows ids, as the broker does for some minutes.
    """

    def __init__(self, *, refuses_doubles: bool) -> None:
        self.events: list[tuple[int, bytes]] = []
        self.last: ConnectionEvent | None = None
        self._ids: set[str] | None = set() if refuses_doubles else None

    def store(self, time_ns: int, event_id: str, json: bytes) -> None:
        """Store an event."""
        if self._ids is not None:
            if event_id in self._ids:
                return
            self._ids.add(event_id)
        self.events.append((time_ns, json))

    async def last_connection(self) -> ConnectionEvent | None:
        """Return what was told last."""
        return self.last

    async def latest(self) -> list[OrderEvent]:
        """Return the newest event of each pair and kind."""
        newest = {(event.pair, event.kind): event for event in self.orders()}
        return list(newest.values())

    async def since(
        self, stored_ns: int, receive: Callable[[OrderEvent, bytes], None], _pair: str | None = None
    ) -> None:
        """Hand out what was stored since then."""
        for time_ns, json in self.events:
            if time_ns >= stored_ns:
                receive(decode_order(json), json)

    def orders(self) -> list[OrderEvent]:
        """Return all events."""
        return [decode_order(json) for _, json in self.events]


class VenueClockInquiry(Inquiry):
    """An inquiry that signs by the venue's own clock."""

    venue: MemoryVenue

    def now_ns(self) -> int:
        """Return the venue's time."""
        return self.venue.now_ns


class Gateway:
    """One process's part: ledger, sequencer, reconciler; all forgotten when it ends."""

    def __init__(
        self,
        venue: MemoryVenue,
        log: MemoryLog,
        ledger: Ledger,
        stored: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.venue = venue
        self.log = log
        self.contradictions: list[str] = []
        self.settled: list[OrderKey] = []
        self.sequencer = Sequencer(
            ledger,
            self._publish,
            lambda report, reason: self.contradictions.append(f"{report.event_id}: {reason}"),
            self._note_gap,
            self._note_doubt,
            max_buffered=7,
            max_waiting=3,
        )
        self.reconciler = Reconciler(
            ALICE,
            cast("AccountLog", log),
            self.sequencer,
            POLICY,
            room=self._nothing,
            pairs=lambda: [PAIR],
            stored=stored or self._nothing,
            alert=lambda _: None,
            on_standing=self._note_standing,
            on_settled=lambda order: self.settled.append(order.key),
            now_ns=lambda: venue.now_ns,
        )
        records = BinanceRecords(ALICE, signer("key", "secret"), page_size=3)
        self.inquiry = VenueClockInquiry(
            records,
            RationedRest(BinanceSpot(), cast("RestClient", venue), WeightBudget(10**9), Ban("binance")),
            lambda: 0,
            self._nothing,
        )
        self.inquiry.venue = venue

    def _note_gap(self, gap: Gap) -> None:
        self.reconciler.note_gap(gap)

    def _note_doubt(self, key: OrderKey) -> None:
        self.reconciler.note_doubt(key)

    async def _nothing(self) -> None:
        """Have room, have stored everything, have the right time."""

    def _publish(self, report: OrderReport, _parsed_ns: int, _frame_bytes: int) -> bool:
        self.log.store(self.venue.now_ns, report.event_id, report.json)
        return True

    def _note_standing(self) -> None:
        standing = self.reconciler.standing
        self.log.last = replace(
            connection_event(ConnectionState.RECEIVING, is_reconciled=False), **standing._asdict()
        )

    async def catch_up(self) -> None:
        """Do what a new connection does."""
        await self.reconciler.catch_up(self.inquiry, TABLE, is_successor=False)
        self._note_standing()

    async def sweep(self) -> bool:
        """Do what is done now and then; return whether nothing is missing."""
        self.reconciler._agenda._sweeps_at_s = [0.0]
        self.reconciler._agenda._audit_at_s = 0.0
        await self.reconciler._do_due()
        await self.reconciler._compare.sweep_left_out(0.0, is_due=False)
        await self.reconciler._compare.settle_pending(self.reconciler._sweeping.floor_ns, is_due=False)
        self.reconciler._tell_standing()
        if not self.reconciler._is_unsettled and self.reconciler._storing.is_open:
            await self.reconciler._storing.wait()
            self.reconciler._tell_standing()
        return not self.reconciler._is_unsettled
