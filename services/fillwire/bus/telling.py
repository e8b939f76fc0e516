"""Tells owners what became of their messages; what their callbacks raise is logged and stops no other message."""

from collections.abc import Callable

from fillwire.bus.encoding import Outgoing, PublishOutcome
from fillwire.domain.errors import PublishError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

OnRefused = Callable[[PublishError, bytes], None]
"""Told of a message that will never be stored, with its body."""


def tell(
    outgoing: Outgoing, *, sequence: int = 0, is_duplicate: bool = False, error: PublishError | None = None
) -> None:
    """Tell a message's owner the outcome: where it is stored, or why it is not."""
    if outgoing.on_acknowledged is None:
        return
    outcome = PublishOutcome(
        outgoing.subject, outgoing.message_id, sequence, is_duplicate, outgoing.send_count, error
    )
    try:
        outgoing.on_acknowledged(outcome)
    except Exception as failure:  # noqa: BLE001 - the owner's callback must not stop the other lanes
        _log.error("publish_callback_failed", error=failure, message_id=outgoing.message_id)


def tell_refused(outgoing: Outgoing, error: PublishError, on_refused: OnRefused | None) -> None:
    """Tell who keeps what is refused for good, and then the message's owner."""
    _log.error("publish_refused", subject=outgoing.subject, error=error)
    if on_refused is not None:
        try:
            on_refused(error, outgoing.body)
        except Exception as failure:  # noqa: BLE001 - as above
            _log.error("publish_callback_failed", error=failure, message_id=outgoing.message_id)
    tell(outgoing, error=error)


def tell_abandoned(left: list[Outgoing]) -> None:
    """Tell the owners of messages that the publisher gives up: each may be stored or not."""
    reason = "not acknowledged before the publisher was closed: it may be stored or not"
    for index, outgoing in enumerate(left):
        error = PublishError(outgoing.subject, outgoing.message_id, reason)
        if not index:  # one line for all of them
            _log.error("publish_abandoned", count=len(left), error=error)
        tell(outgoing, error=error)
