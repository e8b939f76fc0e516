"""Where a gateway's events leave it: the publisher, what guards it from doubles, and the journal beside it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

from fillwire.bus.asides import Aside
from fillwire.bus.buckets import PLACEMENTS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.guard import DuplicateGuard
from fillwire.bus.journal import Journal
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.restored import restored_ns
from fillwire.bus.retention import log_held_since_ns
from fillwire.bus.spillway import Spillway
from fillwire.bus.stored import StoredIds
from fillwire.domain.errors import PublishError
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings import Settings
from fillwire.wire.subjects import ORDERS as ORDER_EVENTS
from fillwire.wire.subjects import order_scope_filter

_log = get_log(__name__)


def _spills(subject: str) -> bool:
    """Return whether a message may go through the journal: order events, and nothing that must not wait behind them."""
    return subject.startswith(f"{ORDER_EVENTS}.")


class Outlet:
    """Takes events until the broker has them. Make it with `Outlet.open`.

    Attributes:
        publisher: where events are submitted.
        spillway: joins publisher and journal; None without a journal.
    """

    def __init__(self, publisher: OrderedPublisher, spillway: Spillway | None) -> None:
        self.publisher = publisher
        self.spillway = spillway
        self._room: OrderedPublisher | Spillway = spillway or publisher

    @classmethod
    async def open(
        cls,
        bus: Bus,
        settings: Settings,
        name: str,
        *,
        capacity: int,
        on_refused: Callable[[PublishError, bytes], None],
    ) -> Self:
        """Return an outlet that publishes, first what the journal holds from before.

        Args:
            bus: the connection.
            settings: say how long the broker knows ids, and where the journal is.
            name: what the journal's file is called after: the same at the next start.
            capacity: events that the memory holds.
            on_refused: told of every event that the broker will never store, with its body.

        Raises:
            ConfigError: the journal's directory cannot be used.
            BrokerError: no answer.
        """
        guard = DuplicateGuard(
            StoredIds(bus),
            settings.nats.duplicate_window_ms / 1e3,
            order_scope_filter,
            forgotten_before_ns=await restored_ns(Bucket(bus, PLACEMENTS)),
        )
        publisher = OrderedPublisher(bus, capacity=capacity, guard=guard, on_refused=on_refused)
        if settings.journal.dir is None:
            return cls(await publisher.start(), None)
        journal = await Journal.open(settings.journal.dir, name, settings.journal.max_bytes)
        spillway = Spillway(await publisher.start(), journal, _spills, partial(log_held_since_ns, bus))
        spillway.start()
        return cls(publisher, spillway)

    @property
    def is_full(self) -> bool:
        """Whether the caller should stop reading until `on_room`."""
        return self._room.is_full

    @property
    def queued_count(self) -> int:
        """Events that wait for the broker."""
        if self.spillway is not None:
            return self.spillway.queued_count
        return self.publisher.queued_count + self.publisher.in_flight_count

    @property
    def journal_count(self) -> int:
        """Events in the journal."""
        return 0 if self.spillway is None else self.spillway.journal_count

    @property
    def journal_wait_s(self) -> float:
        """For how long nothing has come out of the journal that should, in seconds."""
        return 0.0 if self.spillway is None else self.spillway.longest_wait_s

    @property
    def asides(self) -> Sequence[Aside]:
        """Files of the journal that were put aside for a person, oldest first."""
        return () if self.spillway is None else self.spillway.asides

    def on_room(self, callback: Callable[[], None]) -> None:
        """Have `callback` called each time that there is room after it was full."""
        self._room.on_room(callback)

    async def close(self, deadline_s: float) -> int:
        """Publish what can be until the deadline, and return how many events are left; a journal keeps them."""
        return await self._room.close(deadline_s)
