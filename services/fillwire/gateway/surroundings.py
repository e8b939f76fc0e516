"""What the sessions of one process share, and what those of one environment share."""

import ssl
from dataclasses import dataclass
from random import Random

from fillwire.gateway.budget import ConnectBudget
from fillwire.gateway.reference import Reference
from fillwire.gateway.reporting import Reporter
from fillwire.gateway.rest import RestClient
from fillwire.gateway.valve import Valve
from fillwire.gateway.weights import WeightBudget
from fillwire.runtime.backoff import ReconnectPolicy
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.protocol import ConnectionLimits
from fillwire.venues.venue import Venue

_NS = 1_000_000_000
_MS = 1_000_000
# Up to an hour before the venue would end a connection, spread so that accounts do not change over together.
_LIFETIME_SHARE = (0.955, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPolicy:
    """How connections are made and held.

    Attributes:
        reconnect: waits between attempts, and how many fail before detection counts as lost.
        connect_timeout_ms: from dialling to the acknowledged subscription.
        heartbeat_interval_ms: between two probes of a connection.
        order_timeout_ms: after this long a bot's request is answered in any case; shorter than bots wait.
        max_pending_orders: requests of bots to one account that may wait for the venue.
    """

    reconnect: ReconnectPolicy
    connect_timeout_ms: int
    heartbeat_interval_ms: int
    order_timeout_ms: int = 4_000
    max_pending_orders: int = 128

    @property
    def connect_timeout_s(self) -> float:
        """From dialling to the acknowledged subscription, in seconds."""
        return self.connect_timeout_ms / 1e3

    @property
    def order_timeout_s(self) -> float:
        """After this long a bot's request is answered in any case, in seconds."""
        return self.order_timeout_ms / 1e3

    @property
    def max_delay_s(self) -> float:
        """Ceiling of the wait between attempts, in seconds."""
        return self.reconnect.max_delay_ms / 1e3

    def limits(self, venue_lifetime_s: float, random: Random) -> ConnectionLimits:
        """Return the limits of one connection; its lifetime is drawn below the venue's."""
        return ConnectionLimits(
            connect_timeout_ns=self.connect_timeout_ms * _MS,
            heartbeat_interval_ns=self.heartbeat_interval_ms * _MS,
            lifetime_ns=int(venue_lifetime_s * random.uniform(*_LIFETIME_SHARE) * _NS),
            order_timeout_ns=self.order_timeout_ms * _MS,
            max_pending_orders=self.max_pending_orders,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all sessions of a process share.

    Attributes:
        venue: the exchange.
        policy: how connections are made and held.
        budget: how many may be dialled.
        valve: stops reading while the broker takes nothing.
        reporter: told of every change.
        tls: verifies the venue.
        gateway: name of this process.
        random: source of jitter.
    """

    venue: Venue
    policy: ConnectionPolicy
    budget: ConnectBudget
    valve: Valve
    reporter: Reporter
    tls: ssl.SSLContext
    gateway: str
    random: Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What all sessions of one environment share.

    Attributes:
        endpoints: where it is reached.
        reference: its symbols and clock.
        rest: its REST interface.
        weights: what may be asked of it.
    """

    endpoints: Endpoints
    reference: Reference
    rest: RestClient
    weights: WeightBudget
