"""Keeps what a venue sent and nobody could accept: whole, with the reason, counted."""

from collections import Counter

from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.errors import PublishError
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.venues.protocol import FrameRefused
from fillwire.wire.refused_frames import RefusedFrame, refused_frame_id
from fillwire.wire.subjects import quarantine_subject

_log = get_log(__name__)


class Quarantine:
    """The refused frames of one account.

    Args:
        account: whose connection they came on.
        publisher: shared by all accounts of the process.
        gateway: name of this process.

    Attributes:
        counts: frames kept so far, by the code of their defect.
    """

    def __init__(self, account: Account, publisher: OrderedPublisher, gateway: str) -> None:
        self._account = account
        self._publisher = publisher
        self._gateway = gateway
        self.counts: Counter[str] = Counter()

    def keep(self, refused: FrameRefused) -> None:
        """Keep a frame."""
        error = refused.error
        count = self.counts[error.code] = self.counts[error.code] + 1
        if (
            count & (count - 1) == 0
        ):  # the 1st, 2nd, 4th, 8th …: a flood of them must not become a flood of logs
            _log.warning(
                "frame_refused", account=str(self._account), code=error.code, count=count, error=error
            )
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
        try:
            self._publisher.submit(
                subject, subject, refused.frame, refused_frame_id(self._account, refused.frame), headers
            )
        except PublishError as lost:
            _log.error("frame_not_kept", account=str(self._account), error=lost)
