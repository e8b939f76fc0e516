"""The streams: what is kept, for how long, and how much of it; made and updated by whoever starts first."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.dividing import require_division
from fillwire.bus.errors import ApiRefused
from fillwire.bus.partitions import LOG, Partitions
from fillwire.domain.errors import ConfigError
from fillwire.runtime.logs import get_log
from fillwire.wire.subjects import ALERTS, CONNECTIONS, DEAD_LETTERS, QUARANTINE

_log = get_log(__name__)

_NS = 1_000_000_000
_DAY_S = 86_400
_GIB = 1 << 30
_MIB = 1 << 20

_UNDIVIDED = Partitions()

Manifest = dict[str, Any]
"""A configuration in the broker's own JSON, as `nats stream add --config` reads it: durations in nanoseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDefinition:
    """One stream. Always on file, limited by age and size, oldest messages discarded first.

    Attributes:
        name: the stream's name.
        subjects: what it takes.
        description: one sentence for people who look at the broker.
        max_age_s: messages are kept for so long, in seconds.
        max_bytes: and no more of them than this.
        max_message_bytes: larger ones are refused.
        max_messages_per_subject: of one subject no more are kept, so that a flood on it ends nobody else's; -1 for no bound.
        max_consumers: consumers it accepts; the broker's own default is 1000.
        duplicate_window_s: message ids are remembered for so long, in seconds; about 250 bytes of memory each.
        is_append_only: whether deleting and purging single messages is denied: the log is the evidence.
        transform: what becomes of the subjects that it takes, in the broker's own JSON; None if they stay.
    """

    name: str
    subjects: tuple[str, ...]
    description: str
    max_age_s: int
    max_bytes: int
    max_message_bytes: int = _MIB
    max_messages_per_subject: int = -1
    max_consumers: int = 1000
    duplicate_window_s: int = 120
    is_append_only: bool = True
    transform: Manifest | None = None

    def manifest(self, replicas: int = 1) -> Manifest:
        """Return the configuration in the broker's own JSON."""
        manifest: Manifest = {
            "name": self.name,
            "description": self.description,
            "subjects": list(self.subjects),
            "retention": "limits",
            "storage": "file",
            "discard": "old",
            "compression": "s2",
            "num_replicas": replicas,
            "max_age": self.max_age_s * _NS,
            "max_bytes": self.max_bytes,
            "max_msgs": -1,
            "max_msgs_per_subject": self.max_messages_per_subject,
            "max_msg_size": self.max_message_bytes,
            "max_consumers": self.max_consumers,
            "duplicate_window": self.duplicate_window_s * _NS,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "deny_delete": self.is_append_only,
            "deny_purge": self.is_append_only,
        }
        return manifest if self.transform is None else manifest | {"subject_transform": self.transform}


STREAMS = (
    StreamDefinition(
        name=LOG,
        subjects=_UNDIVIDED.subjects(0),
        description="order events, the log that strategies and gateways resume from",
        max_age_s=30 * _DAY_S,
        max_bytes=6 * _GIB,
        max_consumers=20_000,
        duplicate_window_s=600,
    ),
    StreamDefinition(
        name="CONNECTIONS",
        subjects=(f"{CONNECTIONS}.>",),
        description="states of the connections to venues, as they changed",
        max_age_s=7 * _DAY_S,
        max_bytes=512 * _MIB,
        max_consumers=20_000,
    ),
    StreamDefinition(
        name="QUARANTINE",
        subjects=(f"{QUARANTINE}.>",),
        description="frames that a gateway could not accept, whole and with the reason",
        max_age_s=90 * _DAY_S,
        max_bytes=_GIB,
        max_messages_per_subject=20_000,
    ),
    StreamDefinition(
        name="DLQ",
        subjects=(f"{DEAD_LETTERS}.>",),
        description="events that a strategy's listener could not handle, per bot",
        max_age_s=90 * _DAY_S,
        max_bytes=_GIB,
        max_messages_per_subject=100_000,
    ),
    StreamDefinition(
        name="ALERTS",
        subjects=(f"{ALERTS}.>",),
        description="what a person should know, such as the loss of live detection",
        max_age_s=30 * _DAY_S,
        max_bytes=256 * _MIB,
    ),
)
"""Every subject that carries events has a stream; `commands.>` has none, for a request is no event."""


def divided(definitions: Sequence[StreamDefinition], partitions: Partitions) -> list[StreamDefinition]:
    """Return definitions of streams with one for each partition of the log in the place of the log's."""
    found: list[StreamDefinition] = []
    for definition in definitions:
        if definition.subjects != _UNDIVIDED.subjects(0) or not partitions.is_divided:
            found.append(definition)
            continue
        found += [
            replace(
                definition,
                name=name,
                subjects=partitions.subjects(number),
                description=f"{definition.description}: partition {number} of {partitions.count}",
                max_bytes=definition.max_bytes // partitions.count,
                transform=partitions.transform(number),
            )
            for number, name in enumerate(partitions.streams)
        ]
    return found


def stream_manifests(replicas: int = 1, partitions: Partitions = _UNDIVIDED) -> list[Manifest]:
    """Return all streams in the broker's own JSON, as deploy/nats/streams.json holds them."""
    return [definition.manifest(replicas) for definition in divided(STREAMS, partitions)]


