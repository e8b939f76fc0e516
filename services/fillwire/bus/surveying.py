"""One question to all who listen on a subject, and their answers for as long as is waited."""

import asyncio
import contextlib

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError

_NO_RESPONDERS = 503


async def ask_all(bus: Bus, subject: str, payload: bytes, *, wait_s: float, max_answers: int) -> list[bytes]:
    """Return the answers that come in time: none, at once, if nobody listens.

    Nobody knows how many are to come, so that it is waited for as long as this says, unless there are too many.

    Args:
        bus: the connection.
        subject: of the question.
        payload: the question.
        wait_s: for answers, in seconds.
        max_answers: no more are taken.

    Raises:
        BrokerError: the bus is closed or not connected: there is nobody to be asked.
    """
    if not bus.is_connected:
        raise BrokerError(f"cannot ask on {subject}: the broker is away")
    answers: list[bytes] = []
    is_over = asyncio.Event()

    def take(message: Message) -> None:
        if message.status == _NO_RESPONDERS:
            is_over.set()
        elif len(answers) < max_answers:
            answers.append(message.data)
            if len(answers) == max_answers:
                is_over.set()

    inbox = bus.new_inbox()
    subscription = await bus.subscribe(inbox, take)
    try:
        bus.write(b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), inbox.encode(), len(payload), payload))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await is_over.wait()
    finally:
        await subscription.unsubscribe()
    return answers
