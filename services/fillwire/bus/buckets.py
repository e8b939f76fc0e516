"""Buckets: small keyed state with expiry, seen by watching: what is wanted, observed, held, placed and decided."""

import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused, RevisionConflict
from fillwire.bus.messages import Message
from fillwire.bus.streams import Manifest, ensure_manifest
from fillwire.bus.watching import Watch, is_marker
from fillwire.domain.errors import BrokerError, ConfigError

_NS = 1_000_000_000
_MIB = 1 << 20
_KEY = re.compile(r"[-/_=A-Za-z0-9]+(\.[-/_=A-Za-z0-9]+)*")
MARKER_TTL_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketDefinition:
    """One bucket: the last value of each key, on file.

    Attributes:
        name: the bucket's name.
        description: one sentence for people who look at the broker.
        max_bytes: room for all values; a full bucket refuses new ones.
        max_value_bytes: larger values are refused.
        max_consumers: watches it accepts.
    """

    name: str
    description: str
    max_bytes: int = 64 * _MIB
    max_value_bytes: int = 64 << 10
    max_consumers: int = 4096

    @property
    def stream(self) -> str:
        """Name of the stream that keeps it."""
        return f"KV_{self.name}"

    @property
    def prefix(self) -> str:
        """What stands before a key in the subject of its writing."""
        return f"$KV.{self.name}."

    def manifest(self, replicas: int = 1) -> Manifest:
        """Return the configuration of its stream in the broker's own JSON."""
        return {
            "name": self.stream,
            "description": self.description,
            "subjects": [f"{self.prefix}>"],
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "compression": "none",
            "num_replicas": replicas,
            "max_age": 0,
            "max_bytes": self.max_bytes,
            "max_msgs": -1,
            "max_msgs_per_subject": 1,
            "max_msg_size": self.max_value_bytes,
            "max_consumers": self.max_consumers,
            "duplicate_window": 120 * _NS,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "allow_rollup_hdrs": True,
            "deny_delete": True,
            "deny_purge": False,
            "subject_delete_marker_ttl": MARKER_TTL_S * _NS,  # without it a watch does not hear of an expiry
        }


DESIRED = BucketDefinition(
    name="DESIRED", description="what gateways should be subscribed to, by account and bot"
)
STATUS = BucketDefinition(
    name="STATUS", description="the last state of each connection, expiring with its gateway"
)
LEASES = BucketDefinition(
    name="LEASES", description="which gateway owns which account, expiring with its owner"
)
PLACEMENTS = BucketDefinition(
    name="PLACEMENTS",
    description="client order ids that were sent to a venue, for a day",
    max_bytes=256 * _MIB,
)
DECISIONS = BucketDefinition(
    name="DECISIONS",
    description="what people decided about dead letters and refused frames, for a quarter",
    max_value_bytes=8 << 10,
)
BOTS = BucketDefinition(name="BOTS", description="what each bot is and is to do, until it is removed")
BOT_STATUS = BucketDefinition(
    name="BOT_STATUS", description="what each bot does, as its host says, expiring with the host"
)
BOT_LEASES = BucketDefinition(
    name="BOT_LEASES",
    description="which hosts of bots live, expiring with them, and which of them has which bot",
    max_value_bytes=4 << 10,
)
BOOKS = BucketDefinition(
    name="BOOKS",
    description="what bots have made of their own orders in the log, up to a sequence",
    max_bytes=512 * _MIB,
    max_value_bytes=512 << 10,
)
POSITIONS = BucketDefinition(
    name="POSITIONS",
    description="up to where in the log bots have handled their events, of those that have no durable",
    max_bytes=256 * _MIB,
    max_value_bytes=4 << 10,
)
BUCKETS = (DESIRED, STATUS, LEASES, PLACEMENTS, DECISIONS, BOTS, BOT_STATUS, BOT_LEASES, BOOKS, POSITIONS)


def bucket_manifests(replicas: int = 1) -> list[Manifest]:
    """Return the streams of all buckets in the broker's own JSON, as deploy/nats/buckets.json holds them."""
    return [definition.manifest(replicas) for definition in BUCKETS]


async def ensure_buckets(
    bus: Bus, replicas: int = 1, definitions: Sequence[BucketDefinition] = BUCKETS
) -> None:
    """Make the buckets that are missing and bring the others up to their definitions; raises as `ensure_streams`."""
    for definition in definitions:
        await ensure_manifest(bus, definition.manifest(replicas))


@dataclass(frozen=True, slots=True)
class Entry:
    """What a bucket holds under a key.

    Attributes:
        key: the key.
        value: None when the key has gone: deleted or expired.
        revision: grows with every write to the bucket; the one to name in a conditional write.
    """

    key: str
    value: bytes | None
    revision: int


EntryHandler = Callable[[Entry], Awaitable[None]]


