"""What people decided about what was set aside: each letter and each frame once, whoever is faster."""

from dataclasses import dataclass

from fillwire.bus import api
from fillwire.bus.buckets import DECISIONS, Bucket, Entry, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused
from fillwire.domain.errors import DecodeError
from fillwire.runtime.logs import get_log
from fillwire.wire.decisions import Decision, decode_decision, encode_decision

_log = get_log(__name__)

TTL_S = 91 * 86_400  # a day longer than what it is about is kept
UNDECIDED = 0  # the revision of a key about which nothing was decided


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision and its revision, which the next decision about the same thing must name."""

    decision: Decision
    revision: int


class Decisions:
    """Reads and writes decisions; the bucket is made with the first one.

    Args:
        bus: the connection.
        replicas: of the bucket, should it have to be made.
    """

    def __init__(self, bus: Bus, replicas: int = 1) -> None:
        self._bus = bus
        self._replicas = replicas
        self._bucket = Bucket(bus, DECISIONS)

    async def about(self, pattern: str) -> dict[str, KeptDecision]:
        """Return the decisions of which the keys match, by key; those that cannot be read are left out.

        Raises:
            BrokerError: no answer, or not allowed.
        """
        try:
            entries = await self._bucket.snapshot(pattern)
        except ApiRefused as error:
            if error.error_code != api.STREAM_NOT_FOUND:
                raise
            return {}  # nothing was ever decided here
        kept = ((key, _kept(entry)) for key, entry in entries.items())
        return {key: decision for key, decision in kept if decision is not None}

    async def find(self, key: str) -> KeptDecision | None:
        """Return the decision about one thing, None if there is none; raises as `about`."""
        entry = await self._bucket.get(key)
        return None if entry is None else _kept(entry)

    async def decide(self, key: str, decision: Decision, after_revision: int = UNDECIDED) -> int:
        """Write a decision and return its revision.

        Raises:
            RevisionConflict: somebody else has decided since.
            BrokerError: no answer, or not allowed.
        """
        body = encode_decision(decision)
        return await self._bucket.put(key, body, ttl_s=TTL_S, expected_revision=after_revision)

    async def prepare(self) -> None:
        """Make the bucket if it is missing; raises as `ensure_buckets`."""
        await ensure_buckets(self._bus, self._replicas, [DECISIONS])


def _kept(entry: Entry) -> KeptDecision | None:
    if entry.value is None:
        return None
    try:
        return KeptDecision(decode_decision(entry.value), entry.revision)
    except DecodeError as error:
        _log.warning("decision_not_read", key=entry.key, error=error)
        return None
