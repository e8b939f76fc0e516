"""What each service of the system may do at the broker, and nothing else: tried by running it under exactly this.

Names of consumers cannot be limited by a pattern, so a service that reads a stream may name any consumer of it. Within the
system's own account that is trusted; tenants have accounts of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fillwire.bus.buckets import BUCKETS
from fillwire.bus.partitions import LOG, Partitions
from fillwire.bus.streams import STREAMS
from fillwire.bus.tenants import INBOUND, MIRRORED, TAKEN, Tenant
from fillwire.domain.identifiers import escape_token

_API: Final = "$JS.API"
# Whoever starts looks whether the streams are as they should be.
_INFOS: Final = tuple(
    f"{_API}.STREAM.INFO.{name}"
    for name in (*(stream.name for stream in STREAMS), *(bucket.stream for bucket in BUCKETS))
)
_UNDIVIDED: Final = Partitions()
_ANSWER_EXPIRES: Final = "2m"  # an order may take as long


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Subjects that a service may publish on and subscribe to.

    Attributes:
        publish: patterns.
        subscribe: patterns, its inbox apart.
        answers: whether it may answer what it is asked, once each.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ()
    answers: bool = False

    def document(self, inbox: str) -> dict[str, object]:
        """Return them in the broker's own JSON.

        Args:
            inbox: first token of the subjects on which the service takes answers.
        """
        written: dict[str, object] = {
            "publish": {"allow": sorted(self.publish)},
            "subscribe": {"allow": sorted((f"{inbox}.>", *self.subscribe))},
        }
        if self.answers:
            written["allow_responses"] = {"max": 1, "expires": _ANSWER_EXPIRES}
        return written


def _reading(stream: str, *patterns: str) -> list[str]:
    """Return what reading a stream takes, by consumers that hold to one of the patterns."""
    return [
        *(f"{_API}.CONSUMER.CREATE.{stream}.*.{pattern}" for pattern in patterns),
        f"{_API}.CONSUMER.INFO.{stream}.*",
        f"{_API}.CONSUMER.DELETE.{stream}.*",
        f"{_API}.CONSUMER.MSG.NEXT.{stream}.*",
        f"{_API}.STREAM.MSG.GET.{stream}",
        f"{_API}.DIRECT.GET.{stream}",
    ]


def _infos(partitions: Partitions) -> tuple[str, ...]:
    return (*_INFOS, *(f"{_API}.STREAM.INFO.{name}" for name in partitions.streams if partitions.is_divided))


def _reading_log(partitions: Partitions, *patterns: str) -> list[str]:
    return [subject for stream in partitions.streams for subject in _reading(stream, *patterns)]


def _watching(bucket: str, pattern: str) -> list[str]:
    stream = f"KV_{bucket}"
    return [
        f"{_API}.CONSUMER.CREATE.{stream}.*.$KV.{bucket}.{pattern}",
        f"{_API}.CONSUMER.INFO.{stream}.*",
        f"{_API}.CONSUMER.DELETE.{stream}.*",
        f"{_API}.CONSUMER.MSG.NEXT.{stream}.*",
    ]


def _getting(bucket: str, pattern: str) -> str:
    return f"{_API}.DIRECT.GET.KV_{bucket}.$KV.{bucket}.{pattern}"


def _keeping(bucket: str, pattern: str) -> list[str]:
    """Return what reading, writing and watching keys takes."""
    return [*_watching(bucket, pattern), _getting(bucket, pattern), f"$KV.{bucket}.{pattern}"]


def gateway(exchange: str, partitions: Partitions = _UNDIVIDED) -> Permissions:
    """Return what the gateways of one exchange may do: everything of its accounts, nothing of other exchanges."""
    token = escape_token(exchange)
    return Permissions(
        publish=(
            *_infos(partitions),
            # The broker judges by what it has made of a subject.
            partitions.live(f"orders.*.{token}.>"),
            f"connections.*.{token}.*",
            f"alerts.*.{token}.>",
            f"quarantine.{token}.>",
            f"gateways.{token}",
            *_reading_log(partitions, f"orders.*.{token}.>"),
            f"{_API}.STREAM.MSG.GET.CONNECTIONS",
            f"{_API}.DIRECT.GET.QUARANTINE",
            *_watching("DESIRED", f"*.{token}.>"),
            f"$KV.STATUS.*.{token}.*",
            *_keeping("LEASES", f"*.{token}.*"),
            *_keeping("PLACEMENTS", f"*.{token}.>"),
            _getting("PLACEMENTS", "restored"),
        ),
        subscribe=(f"commands.*.{token}.>", f"gateways.{token}"),
        answers=True,
    )


# What keeping durables takes, beside reading.
_HOLDING: Final = (
    f"{_API}.CONSUMER.CREATE.{{}}.>",
    f"{_API}.CONSUMER.RESET.{{}}.*",
    f"{_API}.CONSUMER.LIST.{{}}",
    "$JS.ACK.{}.>",
)


def host(partitions: Partitions = _UNDIVIDED) -> Permissions:
    """Return what hosts of managed bots may do: run bots of all users."""
    return Permissions(
        publish=(
            *_infos(partitions),
            *_reading_log(partitions),
            *(subject.format(stream) for stream in partitions.streams for subject in _HOLDING),
            _getting("POSITIONS", ">"),
            "$KV.POSITIONS.>",
            "commands.>",
            "dlq.>",
            "alerts.>",
            "hosts.>",
            "$KV.DESIRED.>",
            *_watching("STATUS", ">"),
            _getting("STATUS", ">"),
            _getting("BOOKS", ">"),
            "$KV.BOOKS.>",
            *_keeping("BOTS", ">"),
            *_keeping("BOT_STATUS", ">"),
            *_keeping("BOT_LEASES", ">"),
        ),
        subscribe=(partitions.live("orders.>"), "connections.>", "hosts.>", "calls.*"),
        answers=True,
    )


def manager(partitions: Partitions = _UNDIVIDED) -> Permissions:
    """Return what managers of bots may do: answer users, write what bots are to do, order in their names."""
    return Permissions(
        publish=(
            *_infos(partitions),
            "commands.>",
            *_reading_log(partitions, "orders.>"),
            *_keeping("BOTS", ">"),
            *_keeping("BOT_STATUS", ">"),
            *_keeping("BOT_LEASES", ">"),
            _getting("BOOKS", ">"),
            "$KV.BOOKS.>",
            _getting("POSITIONS", ">"),
            "$KV.POSITIONS.>",
        ),
        subscribe=("bots.*.*",),
        answers=True,
    )


def recorder(partitions: Partitions = _UNDIVIDED) -> Permissions:
    """Return what recorders may do: read the log of order events."""
    return Permissions(publish=(*_infos(partitions), *_reading_log(partitions, "orders.>")))


def notifier(partitions: Partitions = _UNDIVIDED) -> Permissions:
    """Return what the notifier may do: read alerts by its one consumer."""
    return Permissions(
        publish=(
            *_infos(partitions),
            f"{_API}.CONSUMER.CREATE.ALERTS.notify.alerts.>",
            f"{_API}.CONSUMER.INFO.ALERTS.notify",
            f"{_API}.CONSUMER.RESET.ALERTS.notify",
            f"{_API}.CONSUMER.MSG.NEXT.ALERTS.notify",
            "$JS.ACK.ALERTS.notify.>",
        )
    )


def console(partitions: Partitions = _UNDIVIDED, tenants: Sequence[Tenant] = ()) -> Permissions:
    """Return what the console may do: see all, replay and discard what was set aside, ask managers of bots."""
    return Permissions(
        publish=(
            *_infos(partitions),
            *_reading_log(partitions, "orders.>"),
            *_reading("DLQ", "dlq.>"),
            *_reading("QUARANTINE", "quarantine.>"),
            *_watching("STATUS", ">"),
            *_watching("DESIRED", ">"),
            *_watching("BOTS", ">"),
            *_watching("BOT_STATUS", ">"),
            _getting("POSITIONS", ">"),
            # Bots that tenants run have their places there; whether one has any is asked before a replay.
            *(f"{_API}.CONSUMER.INFO.{tenant.stream(LOG)}.*" for tenant in tenants),
            *_keeping("DECISIONS", ">"),
            *(f"bots.*.{verb}" for verb in ("list", "start", "pause", "resume", "stop")),
            "calls.*",  # asks hosts for the rest of a fill's way
            partitions.live("orders.>"),  # a dead letter that is replayed is a second coming of its event
            "commands.*.*.*.read_again",  # has a gateway read a refused frame again
        ),
        subscribe=(partitions.live("orders.>"), "connections.>", "dlq.>", "quarantine.>", "$KV.DECISIONS.>"),
    )


def door(tenants: Sequence[Tenant]) -> Permissions:
    """Return what the door may do: make consumers at the tenants' own streams, and give what stands still another leader.

    Of streams it learns names and states, and reads nothing.
    """
    mirrors = [tenant.stream(stream) for tenant in tenants for stream in MIRRORED]
    taken = [tenant.stream(stream) for tenant in tenants for stream in TAKEN]
    manifests = [manifest for tenant in tenants for manifest in tenant.manifests()]
    mirrored = {manifest["mirror"]["name"] for manifest in manifests if "mirror" in manifest}
    return Permissions(
        publish=(
            f"{_API}.STREAM.NAMES",
            *(f"{_API}.CONSUMER.CREATE.{stream}.>" for stream in mirrors),
            *(f"{_API}.STREAM.INFO.{stream}" for stream in (*mirrors, *mirrored, *taken, *TAKEN)),
            *(f"{_API}.STREAM.LEADER.STEPDOWN.{stream}" for stream in (*mirrors, *TAKEN)),
        ),
        subscribe=(f"{INBOUND}.*.consumers.>",),
        answers=True,
    )