async def ensure_streams(
    bus: Bus,
    replicas: int = 1,
    definitions: Sequence[StreamDefinition] = STREAMS,
    *,
    duplicate_window_s: float | None = None,
    log_max_bytes: int | None = None,
) -> None:
    """Make the streams that are missing and bring the others up to their definitions.

    Any number of processes may do so at once. Replicas are never reduced: a development process must not thin out a
    cluster. Fields that the definitions do not name are left as they are.

    Args:
        bus: the connection.
        replicas: of each stream.
        definitions: the streams.
        duplicate_window_s: of the stream of order events, as who publishes them reckons with it, in seconds; None for
            whoever does not publish: an existing stream keeps its own.
        log_max_bytes: of order events, in all partitions of the log together, which then drop their oldest; None as for
            the window.

    Raises:
        ConfigError: the broker refuses a definition: it conflicts with an existing stream or with the broker's limits;
            or it has the log in another number of partitions.
        BrokerError: no answer.
    """
    partitions = bus.partitions
    if partitions.is_divided:
        await require_division(bus)
    for definition in divided(definitions, partitions):
        manifest = definition.manifest(replicas)
        if definition.transform is None and definition.subjects != _UNDIVIDED.subjects(0):
            await ensure_manifest(bus, manifest)
            continue
        chosen = {
            "duplicate_window": None if duplicate_window_s is None else int(duplicate_window_s * _NS),
            "max_bytes": None if log_max_bytes is None else log_max_bytes // partitions.count,
        }
        manifest |= {field: value for field, value in chosen.items() if value is not None}
        keeps = frozenset(field for field, value in chosen.items() if value is None)
        await ensure_manifest(bus, manifest, keeps, partial(require_division, bus))


async def missing_streams(bus: Bus, names: Iterable[str]) -> list[str]:
    """Return which of these streams the broker does not have.

    Raises:
        BrokerError: no answer.
    """
    return [name for name in names if await _stream_config(bus, name) is None]


async def ensure_manifest(
    bus: Bus,
    manifest: Manifest,
    keeps: Collection[str] = (),
    before_creation: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Make one stream, or update it where it differs in other fields than `keeps`; raises as `ensure_streams` does.

    A cluster that has just been started lacks peers for a while: that is waited for, some seconds.

    Args:
        bus: the connection.
        manifest: the stream.
        keeps: fields that an existing stream keeps.
        before_creation: asked before the stream is made; if it raises, it is not.
    """
    deadline_s = asyncio.get_running_loop().time() + _PEERS_DEADLINE_S
    while True:
        try:
            await _ensure_manifest(bus, manifest, keeps, before_creation)
        except ConfigError as error:
            cause = error.__cause__
            is_early = (
                isinstance(cause, ApiRefused)
                and cause.error_code == _NO_PEERS
                and _OFFLINE in cause.description
            )
            if not is_early or asyncio.get_running_loop().time() >= deadline_s:
                raise
            await asyncio.sleep(_PEERS_PAUSE_S)
        else:
            return


async def _ensure_manifest(
    bus: Bus,
    manifest: Manifest,
    keeps: Collection[str],
    before_creation: Callable[[], Awaitable[None]] | None,
) -> None:
    name = manifest["name"]
    try:
        current = await _stream_config(bus, name)
        if current is None:
            if before_creation is not None:
                await before_creation()
            try:
                await api.call(bus, f"STREAM.CREATE.{name}", manifest)
            except ApiRefused as error:
                if error.error_code != api.STREAM_NAME_IN_USE:
                    raise
                # Somebody was faster, perhaps with another definition.
                current = await _stream_config(bus, name)
            else:
                _log.info("stream_created", stream=name)
        if current is not None:
            kept = {key: current[key] for key in keeps if key in current}
            await _update(bus, name, current, manifest | kept)
    except ApiRefused as error:
        if error.is_transient and error.error_code not in _REFUSED_FOR_GOOD:
            raise
        raise ConfigError(
            f"stream {name} cannot be brought up to its definition: {error.description} (error {error.error_code})"
        ) from error


_NO_PEERS, _OFFLINE = 10005, "offline"
_PEERS_DEADLINE_S = 15.0
_PEERS_PAUSE_S = 0.25

_REFUSED_FOR_GOOD = frozenset({10052, 10047, 10028, 10023, 10077})
"""Invalid configuration, not enough storage or memory, too many streams: 5xx by code, and yet final."""


async def _stream_config(bus: Bus, name: str) -> Manifest | None:
    try:
        config: Manifest = (await api.call(bus, f"STREAM.INFO.{name}"))["config"]
    except ApiRefused as error:
        if error.error_code == api.STREAM_NOT_FOUND:
            return None
        raise
    return config


async def _update(bus: Bus, name: str, current: Manifest, manifest: Manifest) -> None:
    wanted = manifest | {"num_replicas": max(manifest["num_replicas"], current.get("num_replicas", 1))}
    changed = sorted(key for key, value in wanted.items() if current.get(key, _ABSENT.get(key)) != value)
    if changed:
        await api.call(bus, f"STREAM.UPDATE.{name}", current | wanted)
        _log.info("stream_updated", stream=name, fields=changed)


_ABSENT: Manifest = {
    "deny_delete": False,
    "deny_purge": False,
    "allow_rollup_hdrs": False,
    "allow_msg_ttl": False,
}
"""What the broker means by a field that it leaves out of its answer."""
