"""Order events to the broker: subject, key, identity, headers and stamps. The hot path: run once per event."""

from collections.abc import Callable

from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.errors import PublishError
from fillwire.domain.identifiers import Account
from fillwire.gateway.unstored import Spilled, Unstored
from fillwire.runtime.fill_tracer import AccountTracer
from fillwire.runtime.logs import get_log
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.venues.records import OrderReport
from fillwire.wire.subjects import order_subject

_log = get_log(__name__)

_SUBJECTS_MAX = 50_000  # pairs times kinds of one account; more than any venue lists


class Publication:
    """Publishes one account's order events, in the order in which they come.

    Args:
        account: whose events.
        publisher: shared by all accounts of the process.
        telemetry: counts every fill and traces the sampled ones.
        clock_offset_ns: returns venue clock minus ours, None before it was measured.
        spilled: what the publisher had no room for; None if it spills nothing.

    Attributes:
        unstored: what the broker does not have yet.
    """

    def __init__(
        self,
        account: Account,
        publisher: OrderedPublisher,
        telemetry: FillTelemetry,
        clock_offset_ns: Callable[[], int | None],
        spilled: Spilled | None = None,
    ) -> None:
        self.account = account
        self.clock_offset_ns = clock_offset_ns
        self.published_count = 0
        self.lost_count = 0
        self.unstored = Unstored(spilled)
        self._submit = publisher.submit
        self._subjects: dict[tuple[str, str], str] = {}
        self._tracer = AccountTracer(
            telemetry.tracer,
            exchange=account.exchange,
            environment=account.environment,
            user=account.user,
            clock_offset_ns=clock_offset_ns,
            settle=self.unstored.settle,
        )

    def publish(self, report: OrderReport, parsed_ns: int, frame_bytes: int) -> bool:
        """Publish an event, which is resent until the broker has it; return whether it was taken.

        Args:
            report: the event.
            parsed_ns: when the frame had become an event.
            frame_bytes: size of the frame; 0 for an event that came otherwise.
        """
        place = report.pair, report.kind
        subject = self._subjects.get(place)
        if subject is None:
            subject = self._subject(place)
        event_id = report.event_id
        since_ns = report.transaction_time_ns - (self.clock_offset_ns() or 0)
        order = f"{report.symbol} {report.order_id}"
        sent = self._tracer.sent(report, subject, order, parsed_ns, frame_bytes)
        try:
            is_in_memory = self._submit(
                order,
                subject,
                report.json,
                event_id,
                sent.headers,
                sent.acknowledged,
                since_ns,
            )
        except PublishError as error:
            # Reading stops at half of what the publisher takes, so this is the end of the process or a mistake.
            count = self.lost_count = self.lost_count + 1
            # The 1st, 2nd, 4th, 8th …: what comes in floods is not logged in floods.
            if count & (count - 1) == 0:
                _log.error(
                    "event_not_published",
                    event_id=event_id,
                    account=str(self.account),
                    count=count,
                    error=error,
                )
            return False
        self.published_count += 1
        if is_in_memory:
            sent.number = self.unstored.take(parsed_ns, since_ns)
        else:  # its trace ends in the journal
            self.unstored.spill(parsed_ns, since_ns)
        return True

    def _subject(self, place: tuple[str, str]) -> str:
        if len(self._subjects) >= _SUBJECTS_MAX:
            self._subjects.clear()
        subject = self._subjects[place] = order_subject(self.account, *place)
        return subject
