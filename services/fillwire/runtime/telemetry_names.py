"""Names and meanings of the spans and attributes that Fillwire exports; its metrics are in `metric_names`.

The trace of one fill, each span the child of the one before it:

| span                | made by | from → to                                                                     |
|---------------------|---------|-------------------------------------------------------------------------------|
| `emit <exchange>`   | gateway | the venue emitted the report, its clock corrected by the offset → frame read   |
| `receive`           | gateway | frame read → event handed to the broker                                       |
| `parse`             | gateway | frame read → event known                                                      |
| `publish orders`    | gateway | event handed to the broker → broker has stored it                             |
| `deliver orders`    | host    | event handed to the broker → host has it                                      |
| `callback <name>`   | host    | the bot's method was called → it returned                                     |

The gap between the end of `deliver orders` and the start of `callback <name>` is time in the bot's queue.

An order that the callback places goes on in the same trace, and so does one that it cancels (`cancel_order`):

| span                   | made by | from → to                                                                 |
|------------------------|---------|---------------------------------------------------------------------------|
| `place_order`          | host    | the callback asked → it had the answer; child of the callback's            |
| `handle place_order`   | gateway | request received → answered; child of `place_order`                        |
| `note`                 | gateway | received → client order id noted; as the two below a child of `handle …`   |
| `send`                 | gateway | noted → handed to the venue's connection                                   |
| `answer <exchange>`    | gateway | handed to the venue's connection → the venue's answer was known            |
"""

from enum import StrEnum
from typing import Final

from fillwire.domain.orders import Outcome

SCOPE_NAME: Final = "fillwire"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.38.0"  # which has the messaging attributes below

# Spans
EMIT: Final = "emit"  # followed by the exchange
RECEIVE: Final = "receive"
PARSE: Final = "parse"
PUBLISH: Final = "publish"  # followed by the destination
DELIVER: Final = "deliver"  # followed by the destination
CALLBACK: Final = "callback"  # followed by the callback's name
HANDLE: Final = "handle"  # followed by the verb; the bot's own span is the verb alone
NOTE: Final = "note"
SEND: Final = "send"
ANSWER: Final = "answer"  # followed by the exchange
DESTINATION: Final = "orders"
DESTINATION_TEMPLATE: Final = "orders.{user}.{exchange}.{environment}.{pair}.{kind}"

# Attributes of our own, beside the messaging semantic conventions
EXCHANGE: Final = "fillwire.exchange"
ENVIRONMENT: Final = "fillwire.environment"
USER: Final = "fillwire.user"
PAIR: Final = "fillwire.pair"
ORDER_ID: Final = "fillwire.order_id"
TRADE_ID: Final = "fillwire.trade_id"
KIND: Final = "fillwire.kind"
BOT: Final = "fillwire.bot"
ATTEMPT: Final = "fillwire.attempt"  # the bot's method was called the n-th time for this delivery, from 1
DELIVERY: Final = "fillwire.delivery"  # the broker delivered the event to the bot the n-th time, from 1
CLOCK_OFFSET_NS: Final = "fillwire.clock_offset_ns"  # venue clock minus gateway clock
EXCHANGE_TIME_NS: Final = "fillwire.exchange_time_ns"  # by the venue's clock, uncorrected
FRAME_BYTES: Final = "fillwire.frame.size"  # bytes
CLIENT_ORDER_ID: Final = "fillwire.client_order_id"  # of an order that a callback places or cancels
OUTCOME: Final = "fillwire.outcome"  # of that request: `accepted`, `rejected` or `unknown`
KEPT_FOR: Final = "fillwire.kept_for"  # why the trace was kept although the ratio left it out: `KeptFor`

# OpenTelemetry's own, of the messaging and exception conventions; written out, since the package that holds them calls
# the first incubating and may rename its constants.
NATS: Final = "nats"
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_DESTINATION_TEMPLATE: Final = "messaging.destination.template"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
MESSAGING_MESSAGE_BODY_SIZE: Final = "messaging.message.body.size"  # bytes
MESSAGING_CONSUMER_GROUP_NAME: Final = "messaging.consumer.group.name"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"


class KeptFor(StrEnum):
    """Why a trace is kept although the ratio leaves it out."""

    ERROR = "error"
    """A bot's method raised."""
    SLOW = "slow"
    """The fill took longer from venue to bot than it may."""
    ORDER = "order"
    """A counter-order was rejected, or nobody knows what became of it."""


class Stage(StrEnum):
    """The stages in which `fillwire.fill.latency` is measured."""

    EMIT_TO_RECEIVED = "emit_to_received"
    RECEIVED_TO_PARSED = "received_to_parsed"
    PARSED_TO_PUBLISHED = "parsed_to_published"
    PUBLISHED_TO_ACKNOWLEDGED = "published_to_acknowledged"
    PUBLISHED_TO_DELIVERED = "published_to_delivered"
    DELIVERED_TO_CALLBACK = "delivered_to_callback"
    CALLBACK = "callback"
    EMIT_TO_CALLBACK = "emit_to_callback"


STAGES: Final = tuple(Stage)
"""In the order in which the extension counts them."""


def is_failed(outcome: Outcome) -> bool:
    """Return whether a request of a bot counts as failed in its trace: rejected, or nobody knows what became of it."""
    return outcome is not Outcome.ACCEPTED
