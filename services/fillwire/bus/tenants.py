"""Tenants at the broker: which streams are a tenant's own, and by which subjects their account reaches the system's.

A tenant is a user whose programs are not trusted. They connect to an account of their own, which has no JetStream and sees
nothing of the system's account but what is imported here, subject by subject. What a tenant reads is a mirror of their
part of a stream; what they write goes into small streams of their own, from which the system's streams take it. So names of
consumers never cross, and nobody can fill what belongs to all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from fillwire.bus.partitions import Partitions
from fillwire.bus.streams import STREAMS, Manifest
from fillwire.domain.identifiers import escape_token

API_PREFIX: Final = "TENANT.API"
"""Stands in a tenant's account for `$JS.API`, which there is the account's own, and empty."""

INBOUND: Final = "tenants"
"""First token of the subjects on which the system's account takes what tenants write and ask."""

DESCRIBED: Final = "of tenant "
"""How the descriptions of tenants' streams begin."""

_NS = 1_000_000_000
_KIB = 1 << 10
_MIB = 1 << 20
_DAY_S = 86_400
_MARKER_TTL_S = 60

Response = Literal["single", "stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """What a tenant may take of the broker.

    Attributes:
        connections: clients at a time.
        subscriptions: of all their clients.
        payload_bytes: of one message.
        consumers: consumers of order events, which is one for each bot and reading, and as many watches of connections.
        ack_pending: events that are on the way to one consumer.
        log_bytes: order events that are kept for them, the newest.
        state_bytes: what their bots keep of their own orders.
        letters_bytes: dead letters of a quarter.
    """

    connections: int = 16
    subscriptions: int = 4096
    payload_bytes: int = 640 * _KIB
    consumers: int = 256
    ack_pending: int = 1024
    log_bytes: int = 256 * _MIB
    state_bytes: int = 16 * _MIB
    letters_bytes: int = 8 * _MIB


@dataclass(frozen=True, slots=True)
class Service:
    """A subject of requests that a tenant may use.

    Attributes:
        local: as the tenant's programs say it.
        core: as the system's account hears it.
        response: whether one answer follows or many.
    """

    local: str
    core: str
    response: Response = "single"


@dataclass(frozen=True, slots=True)
class Feed:
    """A subject of what is delivered to a tenant as it is published.

    Attributes:
        local: as the tenant's programs say it.
        core: as it is in the system's account.
    """

    local: str
    core: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant: the user whose name stands in the subjects, what they may take, and how the log is divided."""

    user: str
    limits: TenantLimits = field(default_factory=TenantLimits)
    partitions: Partitions = field(default_factory=Partitions)

    @property
    def token(self) -> str:
        """The user as a token of subjects and names."""
        return escape_token(self.user)

    @property
    def account(self) -> str:
        """Name of the account at the broker."""
        return f"TENANT_{self.token}"

    def stream(self, name: str) -> str:
        """Return the name of the tenant's own stream that stands for one of the system's."""
        return tenant_stream(name, self.token)

    def feeds(self) -> tuple[Feed, ...]:
        """Return the subjects that are delivered to the tenant as they are published."""
        orders, connections = f"orders.{self.token}.>", f"connections.{self.token}.>"
        return (Feed(orders, self.partitions.live(orders)), Feed(connections, connections))

    def services(self) -> tuple[Service, ...]:
        """Return every subject on which the tenant may publish or ask, and what it is in the system's account."""
        token, inbound = self.token, f"{INBOUND}.{self.token}"
        found = [
            Service(f"commands.{token}.>", f"commands.{token}.>"),
            Service(f"bots.{token}.>", f"bots.{token}.>"),
            Service(f"dlq.{token}.*", f"{inbound}.dlq.*"),
            Service(f"alerts.{token}.>", f"{inbound}.alerts.>"),
            Service(f"$KV.DESIRED.{token}.>", f"{inbound}.desired.>"),
            Service(f"$KV.BOOKS.{token}.>", f"{inbound}.books.>"),
            self._api(
                f"DIRECT.GET.KV_BOOKS.$KV.BOOKS.{token}.>",
                f"DIRECT.GET.{self.stream('KV_BOOKS')}.{inbound}.books.>",
            ),
            self._api(
                f"DIRECT.GET.KV_STATUS.$KV.STATUS.{token}.>",
                f"DIRECT.GET.{self.stream('KV_STATUS')}.$KV.STATUS.{token}.>",
            ),
            Service(f"$JS.ACK.{self.stream('ORDERS')}.>", f"$JS.ACK.{self.stream('ORDERS')}.>"),
        ]
        for stream in MIRRORED:
            own = self.stream(stream)
            found += [
                # The body of this request could name a subject to deliver on, anybody's: see `door`.
                Service(f"{API_PREFIX}.CONSUMER.CREATE.{stream}.>", f"{inbound}.consumers.{stream}.>"),
                self._api(f"CONSUMER.INFO.{stream}.*", f"CONSUMER.INFO.{own}.*"),
                self._api(f"CONSUMER.DELETE.{stream}.*", f"CONSUMER.DELETE.{own}.*"),
                self._api(f"CONSUMER.MSG.NEXT.{stream}.*", f"CONSUMER.MSG.NEXT.{own}.*", "stream"),
            ]
        own = self.stream("ORDERS")
        for operation in (
            "CONSUMER.RESET.{}.*",
            "CONSUMER.LIST.{}",
            "STREAM.INFO.{}",
            "STREAM.MSG.GET.{}",
            "DIRECT.GET.{}",
        ):
            found.append(self._api(operation.format("ORDERS"), operation.format(own)))
        return tuple(found)

    @staticmethod
    def _api(local: str, core: str, response: Response = "single") -> Service:
        return Service(f"{API_PREFIX}.{local}", f"$JS.API.{core}", response)

    def manifests(self, replicas: int = 1) -> list[Manifest]:
        """Return the tenant's own streams in the broker's own JSON."""
        limits, inbound = self.limits, f"{INBOUND}.{self.token}"
        orders = next(definition for definition in STREAMS if definition.name == "ORDERS")
        mirrors = [
            self._manifest(
                "ORDERS",
                replicas,
                description="mirror of their order events",
                mirror={
                    "name": self.partitions.stream_of(self.user),
                    "filter_subject": f"orders.{self.token}.>",
                },
                compression="s2",
                discard="old",
                max_age=orders.max_age_s * _NS,
                max_bytes=limits.log_bytes,
                max_consumers=limits.consumers,
                consumer_limits={"max_ack_pending": limits.ack_pending},
            ),
            self._manifest(
                "KV_STATUS",
                replicas,
                description="mirror of the states of their connections",
                mirror={"name": "KV_STATUS", "filter_subject": f"$KV.STATUS.{self.token}.>"},
                discard="old",
                max_bytes=_MIB,
                max_msgs_per_subject=1,
                max_consumers=limits.consumers,
            ),
        ]
        kept = {
            "max_msgs_per_subject": 1,
            "allow_rollup_hdrs": True,
            "subject_delete_marker_ttl": _MARKER_TTL_S * _NS,
        }
        return [
            *mirrors,
            self._manifest(
                "KV_DESIRED",
                replicas,
                description="what their hosts want gateways to be subscribed to",
                subjects=[f"{inbound}.desired.>"],
                max_bytes=256 * _KIB,
                max_msg_size=8 * _KIB,
                **kept,
            ),
            self._manifest(
                "KV_BOOKS",
                replicas,
                description="what their bots have made of their own orders in the log",
                subjects=[f"{inbound}.books.>"],
                max_bytes=limits.state_bytes,
                **kept,
            ),
            self._manifest(
                "DLQ",
                replicas,
                description="events that their bots could not handle",
                subjects=[f"{inbound}.dlq.*"],
                max_age=90 * _DAY_S * _NS,
                max_bytes=limits.letters_bytes,
            ),
            self._manifest(
                "ALERTS",
                replicas,
                description="alerts of their hosts, of the last hour",
                subjects=[f"{inbound}.alerts.>"],
                max_age=3600 * _NS,
                max_bytes=64 * _KIB,
                max_msg_size=8 * _KIB,
            ),
        ]

    def _manifest(self, name: str, replicas: int, *, description: str, **fields: Any) -> Manifest:
        manifest: Manifest = {
            "name": self.stream(name),
            "description": f"{DESCRIBED}{self.user}: {description}",
            "retention": "limits",
            "storage": "file",
            # A tenant whose stream is full is refused: discarding old would let more pass through than fits.
            "discard": "new",
            "compression": "none",
            "num_replicas": replicas,
            "max_age": 0,
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "max_msg_size": -1,
            "max_consumers": 8,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "deny_delete": True,
        }
        if "mirror" not in fields:
            manifest["duplicate_window"] = 120 * _NS
        return manifest | fields


MIRRORED: Final = ("ORDERS", "KV_STATUS")
"""The system's streams of which a tenant reads a mirror of their part."""

TAKEN: Final = {
    "KV_DESIRED": ("desired", "$KV.DESIRED"),
    "DLQ": ("dlq", "dlq"),
    "ALERTS": ("alerts", "alerts"),
}
"""The system's streams that take what tenants write: the word in the subjects of the tenants', and what it becomes."""


def tenant_stream(name: str, token: str) -> str:
    """Return the name of a tenant's own stream that stands for one of the system's."""
    return f"{name}-{token}"


def own_streams(token: str) -> tuple[str, ...]:
    """Return the names of all streams that a tenant of this token has."""
    return tuple(tenant_stream(name, token) for name in (*MIRRORED, *TAKEN, "KV_BOOKS"))


def sources(tenants: Sequence[Tenant]) -> Mapping[str, list[dict[str, Any]]]:
    """Return what the system's streams take from the tenants' own, in the broker's own JSON, by the streams' names."""
    return {
        stream: [
            {
                "name": tenant.stream(stream),
                "subject_transforms": [
                    {"src": f"{INBOUND}.{tenant.token}.{word}.>", "dest": f"{first}.{tenant.token}.>"}
                ],
            }
            for tenant in tenants
        ]
        for stream, (word, first) in TAKEN.items()
    }
