"""Every error that Fillwire raises, and what is to be done about each.

    FillwireError
    ├── ConfigError            stop: a person must change the configuration
    ├── BrokerError            retry: the broker is away
    ├── VenueError
    │   ├── ConnectionLost     retry
    │   ├── Throttled          retry, not before `retry_after_s`
    │   ├── AuthRejected       stop: a person must act
    │   ├── SubscriptionRejected   stop: a person must act
    │   └── OrderRejected      answer: tell the one who asked
    ├── FrameError             quarantine: keep the frame, count it, go on
    ├── PublishError           retry: the message id makes it safe
    ├── DecodeError            quarantine: keep the message, go on
    ├── OrdersUnknown          answer: nobody could say which orders are open
    ├── RulesUnknown           answer: nobody could say what a pair's orders must keep to
    └── HandlerError           answer: the strategy's own exception, chained with `from`

Messages are lower case without full stop, and name what was found and what was expected. Nothing secret enters one.
"""

from enum import StrEnum
from functools import partial
from typing import ClassVar

from fillwire.domain.enums import ErrorClass, Reach


class Disposition(StrEnum):
    """What the process does about an error."""

    STOP = "stop"
    RETRY = "retry"
    QUARANTINE = "quarantine"
    ANSWER = "answer"


class FillwireError(Exception):
    """Base of all errors that Fillwire raises."""

    disposition: ClassVar[Disposition] = Disposition.STOP


class ConfigError(FillwireError):
    """The configuration cannot be used; the message names the setting, what was found and what was expected."""


class BrokerError(FillwireError):
    """The broker cannot be reached or refuses us."""

    disposition = Disposition.RETRY


class VenueError(FillwireError):
    """A venue did not do what was asked of it."""

    def __init__(self, venue: str, reason: str) -> None:
        super().__init__(venue, reason)
        self.venue = venue
        self.reason = reason

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.venue}: {self.reason}"


class ConnectionLost(VenueError):
    """The connection ended or was never made."""

    disposition = Disposition.RETRY


class Throttled(VenueError):
    """The venue asks us to wait, `retry_after_s` seconds; `reach` says with what."""

    disposition = Disposition.RETRY

    def __init__(self, venue: str, reason: str, retry_after_s: float, reach: Reach = Reach.MACHINE) -> None:
        super().__init__(venue, reason)
        self.args = (venue, reason, retry_after_s, reach)
        self.retry_after_s = retry_after_s
        self.reach = reach

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.venue}: {self.reason}; retry after {self.retry_after_s:g} s"


class AuthRejected(VenueError):
    """The venue refuses the credentials; trying again unchanged cannot help."""

    disposition = Disposition.STOP


class SubscriptionRejected(VenueError):
    """The venue accepts the credentials but refuses the user data stream."""

    disposition = Disposition.STOP


class OrderRejected(VenueError):
    """The venue refused to place or cancel an order; `code` is the venue's own."""

    disposition = Disposition.ANSWER

    def __init__(self, venue: str, reason: str, code: int | None = None) -> None:
        super().__init__(venue, reason)
        self.args = (venue, reason, code)
        self.code = code


class FrameError(FillwireError):
    """A frame from a venue that is not what the venue's documents allow.

    Attributes:
        venue: exchange that sent it.
        error_class: malformed, unknown or suspicious.
        code: stable snake_case name of the defect.
        field: the venue's name of the field, None where the frame as a whole is meant.
        offset: byte offset in the frame at which the defect was found.
        symbol: the venue's symbol, where it could still be read.
        order_id: the order's id, where it could still be read.
    """

    disposition = Disposition.QUARANTINE

    _FACTS = ("venue", "error_class", "code", "field", "offset", "message", "symbol", "order_id")

    def __init__(  # noqa: PLR0913 - the facts of one defect, each read by someone
        self,
        *,
        venue: str,
        error_class: ErrorClass,
        code: str,
        field: str | None,
        offset: int,
        message: str,
        symbol: str | None = None,
        order_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.venue = venue
        self.error_class = error_class
        self.code = code
        self.field = field
        self.offset = offset
        self.message = message
        self.symbol = symbol
        self.order_id = order_id

    def __reduce__(self) -> tuple[object, ...]:
        """Return how to copy and pickle it; the default would call the class with the message alone."""
        return partial(type(self), **{fact: getattr(self, fact) for fact in self._FACTS}), ()

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.error_class} frame from {self.venue}: {self.message}"


class PublishError(FillwireError):
    """The broker refused a message for good, or did not acknowledge it before the deadline."""

    disposition = Disposition.RETRY

    def __init__(self, subject: str, event_id: str, reason: str) -> None:
        super().__init__(subject, event_id, reason)
        self.subject = subject
        self.event_id = event_id
        self.reason = reason

    def __str__(self) -> str:
        """Return the sentence."""
        return f"event {self.event_id} not published on {self.subject}: {self.reason}"


class DecodeError(FillwireError):
    """A message on our own subjects that is not what our own schema says."""

    disposition = Disposition.QUARANTINE

    def __init__(self, what: str, pointer: str, reason: str) -> None:
        super().__init__(what, pointer, reason)
        self.what = what
        self.pointer = pointer
        self.reason = reason

    def __str__(self) -> str:
        """Return the sentence."""
        return f"cannot decode {self.what} at {self.pointer}: {self.reason}"


class OrdersUnknown(FillwireError):
    """A question about an account's orders has no answer: nothing follows about which there are."""

    disposition = Disposition.ANSWER


class RulesUnknown(FillwireError):
    """A question about the rules of a pair has no answer, or the pair is not listed."""

    disposition = Disposition.ANSWER


class HandlerError(FillwireError):
    """A listener raised; its exception is chained."""

    disposition = Disposition.ANSWER

    def __init__(self, bot: str, callback: str, event_id: str) -> None:
        super().__init__(bot, callback, event_id)
        self.bot = bot
        self.callback = callback
        self.event_id = event_id

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.callback} of bot {self.bot} raised on event {self.event_id}"
