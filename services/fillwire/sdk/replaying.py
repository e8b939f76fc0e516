"""Reading dead letters, and giving them back to the bot that could not handle them."""

from dataclasses import dataclass

import orjson

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.errors import BrokerError
from fillwire.sdk.bot import durable_name
from fillwire.wire.dead_letters import DeadLetter, parse_dead_letter, replay_headers, replay_id
from fillwire.wire.headers import MESSAGE_ID, STAMPS, TRACEPARENT
from fillwire.wire.subjects import dead_letter_subject

STREAM = "DLQ"
_NOT_FOUND = 404
_FLUSH_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter as it is kept.

    Attributes:
        sequence: in the stream of dead letters.
        message_id: the letter's own.
        letter: what is said about the event.
        body: the event, byte for byte.
        headers: all of the letter's.
    """

    sequence: int
    message_id: str
    letter: DeadLetter
    body: bytes
    headers: dict[str, str]


async def read_dead_letters(bus: Bus, user: str, bot: str, *, after_sequence: int = 0) -> list[KeptLetter]:
    """Return a bot's dead letters, oldest first.

    Raises:
        DecodeError: something else was published on the subject.
        BrokerError: no answer, or not allowed.
    """
    subject = dead_letter_subject(user, bot)
    letters: list[KeptLetter] = []
    sequence = after_sequence + 1
    while True:
        request = orjson.dumps({"seq": sequence, "next_by_subj": subject})
        answer = await bus.request_message(f"{api.PREFIX}.DIRECT.GET.{STREAM}", request)
        if answer.status == _NOT_FOUND:
            return letters
        if answer.status is not None:
            raise BrokerError(f"cannot read dead letters of bot {bot} of {user}: status {answer.status}")
        headers = dict(answer.headers)
        sequence = int(headers["Nats-Sequence"])
        letters.append(
            KeptLetter(
                sequence, headers.get(MESSAGE_ID, ""), parse_dead_letter(headers), answer.data, headers
            )
        )
        sequence += 1


async def replay_dead_letters(bus: Bus, user: str, bot: str, *, event_id: str | None = None) -> int:
    """Give dead letters back to their bot, and return how many; the bot need not be running.

    Each comes to the callback that raised, and to no other bot. A letter replayed twice within some minutes is given
    back once.

    Args:
        bus: the connection.
        user: owner of the bot.
        bot: its name.
        event_id: replay the letter of this event only.

    Raises:
        BrokerError: the broker is away, or did not take all of them in time.
        DecodeError: as `read_dead_letters`.
    """
    letters = [
        kept
        for kept in await read_dead_letters(bus, user, bot)
        if event_id is None or kept.letter.event_id == event_id
    ]
    durable = durable_name(user, bot)
    async with OrderedPublisher(bus) as publisher:
        for kept in letters:
            headers = replay_headers(durable, kept.letter)
            headers |= {name: kept.headers[name] for name in (TRACEPARENT, STAMPS) if name in kept.headers}
            publisher.submit(
                durable,
                kept.letter.original_subject,
                kept.body,
                replay_id(kept.message_id, kept.sequence),
                headers,
            )
        left = await publisher.flush(_FLUSH_DEADLINE_S)
    if left:
        raise BrokerError(f"{left} of {len(letters)} dead letters not taken within {_FLUSH_DEADLINE_S:g} s")
    return len(letters)
