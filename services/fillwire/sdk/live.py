"""Plain subscriptions on the subjects of order events: one per filter, for all bots of the process."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.partitions import Partitions
from fillwire.bus.subscriptions import Subscription

Take = Callable[[Message], None]


@dataclass(slots=True)
class _Filter:
    takers: tuple[Take, ...]
    partitions: Partitions
    subscription: Subscription | None = None

    def receive(self, message: Message) -> None:
        if self.partitions.is_divided:
            message.relabel(self.partitions.published(message.subject))
        for take in self.takers:
            take(message)


class LiveFeed:
    """Hands live copies of order events to those who asked for their filter.

    Args:
        bus: the connection.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._filters: dict[str, _Filter] = {}
        self._lock = asyncio.Lock()

    async def add(self, filters: Iterable[str], take: Take) -> None:
        """Have `take` called, in the read loop, for every message on a subject that one of `filters` matches.

        Returns when the broker knows of it: what is published from then on arrives, while the connection lasts.

        Raises:
            BrokerError: the bus is closed.
        """
        async with self._lock:
            for subject in filters:
                known = self._filters.get(subject)
                if known is None:
                    known = self._filters[subject] = _Filter((take,), self._bus.partitions)
                    known.subscription = await self._bus.subscribe(
                        self._bus.partitions.live(subject), known.receive
                    )
                else:
                    known.takers = (*known.takers, take)
        await self._bus.is_healthy()  # a round trip: subscriptions sent before it are in place after it

    async def remove(self, filters: Iterable[str], take: Take) -> None:
        """Undo `add`; the last to leave a filter ends its subscription."""
        async with self._lock:
            for subject in filters:
                known = self._filters.get(subject)
                if known is None:
                    continue
                known.takers = tuple(taker for taker in known.takers if taker != take)
                if not known.takers:
                    del self._filters[subject]
                    if known.subscription is not None:
                        await known.subscription.unsubscribe()
