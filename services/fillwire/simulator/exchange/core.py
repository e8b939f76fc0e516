"""What all doors of a simulated venue share: the venue, faults, publisher, connections."""

from collections import Counter, deque
from typing import TYPE_CHECKING

from fillwire.simulator.exchange.faults import Faults, Tampering
from fillwire.simulator.exchange.publisher import Publisher
from fillwire.simulator.exchange.venue import Venue

if TYPE_CHECKING:
    from fillwire.simulator.exchange.connections import Connection

_HANDSHAKES = 1000


class Core:
    """The venue and all that stands between it and its clients.

    Attributes:
        connections: open WebSocket connections.
        answered: answers by API and status, such as `rest 429`.
        handshakes: the last attempts to connect: when, in microseconds, and the status of the answer.
        moves_market: whether the price process goes on.
    """

    def __init__(self, venue: Venue, tampering: Tampering) -> None:
        self.venue = venue
        self.faults = Faults(venue.random, tampering)
        self.publisher = Publisher(venue.clock)
        self.connections: set[Connection] = set()
        self.answered: Counter[str] = Counter()
        self.handshakes: deque[tuple[int, int]] = deque(maxlen=_HANDSHAKES)
        self.moves_market = True

    def note_handshake(self, status: int) -> None:
        """Note an attempt to connect and what was answered."""
        self.handshakes.append((self.venue.clock.now_us(), status))
        self.answered[f"handshake {status}"] += 1

    def cut_off(self, address: str) -> None:
        """Close the connections of an address that has been banned."""
        for connection in list(self.connections):
            if connection.address == address:
                connection.close(1008, "banned")
