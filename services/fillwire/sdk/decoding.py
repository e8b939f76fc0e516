"""Each event is decoded once per process, however many bots it is delivered to."""

from collections import OrderedDict

from fillwire.domain.events import OrderEvent
from fillwire.wire.codec import decode_order


class Decoder:
    """Decodes order events and remembers the last ones by their bytes; events are frozen, so that bots may share them.

    Attributes:
        is_remembering: whether to; a single bot hears of each event once, and remembering is memory that grows cold.

    Args:
        capacity: events remembered; bots that lag behind the others by more decode anew.
    """

    def __init__(self, capacity: int = 512) -> None:
        self.is_remembering = True
        self._capacity = capacity
        self._events: OrderedDict[bytes, OrderEvent] = OrderedDict()

    def decode(self, data: bytes) -> OrderEvent:
        """Return the event.

        Raises:
            DecodeError: `data` is no order event.
        """
        if not self.is_remembering:
            return decode_order(data)
        event = self._events.get(data)
        if event is None:
            event = decode_order(data)
            self._events[data] = event
            if len(self._events) > self._capacity:
                self._events.popitem(last=False)
        return event
