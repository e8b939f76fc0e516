"""Keeping what a bot could not handle, and giving it back."""

import asyncio
from collections.abc import Callable
from typing import Any

from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher, PublishOutcome
from fillwire.runtime.logs import get_log
from fillwire.sdk.bot import Bot
from fillwire.wire.dead_letters import DeadLetter, dead_letter_id
from fillwire.wire.headers import STAMPS, TRACEPARENT
from fillwire.wire.subjects import dead_letter_subject

_log = get_log(__name__)

_KEPT_HEADERS = (TRACEPARENT, STAMPS)


class DeadLetters:
    """Publishes dead letters.

    Args:
        publisher: resends until the stream has taken a letter.
        on_kept: told of each letter that is kept: whose, and why.
    """

    def __init__(
        self, publisher: OrderedPublisher, on_kept: Callable[[Bot, str], None] | None = None
    ) -> None:
        self._publisher = publisher
        self._on_kept = on_kept

    async def keep(self, bot: Bot, letter: DeadLetter, message: Message) -> None:
        """Return once the letter is in its stream; while the broker is away that waits, and with it the bot.

        A letter that the stream refuses for good, say for its size, is logged with all it says: the event itself is
        still in the stream of order events, at the sequence that the log names.
        """
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[PublishOutcome] = loop.create_future()

        def note(outcome: PublishOutcome) -> None:
            if not stored.done():
                stored.set_result(outcome)

        headers = letter.headers()
        headers.update((name, message.headers[name]) for name in _KEPT_HEADERS if name in message.headers)
        subject = dead_letter_subject(bot.account.user, bot.name)
        letter_id = dead_letter_id(bot.durable, message.sequence, letter.callback)
        self._publisher.submit(bot.durable, subject, message.data, letter_id, headers, note)
        outcome = await stored
        facts: dict[str, Any] = {
            "bot": bot.name,
            "event_id": letter.event_id,
            "reason": letter.reason,
            "sequence": message.sequence,
        }
        if outcome.error is None:
            _log.error("dead_letter_kept", subject=subject, **facts)
            if self._on_kept is not None:
                self._on_kept(bot, letter.reason)
        else:
            _log.error("dead_letter_refused", error=outcome.error, **facts)
