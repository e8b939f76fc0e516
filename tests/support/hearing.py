"""Handlers of messages that keep what they are given."""

from collections.abc import Callable

from fillwire.bus.messages import Message


class Collector:
    """A coroutine handler that keeps what it is given."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Keep the body."""
        self.bodies.append(message.data)


def keep(bodies: list[bytes]) -> Callable[[Message], None]:
    """Return a plain handler that keeps bodies."""
    return lambda message: bodies.append(message.data)
