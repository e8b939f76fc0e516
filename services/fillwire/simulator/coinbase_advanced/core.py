"""What both doors share: the venue, faults, publisher, connections, and orders that end at a time."""

from fillwire.simulator.coinbase_advanced.tampering import AdvancedTampering
from fillwire.simulator.coinbase_advanced.venue import AdvancedVenue
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.expiries import Expiries


class AdvancedCore(Core):
    """The venue and all that stands between it and its clients.

    Attributes:
        expiries: ends orders that are good till a date.
    """

    venue: AdvancedVenue

    def __init__(self, venue: AdvancedVenue) -> None:
        super().__init__(venue, AdvancedTampering())
        self.expiries = Expiries(venue.engine, self.publisher)
