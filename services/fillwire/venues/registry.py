"""Which exchanges there are: name to venue. The gateway knows none of them by name."""

from collections.abc import Mapping
from types import MappingProxyType

from fillwire.domain.errors import ConfigError
from fillwire.venues.alpaca.venue import Alpaca
from fillwire.venues.binance.venue import BinanceSpot
from fillwire.venues.binance_futures.venue import BinanceFutures
from fillwire.venues.coinbase_advanced.venue import CoinbaseAdvanced
from fillwire.venues.coinbase_exchange.venue import CoinbaseExchange
from fillwire.venues.venue import Venue

VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        venue.exchange: venue
        for venue in (Alpaca(), BinanceSpot(), BinanceFutures(), CoinbaseExchange(), CoinbaseAdvanced())
    }
)


def venue(exchange: str) -> Venue:
    """Return the venue of that name.

    Raises:
        ConfigError: there is none; the message names those that exist.
    """
    found = VENUES.get(exchange)
    if found is None:
        raise ConfigError(f"exchange {exchange!r} is unknown: expected {' or '.join(VENUES)}")
    return found
