"""A dead letter: the message a bot could not handle, whole, and headers that say what went wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fillwire.domain.errors import DecodeError
from fillwire.wire.headers import MESSAGE_ID

REASON = "Fillwire-Reason"
EXCEPTION = "Fillwire-Exception"
CALLBACK = "Fillwire-Callback"
ATTEMPTS = "Fillwire-Attempts"
BOT = "Fillwire-Bot"
EVENT_ID = "Fillwire-Event-Id"
ORIGINAL_SUBJECT = "Fillwire-Original-Subject"
ORIGINAL_SEQUENCE = "Fillwire-Original-Sequence"
REPLAY_FOR = "Fillwire-Replay-For"  # on a replayed event: the durable of the one bot that it is for

_MAX_REASON_LENGTH = 1000  # of an exception's text, which may hold anything; a header block ends at 64 KiB
_COUNT_SHOWN: Final = 40
_COUNT: Final = re.compile(
    r"[0-9]{1,18}", re.ASCII
)  # a number beyond that is none that JSON and people can be told


def dead_letter_id(durable: str, sequence: int, callback: str | None) -> str:
    """Return the message id of a dead letter: a callback that fails on an event twice leaves one letter.

    Each callback of the event leaves its own, for each is replayed for itself.
    """
    return f"{durable}:{sequence}" if callback is None else f"{durable}:{sequence}:{callback}"


def replay_id(letter_id: str) -> str:
    """Return the message id of a letter's replay: other than the event's own, which the stream has seen already."""
    return f"{letter_id}:replay"


def replay_headers(durable: str, letter: "DeadLetter") -> dict[str, str]:
    """Return the headers of a letter's replay: it is for one bot, and for the callback that raised."""
    headers = {REPLAY_FOR: durable}
    if letter.callback is not None:
        headers[CALLBACK] = letter.callback
    return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What is said about a message that a bot could not handle; the message's body is the letter's body.

    Attributes:
        bot: name of the bot.
        reason: one line why: the exception's text, or what is wrong with the message.
        exception: class of the exception.
        callback: method that raised; None if the message was never given to one.
        attempts: how often the method was called.
        event_id: identity of the event; None if the message could not be decoded.
        original_subject: where the message came from, and is to go when it is replayed.
        original_sequence: its sequence in the stream of order events.
    """

    bot: str
    reason: str
    exception: str
    callback: str | None
    attempts: int
    event_id: str | None
    original_subject: str
    original_sequence: int

    def headers(self) -> dict[str, str]:
        """Return the letter's headers, without its message id."""
        values = {
            BOT: self.bot,
            REASON: " ".join(self.reason.split())[:_MAX_REASON_LENGTH],
            EXCEPTION: self.exception,
            CALLBACK: self.callback,
            ATTEMPTS: str(self.attempts),
            EVENT_ID: self.event_id,
            ORIGINAL_SUBJECT: self.original_subject,
            ORIGINAL_SEQUENCE: str(self.original_sequence),
        }
        return {name: value for name, value in values.items() if value is not None}


def parse_dead_letter(headers: Mapping[str, str]) -> DeadLetter:
    """Return what `DeadLetter.headers` wrote.

    Raises:
        DecodeError: a header is missing or no number.
    """
    try:
        return DeadLetter(
            bot=headers[BOT],
            reason=headers[REASON],
            exception=headers[EXCEPTION],
            callback=headers.get(CALLBACK),
            attempts=_count(headers[ATTEMPTS]),
            event_id=headers.get(EVENT_ID),
            original_subject=headers[ORIGINAL_SUBJECT],
            original_sequence=_count(headers[ORIGINAL_SEQUENCE]),
        )
    except KeyError as error:
        raise DecodeError(
            f"dead letter {headers.get(MESSAGE_ID, '')}", f"/{error.args[0]}", "expected a header"
        ) from error
    except ValueError as error:
        raise DecodeError(f"dead letter {headers.get(MESSAGE_ID, '')}", "/", f"{error}") from error


def _count(text: str) -> int:
    if _COUNT.fullmatch(text) is None:
        raise ValueError(f"expected a count of at most 18 digits, was {text[:_COUNT_SHOWN]!r}")
    return int(text)
