"""A dead letter as it is kept, and what of it is believed: whoever may write letters for a user wrote its headers, too.

A replay is published with the rights of who decides about it, which reach further than the user's. So it is published only
if it is an event of that user, as its subject, its body and its letter say alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fillwire.bus.lookup import StoredMessage
from fillwire.bus.messages import Message
from fillwire.domain.errors import DecodeError, FillwireError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import order_scope
from fillwire.runtime.tracing import parse_traceparent, span_digests
from fillwire.sdk.bot import MAX_NAME_LENGTH, durable_name
from fillwire.wire.codec import decode_order
from fillwire.wire.dead_letters import DeadLetter, dead_letter_id, parse_dead_letter
from fillwire.wire.decisions import letter_key
from fillwire.wire.headers import MESSAGE_ID, SOURCE, STAMPS, TRACEPARENT
from fillwire.wire.subjects import OrderSubject, parse_dead_letter_subject, parse_order_subject

_SHOWN: Final = 200
_STAMPS: Final = re.compile(r"-?[0-9]{1,18},[0-9]{1,18},[0-9]{1,18}")


class NotGenuine(FillwireError):
    """A dead letter that is not what a host writes of an event of the letter's user."""


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter as it is kept.

    Attributes:
        user: owner of the bot, as the letter's subject says: the broker lets a tenant write under their own alone.
        bot: name of the bot, as the subject says.
        sequence: in the stream of dead letters: the number by which people name it.
        stored_ns: when it was stored, by the broker's clock.
        message_id: the letter's own.
        letter: what is said about the event, by whoever wrote the letter.
        body: the event, byte for byte.
        trace: headers of the event about its trace, see `believed_headers`.
        source: the stream from which the broker took it, such as a tenant's own; None if it was published into its own.
    """

    user: str
    bot: str
    sequence: int
    stored_ns: int
    message_id: str
    letter: DeadLetter
    body: bytes
    trace: dict[str, str]
    source: str | None = None

    @property
    def durable(self) -> str:
        """Name of the bot's durable consumer."""
        return durable_name(self.user, self.bot)

    @property
    def key(self) -> str:
        """Key of the decision about it: of its id, or of its number where no host gives such an id."""
        return letter_key(self.user, self.bot, self.message_id if self._has_own_id else str(self.sequence))

    @property
    def _has_own_id(self) -> bool:
        """Whether the id is one that a host gives it, which no letter of another bot has."""
        callbacks = (self.letter.callback, None)
        return self.message_id in {
            dead_letter_id(self.durable, self.letter.original_sequence, callback) for callback in callbacks
        }

    def event(self) -> OrderEvent:
        """Return the event, if it may be replayed: if it is one of the letter's user and of what the letter says.

        Raises:
            NotGenuine: it may not; the sentence names what was found and what was expected.
        """
        letter = self.letter
        if letter.bot != self.bot:
            raise NotGenuine(
                f"letter names bot {_shown(letter.bot)}: expected {self.bot!r}, as its subject does"
            )
        if not self._has_own_id:  # it could keep another replay from being stored
            expected = dead_letter_id(self.durable, letter.original_sequence, letter.callback)
            raise NotGenuine(f"letter has the id {_shown(self.message_id)}: expected {_shown(expected)}")
        if letter.callback is not None and not letter.callback.isidentifier():
            raise NotGenuine(f"letter names callback {_shown(letter.callback)}: expected a method's name")
        subject = self._original()
        try:
            event = decode_order(self.body)
        except DecodeError as error:
            raise NotGenuine(
                f"letter holds no order event of a known version: {_shown(str(error))}"
            ) from error
        _require_same(event, subject, letter)
        return event

    def _original(self) -> OrderSubject:
        found = self.letter.original_subject
        try:
            subject = parse_order_subject(found)
        except DecodeError:
            subject = None
        if subject is None or subject.account.user != self.user:
            expected = f"that of an order event of {self.user}"
            raise NotGenuine(f"letter has the original subject {_shown(found)}: expected {expected}")
        return subject


def kept_letter(message: Message | StoredMessage) -> KeptLetter:
    """Return the dead letter in a message of the stream.

    Raises:
        DecodeError: it is none.
    """
    headers = message.headers
    subject = parse_dead_letter_subject(message.subject)
    if len(subject.bot) > MAX_NAME_LENGTH:
        reason = f"expected a bot's name of at most {MAX_NAME_LENGTH} characters, was {len(subject.bot)}"
        raise DecodeError("dead letter", "/", reason)
    return KeptLetter(
        subject.user,
        subject.bot,
        message.sequence,
        message.stored_time_ns,
        headers.get(MESSAGE_ID, ""),
        parse_dead_letter(headers),
        message.data,
        {name: headers[name] for name in (TRACEPARENT, STAMPS) if name in headers},
        headers[SOURCE].partition(" ")[0] if SOURCE in headers else None,
    )


def believed_headers(trace: Mapping[str, str], event: OrderEvent) -> dict[str, str]:
    """Return those headers about an event's trace that may be its own; what tells of another trace is left out."""
    believed = {}
    context = parse_traceparent(trace.get(TRACEPARENT))
    if context is not None and context.trace_id == span_digests(event.event_id).trace_id:
        believed[TRACEPARENT] = trace[TRACEPARENT]
    if _STAMPS.fullmatch(trace.get(STAMPS, "")) is not None:
        believed[STAMPS] = trace[STAMPS]
    return believed


def _require_same(event: OrderEvent, subject: OrderSubject, letter: DeadLetter) -> None:
    """Require an event that is the one of which the letter tells.

    Raises:
        NotGenuine: it is another.
    """
    for what, found, expected in (
        ("account", str(event.account), str(subject.account)),
        ("pair", event.pair, subject.pair),
        ("kind", str(event.kind), str(subject.kind)),
    ):
        if found != expected:
            named = f"{_shown(expected)}, as its original subject says"
            raise NotGenuine(f"letter holds an event of {what} {_shown(found)}: expected {named}")
    scope = order_scope(event.account, event.symbol, event.order_id)
    if not event.event_id.startswith(f"{scope}:"):  # whoever knows events by their ids would miss another's
        raise NotGenuine(
            f"letter holds event {_shown(event.event_id)}: expected one of order {_shown(scope)}"
        )
    if letter.event_id not in {None, event.event_id}:
        named = f"{_shown(str(letter.event_id))}, which it names"
        raise NotGenuine(f"letter holds event {_shown(event.event_id)}: expected {named}")


def _shown(text: str) -> str:
    """Return a text that anybody may have written as a sentence can hold it."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
