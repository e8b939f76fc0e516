"""Keeps the events that the broker refuses for good: nothing that a venue reported goes without a trace."""

import time
from collections.abc import Callable
from functools import partial

from fillwire.domain.alert_names import EVENT_REFUSED
from fillwire.domain.enums import ErrorClass
from fillwire.domain.errors import DecodeError, FrameError, PublishError
from fillwire.domain.identifiers import Account
from fillwire.gateway.quarantine import Quarantine
from fillwire.runtime.alerting import AlertLimiter
from fillwire.runtime.logs import get_log
from fillwire.venues.protocol import FrameRefused
from fillwire.wire.subjects import parse_order_subject

_log = get_log(__name__)

REFUSED_BY_BROKER = "refused_by_broker"
_SHOWN_BYTES = 4096


class Refusals:
    """Takes what the publisher could not get rid of.

    An order event goes to its account's quarantine with the broker's reason, and a person is told: the log has a hole
    there. What is no order event, and what the quarantine does not take either, is written to our own log, whole as far
    as a line goes. Of many events of an account the first is told at once, the others in fewer and fewer alerts.

    Args:
        quarantine: returns an account's quarantine.
        alert: tells a person: of which account, which alert, why.

    Attributes:
        count: order events refused so far.
    """

    def __init__(
        self, quarantine: Callable[[Account], Quarantine], alert: Callable[[Account, str, str], None]
    ) -> None:
        self._quarantine = quarantine
        self._alert = alert
        self._limiters: dict[Account, AlertLimiter] = {}
        self.count = 0

    def stop(self) -> None:
        """Tell what was not told yet."""
        for limiter in self._limiters.values():
            limiter.stop()

    def keep(self, error: PublishError, body: bytes) -> None:
        """Keep the body of a message that will never be stored where it belongs."""
        try:
            subject = parse_order_subject(error.subject)
        except DecodeError:
            _write_down(error, body)
            return
        self.count += 1
        account = subject.account
        defect = FrameError(
            venue=account.exchange,
            error_class=ErrorClass.SUSPICIOUS,
            code=REFUSED_BY_BROKER,
            field=None,
            offset=0,
            message=f"order event refused by the broker: {error.reason}",
        )
        if not self._quarantine(account).keep(FrameRefused(body, time.time_ns(), defect)):
            _write_down(error, body)
        limiter = self._limiters.get(account)
        if limiter is None:
            limiter = self._limiters[account] = AlertLimiter(partial(self._alert, account, EVENT_REFUSED))
        limiter.raise_(
            EVENT_REFUSED,
            f"event {error.event_id} is not in the log, for the broker refuses it: {error.reason}; "
            "see `fillwire quarantine list`",
        )


def _write_down(error: PublishError, body: bytes) -> None:
    _log.error("message_refused", error=error, body=body[:_SHOWN_BYTES].decode("utf-8", "backslashreplace"))
