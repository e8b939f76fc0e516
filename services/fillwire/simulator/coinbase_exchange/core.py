"""What both doors share: the venue, faults, publisher, connections, and orders that end at a time."""

from fillwire.simulator.coinbase_exchange.feed import FeedConnection, FeedPublisher
from fillwire.simulator.coinbase_exchange.tampering import ExchangeTampering
from fillwire.simulator.coinbase_exchange.venue import ExchangeVenue
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.expiries import Expiries

_PUBLIC_CHANNELS = ("full", "matches")


class ExchangeCore(Core):
    """The venue and all that stands between it and its clients.

    Attributes:
        expiries: ends orders that are good till a time.
    """

    venue: ExchangeVenue

    def __init__(self, venue: ExchangeVenue) -> None:
        super().__init__(venue, ExchangeTampering())
        self.publisher = FeedPublisher(venue.clock, venue.tapes, self.connections)
        self.expiries = Expiries(venue.engine, self.publisher)

    def listeners(self, account: Account, channel: str, product: str) -> int:
        """Return how many connections hear of a product on a channel as an account."""
        return sum(
            isinstance(connection, FeedConnection)
            and connection.channels.listener(channel, product) is account
            for connection in self.connections
        )

    def watch_products(self) -> None:
        """Let the tapes keep the messages about everybody's orders where somebody is there to see them."""
        watched = {
            product
            for connection in self.connections
            if isinstance(connection, FeedConnection)
            for channel in _PUBLIC_CHANNELS
            for product in connection.channels.products(channel)
        }
        for product, tape in self.venue.tapes.items():
            tape.is_watched = product in watched
