"""What the bot's host and the gateway remember of one request of a callback, such as its counter-order."""

from dataclasses import dataclass
from typing import NamedTuple

from fillwire.domain.identifiers import Account
from fillwire.domain.orders import Outcome
from fillwire.runtime.tracing import TraceContext


@dataclass(slots=True, kw_only=True)
class OrderTrace:
    """One request, from a callback's asking to its answer. Treat it as frozen.

    Attributes:
        context: what went to the gateway: the fill's trace, the span of this request, and whether it is kept.
        parent_id: span of the callback that asked.
        event_id: the event that the callback handles, seed of the trace.
        account: whose order.
        verb: `place_order` or `cancel_order`.
        pair: our spelling.
        client_order_id: the bot's own id of the order.
        order_id: the venue's, None until it is known.
        bot: name of the bot.
        callback: name of the method that asked.
        outcome: what the bot was told.
        reason: why it was rejected or is unknown.
        asked_ns: when the method asked, as below by the host's clock.
        answered_ns: when it had the answer.
    """

    context: TraceContext
    parent_id: bytes
    event_id: str
    account: Account
    verb: str
    pair: str
    client_order_id: str | None
    order_id: str | None
    bot: str
    callback: str
    outcome: Outcome = Outcome.UNKNOWN
    reason: str | None = None
    asked_ns: int
    answered_ns: int = 0


@dataclass(slots=True, kw_only=True)
class CommandTrace:
    """The same request's way through the gateway. Treat it as frozen.

    Attributes:
        context: what came with the request.
        account: whose order.
        verb: `place_order` or `cancel_order`.
        pair: our spelling, empty for a request that could not be read.
        client_order_id: the bot's own id of the order.
        order_id: the venue's, None until it is known.
        outcome: what the gateway answered.
        reason: why it was rejected or is unknown.
        received_ns: when the gateway began with the request, as all below by its clock.
        noted_ns: when the client order id had been noted; None for a request that needs no note.
        sent_ns: when it was handed to the venue's connection; None if it never was.
        venue_answered_ns: when the venue's answer, or that there is none, was known; None if it was not sent.
        answered_ns: when the bot was answered.
    """

    context: TraceContext
    account: Account
    verb: str
    pair: str = ""
    client_order_id: str | None = None
    order_id: str | None = None
    outcome: Outcome = Outcome.UNKNOWN
    reason: str | None = None
    received_ns: int
    noted_ns: int | None = None
    sent_ns: int | None = None
    venue_answered_ns: int | None = None
    answered_ns: int = 0


class KeptOrder(NamedTuple):
    """A request whose trace is kept.

    Attributes:
        trace: the record.
        kept_for: why, although the ratio left it out; None where it did not.
    """

    trace: OrderTrace | CommandTrace
    kept_for: str | None = None
