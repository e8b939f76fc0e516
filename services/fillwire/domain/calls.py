"""What a host remembers of an event's way through its bots, and the question that it answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BotCall:
    """One call of a bot's method for an event; all times in nanoseconds since the epoch, by the host's clock.

    Attributes:
        bot: name of the bot.
        callback: name of the method.
        delivery: the broker's count of deliveries of the event to the bot, from 1.
        attempt: count of calls of the method for this delivery, from 1.
        delivered_ns: when the host had the event.
        started_ns: when the method was called.
        returned_ns: when it returned or raised.
        error: name of the exception that it raised; None if it returned.
    """

    bot: str
    callback: str
    delivery: int
    attempt: int
    delivered_ns: int
    started_ns: int
    returned_ns: int
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsQuery:
    """Asks the hosts of a user's bots for the calls for one event; the user stands in the subject.

    Attributes:
        event_id: of the event.
    """

    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsAnswer:
    """What one host remembers.

    Attributes:
        host: its name.
        calls: in the order in which they were made; none if it has forgotten the event or never had it.
        left_out_count: further calls that it remembers and does not list.
    """

    host: str
    calls: tuple[BotCall, ...] = ()
    left_out_count: int = 0
