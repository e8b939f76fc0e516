"""From the log to the ledger: which events of an account are published, and since when it must be compared anew."""

from dataclasses import dataclass, field

from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.ledger import Ledger
from fillwire.gateway.account_log import AccountLog
from fillwire.gateway.sequencer import content_of
from fillwire.venues.records import RecordedReport

_S = 1_000_000_000
# What was stored late, or by a broker whose clock differs, still lies within what is read.
_LOG_MARGIN_NS = 60 * _S
# A symbol without events for so long before the account was lost from sight, and of no open order, is not asked for.
_ACTIVE_NS = 86_400 * _S
MAX_STORED = 500_000  # some 30 MiB


@dataclass(slots=True, kw_only=True)
class Recollection:
    """What the log says.

    Attributes:
        since_ns: executions from here on, by the venue's clock, may be missing; what happened before is in the log or before our time.
        cursor_ns: the same by the gateway's clock, and without the overlap.
        symbols: symbols with events not long before that.
        last_trades: by symbol, the newest execution at or before `since_ns`: trade id and time.
        is_first_contact: whether nothing was ever known of the account.
        stored: digests of the events that were read, `MAX_STORED` at most: the ledger may have forgotten them by the time
            the venue's records are compared.
    """

    since_ns: int
    cursor_ns: int = 0
    symbols: set[str] = field(default_factory=set)
    last_trades: dict[str, tuple[int, str]] = field(default_factory=dict)
    is_first_contact: bool = False
    stored: set[int] = field(default_factory=set)

    def has(self, event_id: str) -> bool:
        """Return whether the event was read in the log; False may also say that there were too many."""
        return hash(event_id) in self.stored

    def note(self, event: OrderEvent) -> None:
        """Take an event of the log."""
        if event.transaction_time_ns >= self.since_ns - _ACTIVE_NS:
            self.symbols.add(event.symbol)
        fill = event.last_fill
        if fill is not None and fill.trade_id.isdigit() and event.transaction_time_ns <= self.since_ns:
            known = self.last_trades.get(event.symbol)
            if known is None or int(fill.trade_id) > int(known[1]):
                self.last_trades[event.symbol] = event.transaction_time_ns, fill.trade_id


async def recollect(  # noqa: PLR0913 - where from, where to, and what is known besides
    log: AccountLog,
    ledger: Ledger,
    last: ConnectionEvent | None,
    *,
    proven_ns: int | None,
    missing_since_ns: int | None,
    beginning_ns: int,
    offset_ns: int,
    overlap_s: float,
) -> Recollection:
    """Read the log into the ledger, and return from where on the venue's records must be compared with it.

    The newest event of the account is the cursor: whoever published it had all before it stored, or said since when
    something was missing. An account that has been idle is compared from when it was last in step.

    Args:
        log: the account's log.
        ledger: takes what the log holds from the cursor on.
        last: the last connection event of whoever held the account before this process.
        proven_ns: until when this process has compared the log with the venue's records, None if it has not.
        missing_since_ns: since when something that this process knows of is missing, None if nothing is.
        beginning_ns: where an account begins that was never connected, by the gateway's clock.
        offset_ns: the venue's clock minus the gateway's.
        overlap_s: how far before the cursor to begin, for what was on its way, in seconds.

    Raises:
        BrokerError: the log cannot be read.
    """
    latest = await log.latest()
    marks = [event.received_time_ns for event in latest]
    marks += [mark for mark in (proven_ns, None if last is None else last.reconciled_ns) if mark is not None]
    cursor_ns = max(marks, default=beginning_ns)
    for missing_ns in (missing_since_ns, None if last is None else last.missing_since_ns):
        if missing_ns is not None:
            cursor_ns = min(cursor_ns, missing_ns)
    overlap_ns = int(overlap_s * _S) if marks else 0
    found = Recollection(
        since_ns=cursor_ns + offset_ns - overlap_ns, cursor_ns=cursor_ns, is_first_contact=not marks
    )
    for event in latest:
        found.note(event)

    def take(event: OrderEvent, json: bytes) -> None:
        report = RecordedReport.of(event, json)
        ledger.restore(report, content_of(report))
        found.note(event)
        if len(found.stored) < MAX_STORED:
            found.stored.add(hash(event.event_id))

    await log.since(found.since_ns - offset_ns - _LOG_MARGIN_NS, take)
    return found
