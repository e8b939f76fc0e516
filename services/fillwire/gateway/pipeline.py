"""One account's way from what a connection brought to the broker.

    connection ──take──▶ sequencer ──publish──▶ publication ──▶ ORDERS
               ──refuse─▶           ──keep────▶ quarantine  ──▶ QUARANTINE
    venue's records ──▶ reconciler ──▶ sequencer

The pipeline decides what becomes of each event; the connections before it and the publication behind it decide
nothing. `catch_up` is awaited on every connection between the venue's acknowledgement of the stream and the state
`receiving`.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from fillwire.domain.enums import ErrorClass, Kind
from fillwire.domain.errors import FrameError, VenueError
from fillwire.domain.events import OrderEvent
from fillwire.domain.ledger import Gap, KnownOrder, Ledger, OrderKey
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from fillwire.gateway.account_log import AccountLog
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.pending import Claim
from fillwire.gateway.publication import Publication
from fillwire.gateway.quarantine import Quarantine
from fillwire.gateway.reconcile import Reconciler
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.gateway.sequencer import Sequencer, content_of
from fillwire.gateway.standing import Standing
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel
from fillwire.venues.protocol import FrameRefused
from fillwire.venues.records import OrderReport, OrderRow, RecordedReport
from fillwire.venues.symbols import SymbolTable

_log = get_log(__name__)

UNKNOWN_SYMBOL = "unknown_symbol"
CONTRADICTION = "contradiction"
MAX_HELD_FRAMES = 1000
MAX_HELD_BYTES = 4 << 20

ReadAgain = Callable[[FrameRefused], None]


class Progress(NamedTuple):
    """How far one account's events have come.

    Attributes:
        unsettled_count: orders, and symbols, on which the log and the records do not agree yet.
        unsettled_s: for how long the oldest of those has not been settled, in seconds.
        published_count: events handed to the broker.
        lost_count: events that could not be.
    """

    unsettled_count: int
    unsettled_s: float
    published_count: int
    lost_count: int


class Pipeline:
    """Publishes what is sound, once and in order; keeps what is not; fetches what is missing.

    Frames of an unknown symbol get a second reading.

    Args:
        publication: publishes order events.
        quarantine: keeps refused frames, and events that contradict what was published.
        fetch_symbols: fetches the venue's symbols anew; when it returns, connections read by them.
        log: reads what was published.
        policy: how the log is kept in step with the venue's records.
        room: awaited until the broker takes more.
        pairs: returns the pairs that bots listen to.
        alert: tells a person that something stays missing.

    Attributes:
        on_standing: called when `standing` has changed by itself.
        on_settled: told of each order that is in step with the venue's records, as they show it.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        publication: Publication,
        quarantine: Quarantine,
        fetch_symbols: Callable[[], Awaitable[object]],
        log: AccountLog,
        policy: ReconcilePolicy,
        *,
        room: Callable[[], Awaitable[None]],
        pairs: Callable[[], Iterable[str]],
        alert: Callable[[str], None],
    ) -> None:
        self._account = publication.account
        self._publication = publication
        self._log = log
        self._quarantine = quarantine
        self._fetch_symbols = fetch_symbols
        self.on_standing: Callable[[], None] = _nobody
        self.on_settled: Callable[[OrderRow], None] = _nobody_of
        self._sequencer = Sequencer(
            Ledger(),
            publication.publish,
            self._contradict,
            self._note_gap,
            self._note_doubt,
        )
        self._reconciler = Reconciler(
            publication.account,
            log,
            self._sequencer,
            policy,
            room=room,
            pairs=pairs,
            alert=alert,
            stored=publication.unstored.stored,
            on_standing=self._tell_standing,
            on_settled=self._note_settled,
        )
        self._held: deque[tuple[FrameRefused, ReadAgain]] = deque()
        self._held_bytes = 0
        self._is_second_reading = False
        self._fetching: asyncio.Task[None] | None = None

    def take(self, report: OrderReport, parsed_ns: int, frame_bytes: int) -> None:
        """Take an order event; see `Publication.publish`."""
        self._sequencer.take(report, parsed_ns, frame_bytes)

    def doubt(self, key: OrderKey, after_s: float, claim: Claim | None = None) -> None:
        """Have an order looked up in the venue's records, in so many seconds, until they meet the claim."""
        self._reconciler.note_doubt(key, after_s, claim)

    def placed(self, request: OrderRequest, symbols: SymbolTable) -> TradeOrder | None:
        """Return the answer to an order of which the log has events, for a venue that does not show it; None if it has none."""
        symbol = symbols.symbols.get(request.pair, "")
        order = self.known(symbol, client_order_id=request.client_order_id)
        if order is None or order.ending is Kind.REJECTED:
            return None
        return TradeOrder(
            outcome=Outcome.ACCEPTED,
            pair=request.pair,
            client_order_id=request.client_order_id,
            order_id=order.key[1],
            cumulative_quantity=order.cumulative,
        )

    def known(
        self, symbol: str, order_id: str | None = None, client_order_id: str | None = None
    ) -> KnownOrder | None:
        """Return what the log knows of an order, named by the venue's id or by the client's; None if nothing."""
        ledger = self._sequencer.ledger
        if order_id is not None:
            return ledger.get((symbol, order_id))
        return None if client_order_id is None else ledger.named(symbol, client_order_id)

    def doubt_all(self, reason: str) -> None:
        """Have everything compared with the venue's records, for events were lost."""
        self._reconciler.note_loss(reason)

    def _note_gap(self, gap: Gap) -> None:
        self._reconciler.note_gap(gap)

    def _note_doubt(self, key: OrderKey) -> None:
        self._reconciler.note_doubt(key)

    def _tell_standing(self) -> None:
        self.on_standing()

    def _note_settled(self, order: OrderRow) -> None:
        self.on_settled(order)

    def _contradict(self, report: OrderReport, reason: str) -> None:
        """Keep an event of which the identity was published with another content, or that claims what another has."""
        error = FrameError(
            venue=self._account.exchange,
            error_class=ErrorClass.SUSPICIOUS,
            code=CONTRADICTION,
            field=None,
            offset=0,
            message=f"event {report.event_id} contradicts what was published: {reason}",
            symbol=report.symbol,
            order_id=report.order_id,
        )
        self._quarantine.keep(FrameRefused(report.json, report.received_time_ns, error))

    def refuse(self, refused: FrameRefused, again: ReadAgain) -> None:
        """Take a frame that could not be read.

        One whose symbol is unknown waits while the symbols are fetched, and is then read once more with those that
        came after it, in their order; no more wait than `MAX_HELD_FRAMES` and `MAX_HELD_BYTES`.
        """
        if (
            refused.error.code == UNKNOWN_SYMBOL
            and not self._is_second_reading
            and len(self._held) < MAX_HELD_FRAMES
            and self._held_bytes + len(refused.frame) <= MAX_HELD_BYTES
        ):
            self._held.append((refused, again))
            self._held_bytes += len(refused.frame)
            if self._fetching is None:
                self._fetching = asyncio.get_running_loop().create_task(
                    self._read_again(), name="second reading"
                )
        else:
            self._quarantine.keep(refused)

    async def _read_again(self) -> None:
        try:
            await self._fetch_symbols()
        except VenueError as error:  # the frames are kept in quarantine, and can be replayed from there
            _log.warning("symbols_not_fetched", error=error, held=len(self._held))
        finally:
            self._fetching = None
            self._release()

    def _release(self) -> None:
        self._is_second_reading = True
        try:
            while self._held:
                refused, again = self._held.popleft()
                self._held_bytes -= len(refused.frame)
                again(refused)
        finally:
            self._is_second_reading = False

    async def take_again(self, reports: Iterable[OrderReport], frame_bytes: int) -> Counter[str]:
        """Take the events of a frame that was refused once; return how many took which way, by `Sequencer.counts`.

        They may be old. An order that the ledger has forgotten is read back from the log before it is judged.

        Raises:
            BrokerError: the log cannot be read.
        """
        ways: Counter[str] = Counter()
        for report in reports:
            if self._sequencer.ledger.get((report.symbol, report.order_id)) is None:
                await self._log.of_order(report.pair, report.order_id, self._remember)
            counts, published_count = self._sequencer.counts.copy(), self._publication.published_count
            self._sequencer.take(report, time.time_ns(), frame_bytes)
            if self._publication.published_count > published_count:
                ways["published"] += 1
            else:  # nothing is counted of what waits for the end of catching up
                ways += (self._sequencer.counts - counts) or Counter(gap=1)
        return ways

    async def stored(self) -> None:
        """Wait until the broker has everything that was published so far."""
        await self._publication.unstored.stored()

    def _remember(self, event: OrderEvent, json: bytes) -> None:
        report = RecordedReport.of(event, json)
        self._sequencer.ledger.restore(report, content_of(report))

    @property
    def standing(self) -> Standing:
        """How the log stands against the venue's records; what the broker has not stored for long is missing as well."""
        return self._reconciler.standing.missing_from(self._publication.unstored.overdue_since_ns())

    @property
    def progress(self) -> Progress:
        """How far the account's events have come."""
        return Progress(
            self._reconciler.unsettled_count,
            self._reconciler.unsettled_s,
            self._publication.published_count,
            self._publication.lost_count,
        )

    async def recall(self) -> None:
        """Read how the account was left, before anything new is told of it."""
        await self._reconciler.recall()

    async def catch_up(self, inquiry: Inquiry, symbols: SymbolTable, *, is_successor: bool) -> None:
        """Bring the log up to the venue's own records; see `Reconciler.catch_up`."""
        await self._reconciler.catch_up(inquiry, symbols, is_successor=is_successor)

    async def poll(self, inquiry: Inquiry, symbols: SymbolTable) -> None:
        """Bring the log up to the venue's own records once, without a connection; see `Reconciler.poll`."""
        await self._reconciler.poll(inquiry, symbols)

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Name pairs by this table from now on."""
        self._reconciler.use_symbols(symbols)

    def lost(self) -> None:
        """Note that the account has no connection."""
        self._reconciler.lost()

    async def stop(self) -> None:
        """Let nothing wait any longer: frames that are held go to quarantine; gaps are found again by the next start."""
        await cancel(self._fetching)
        await self._reconciler.stop()
        self._quarantine.stop()


def _nobody() -> None:
    """Tell nobody yet."""


def _nobody_of(_order: OrderRow) -> None:
    """Tell nobody yet."""