class Bucket:
    """Reads, writes and watches one bucket.

    Args:
        bus: the connection.
        definition: which bucket.
        timeout_s: how long one request may take.
    """

    def __init__(self, bus: Bus, definition: BucketDefinition, *, timeout_s: float = 2.0) -> None:
        self._bus = bus
        self._name = definition.name
        self._stream = definition.stream
        self._timeout_s = timeout_s
        self._prefix = definition.prefix

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._name

    async def get(self, key: str) -> Entry | None:
        """Return what the key holds, None if it holds nothing; raises as `look` does."""
        entry = await self.look(key)
        return None if entry.value is None else entry

    async def look(self, key: str) -> Entry:
        """Return what the key holds and the revision that a conditional write must name.

        A key that has gone has no value and the revision of its marker, one that was never written revision 0. In a
        cluster a replica may answer a moment behind: a conditional write decides.

        Raises:
            ConfigError: a malformed key.
            BrokerError: no answer, or not allowed.
        """
        subject = self._subject(key)
        answer = await self._bus.request_message(
            f"{self._bus.api_prefix}.DIRECT.GET.{self._stream}.{subject}", b"", self._timeout_s
        )
        if answer.status == 404:  # noqa: PLR2004 - not found
            return Entry(key, None, 0)
        if answer.status is not None:
            raise BrokerError(f"cannot read {key} of bucket {self._name}: status {answer.status}")
        return self._entry(key, answer.headers, answer.data, int(answer.headers["Nats-Sequence"]))

    async def put(
        self, key: str, value: bytes, *, ttl_s: float | None = None, expected_revision: int | None = None
    ) -> int:
        """Write a value and return its revision.

        Args:
            key: tokens of `escape_token` joined by dots.
            value: what to keep.
            ttl_s: it expires after so long, rounded up to whole seconds; None keeps it.
            expected_revision: write only if this is the key's revision: 0 for a key that was never written. A key
                that expired or was deleted less than a minute ago has the revision of its marker, see `revision`.

        Raises:
            RevisionConflict: the key has another revision.
            ConfigError: a malformed key or a lifetime that is not positive.
            BrokerError: no answer: written or not is unknown; or the bucket refused.
        """
        headers: dict[str, str] = {}
        if ttl_s is not None:
            if ttl_s <= 0:
                raise ConfigError(
                    f"lifetime of {key} in bucket {self._name}: expected a positive number, was {ttl_s}"
                )
            headers["Nats-TTL"] = str(math.ceil(ttl_s))
        return await self._write(key, value, headers, expected_revision)

    async def delete(self, key: str, *, expected_revision: int | None = None) -> int:
        """Delete a key, whether it exists or not; return the revision of the marker, which itself expires.

        Raises:
            RevisionConflict: the key has another revision than expected.
            BrokerError: no answer, or refused.
        """
        headers = {"KV-Operation": "PURGE", "Nats-Rollup": "sub", "Nats-TTL": str(MARKER_TTL_S)}
        return await self._write(key, b"", headers, expected_revision)

    async def revision(self, key: str) -> int:
        """Return the revision a conditional write must name; raises as `look` does."""
        return (await self.look(key)).revision

    async def watch(
        self, pattern: str, handler: EntryHandler, *, resync_s: float = 60.0, deadline_s: float = 10.0
    ) -> Watch:
        """Have `handler` awaited for every value that matches now, and then for every change, until `Watch.stop`.

        Returns when the values of now have been handled. A key that has gone is told with `value` None. The watch
        survives reconnects and re-reads everything each `resync_s`; then only what differs is told, in order of
        writing. What the handler raises is logged.

        Args:
            pattern: a key, or a pattern of them such as `*.binance.>`; `>` for all.
            handler: told of one entry after another.
            resync_s: a safety net, in seconds.
            deadline_s: how long the first reading may take.

        Raises:
            BrokerError: no answer, not allowed, or not read before the deadline.
        """

        async def receive(key: str, message: Message | None) -> None:
            if message is None:
                await handler(Entry(key, None, 0))
            else:
                await handler(self._entry(key, message.headers, message.data, message.sequence))

        watch = Watch(self._bus, self._stream, self._prefix, pattern, receive, resync_s=resync_s)
        await watch.start(deadline_s)
        return watch

    async def snapshot(self, pattern: str = ">", *, deadline_s: float = 10.0) -> dict[str, Entry]:
        """Return all entries that match, by key; raises as `watch` does."""
        entries: dict[str, Entry] = {}

        async def collect(entry: Entry) -> None:
            if entry.value is None:
                entries.pop(entry.key, None)
            else:
                entries[entry.key] = entry

        watch = await self.watch(pattern, collect, deadline_s=deadline_s)
        await watch.stop()
        return entries

    async def keys(self, pattern: str = ">", *, deadline_s: float = 10.0) -> list[str]:
        """Return all keys that match, sorted; raises as `watch` does."""
        return sorted(await self.snapshot(pattern, deadline_s=deadline_s))

    def _subject(self, key: str) -> str:
        if _KEY.fullmatch(key) is None:
            raise ConfigError(
                f"key {key!r} of bucket {self._name}: expected tokens of A-Za-z0-9-_=/ joined by dots"
            )
        return self._prefix + key

    def _entry(self, key: str, headers: Mapping[str, str], data: bytes, revision: int) -> Entry:
        return Entry(key, None if is_marker(headers) else data, revision)

    async def _write(
        self, key: str, value: bytes, headers: dict[str, str], expected_revision: int | None
    ) -> int:
        if expected_revision is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(expected_revision)
        answer = await self._bus.request_message(self._subject(key), value, self._timeout_s, headers)
        document = orjson.loads(answer.data)
        error = document.get("error")
        if error is None:
            return int(document["seq"])
        if expected_revision is not None and error.get("err_code") in api.WRONG_LAST_SEQUENCE:
            raise RevisionConflict(self._name, key, expected_revision)
        raise ApiRefused(
            f"write of {key} to bucket {self._name}",
            error.get("code", 500),
            error.get("err_code", 0),
            error.get("description", ""),
        )
