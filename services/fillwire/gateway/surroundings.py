"""What the sessions of one process share, and what those of one environment share."""

import ssl
from dataclasses import dataclass, field
from random import Random

from fillwire.gateway.admission import Admission
from fillwire.gateway.ban import Ban
from fillwire.gateway.budget import ConnectBudget
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.metering import Meters
from fillwire.gateway.outlet import Outlet
from fillwire.gateway.rationing import RationedRest
from fillwire.gateway.reference import Reference
from fillwire.gateway.reporting import Reports
from fillwire.gateway.rest import RestClient
from fillwire.gateway.valve import Valve
from fillwire.gateway.weights import WeightBudget
from fillwire.runtime.backoff import Backoff, ReconnectPolicy
from fillwire.runtime.settings import Settings
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.protocol import ConnectionLimits
from fillwire.venues.venue import CountsBySecond, Venue, VenueAccount

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
        lost_after_ms: without a stream for so long, live detection counts as lost.
        streams: whether connections are made at all.
        polls: whether REST is asked while live detection is lost.
        poll_interval_ms: time between two such questions.
    """

    reconnect: ReconnectPolicy
    connect_timeout_ms: int
    heartbeat_interval_ms: int
    order_timeout_ms: int = 4_000
    max_pending_orders: int = 128
    lost_after_ms: int = 15_000
    streams: bool = True
    polls: bool = False
    poll_interval_ms: int = 5_000

    @classmethod
    def of(cls, settings: Settings, exchange: str) -> "ConnectionPolicy":
        """Return what the settings say of one exchange."""
        websocket = settings.websocket
        return cls(
            reconnect=websocket.reconnect,
            connect_timeout_ms=websocket.connection_timeout_ms,
            heartbeat_interval_ms=websocket.heartbeat_interval_ms,
            order_timeout_ms=websocket.order_timeout_ms,
            lost_after_ms=websocket.lost_after_ms,
            streams=settings.is_websocket_enabled(exchange),
            polls=settings.falls_back_to_polling(exchange),
            poll_interval_ms=settings.poll_interval_ms(exchange),
        )

    @property
    def connect_timeout_s(self) -> float:
        """From dialling to the acknowledged subscription, in seconds."""
        return self.connect_timeout_ms / 1e3

    @property
    def order_timeout_s(self) -> float:
        """After this long a bot's request is answered in any case, in seconds."""
        return self.order_timeout_ms / 1e3

    @property
    def lost_after_s(self) -> float:
        """Without a stream for so long, live detection counts as lost, in seconds."""
        return self.lost_after_ms / 1e3

    @property
    def poll_interval_s(self) -> float:
        """Time between two questions while live detection is lost, in seconds."""
        return self.poll_interval_ms / 1e3

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
        valve: stops reading while the broker takes nothing.
        reporter: told of every change.
        outlet: where events wait for the broker.
        tls: verifies the venue.
        gateway: name of this process.
        random: source of jitter.
        meters: count what happens to connections.
    """

    venue: Venue
    policy: ConnectionPolicy
    valve: Valve
    reporter: Reports
    outlet: Outlet
    tls: ssl.SSLContext
    gateway: str
    random: Random
    meters: Meters = field(default_factory=Meters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What all sessions of one environment share.

    Attributes:
        endpoints: where it is reached.
        reference: its symbols and clock.
        rest: its REST interface, within its limits.
        ban: until when it wants nothing from this machine.
        admission: who may dial it, and when.
    """

    endpoints: Endpoints
    reference: Reference
    rest: RationedRest
    ban: Ban
    admission: Admission

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - what it is made of; called in one place
        cls,
        name: str,
        endpoints: Endpoints,
        venue: Venue,
        policy: ConnectionPolicy,
        rest: RestClient,
        random: Random,
    ) -> "Environment":
        """Return the environment `name` of a venue, of which nothing has been asked yet."""
        ban = Ban(venue.exchange)
        pace = (venue.weight_per_second, venue.weight_burst) if isinstance(venue, CountsBySecond) else None
        rationed = RationedRest(venue, rest, WeightBudget(venue.weight_per_minute, pace=pace), ban)
        return cls(
            endpoints=endpoints,
            reference=Reference(venue, name, rationed),
            rest=rationed,
            ban=ban,
            admission=Admission(
                f"{venue.exchange}/{name}",
                ban,
                ConnectBudget(venue.connects_per_minute),
                Backoff.from_policy(policy.reconnect, random, is_limited=False),
            ),
        )

    def inquiry(self, account: VenueAccount, share: float = 1.0) -> Inquiry:
        """Return what can be asked of the records of one account, with `share` of the budget of all."""
        reference = self.reference
        return Inquiry(
            account.records(),
            self.rest,
            lambda: reference.clock_offset_ns or 0,
            reference.measure_clock,
            share,
        )
