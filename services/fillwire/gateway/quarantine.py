"""Keeps what a venue sent and nobody could accept: whole, with the reason, counted, told, and never in the way."""

from collections import Counter
from collections.abc import Callable

from fillwire.bus.connection import Bus
from fillwire.bus.lookup import stored_message
from fillwire.bus.publisher import OrderedPublisher, PublishOutcome
from fillwire.domain.errors import DecodeError, PublishError
from fillwire.domain.identifiers import Account
from fillwire.runtime.alerting import AlertLimiter
from fillwire.runtime.logs import get_log
from fillwire.venues.protocol import FrameRefused
from fillwire.wire.refused_frames import RefusedFrame, parse_refused_frame, refused_frame_id
from fillwire.wire.subjects import parse_quarantine_subject, quarantine_subject

_log = get_log(__name__)

STREAM = "QUARANTINE"
MAX_WAITING = 2000
MAX_WAITING_BYTES = 4 << 20
_LANES = 16  # frames of one account on their way at once


class Quarantine:
    """The refused frames of one account.

    What waits for the broker is bounded, because it shares the publisher with the order events: a frame beyond the
    bound is counted and dropped, and its loss is told. Frames that wait never stop the socket from being read.

    Args:
        account: whose connection they came on.
        publisher: shared by all accounts of the process.
        gateway: name of this process.
        alert: tells a person, with a reason; called seldom.
        max_waiting: frames that may wait for the broker.
        max_waiting_bytes: and their bytes.

    Attributes:
        counts: frames refused so far, by the code of their defect.
        dropped_counts: those of them that were not kept, because too many waited.
        class_counts: frames refused so far, by the class of their defect.
    """

    def __init__(  # noqa: PLR0913 - whose, where to, whom to tell, and two bounds
        self,
        account: Account,
        publisher: OrderedPublisher,
        gateway: str,
        alert: Callable[[str], None],
        *,
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self._account = account
        self._publisher = publisher
        self._gateway = gateway
        self._alerts = AlertLimiter(alert)
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting = 0
        self._waiting_bytes = 0
        self._kept = 0
        self.counts: Counter[str] = Counter()
        self.dropped_counts: Counter[str] = Counter()
        self.class_counts: Counter[str] = Counter()

    @property
    def waiting_count(self) -> int:
        """Frames that the broker does not have yet."""
        return self._waiting

    def keep(self, refused: FrameRefused) -> bool:
        """Keep a frame, or with too many waiting only count it; return whether it is kept."""
        error = refused.error
        count = self.counts[error.code] = self.counts[error.code] + 1
        self.class_counts[error.error_class] += 1
        is_kept = self._submit(refused)
        if not is_kept:
            self.dropped_counts[error.code] += 1
        dropped = self.dropped_counts[error.code]
        # The 1st, 2nd, 4th, 8th …: a flood of them must not become a flood of logs.
        if count & (count - 1) == 0:
            _log.warning(
                "frame_refused",
                account=str(self._account),
                code=error.code,
                count=count,
                dropped=dropped,
                error=error,
            )
        lost = (
            f"; {dropped} of this kind were not kept, because too many waited for the broker"
            if dropped
            else ""
        )
        self._alerts.raise_(
            error.code,
            f"a frame of {error.venue} was refused, {error.code}: {error.message} ({count} since the gateway "
            f"started{lost}); see `fillwire quarantine list`",
        )
        return is_kept

    def stop(self) -> None:
        """Tell what was not told yet."""
        self._alerts.stop()

    def _submit(self, refused: FrameRefused) -> bool:
        frame, error = refused.frame, refused.error
        size = len(frame)
        if self._waiting >= self._max_waiting or self._waiting_bytes + size > self._max_waiting_bytes:
            return False
        subject = quarantine_subject(self._account, error.error_class)
        headers = RefusedFrame(
            reason=error.message,
            code=error.code,
            field=error.field,
            offset=error.offset,
            symbol=error.symbol,
            order_id=error.order_id,
            received_time_ns=refused.received_time_ns,
            gateway=self._gateway,
        ).headers()

        def settle(_outcome: PublishOutcome) -> None:
            self._waiting -= 1
            self._waiting_bytes -= size

        try:
            self._kept += 1
            self._publisher.submit(
                f"{subject} {self._kept % _LANES}",
                subject,
                frame,
                refused_frame_id(self._account, frame),
                headers,
                settle,
            )
        except PublishError:
            return False
        self._waiting += 1
        self._waiting_bytes += size
        return True


async def read_kept_frame(bus: Bus, account: Account, sequence: int) -> tuple[RefusedFrame, bytes]:
    """Return a frame of the account's quarantine, and what is said about it.

    Raises:
        DecodeError: there is no frame of this account at this sequence.
        BrokerError: no answer, or not allowed.
    """
    what = f"refused frame {sequence}"
    kept = await stored_message(bus, STREAM, sequence)
    if kept is None:
        raise DecodeError(what, "/", "expected one that is kept, found none")
    owner = parse_quarantine_subject(kept.subject).account
    if owner != account:
        raise DecodeError(what, "/", f"expected one of {account}, was one of {owner}")
    return parse_refused_frame(kept.headers), kept.data
