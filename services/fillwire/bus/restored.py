"""The mark of a broker that was restored from a backup: what it was told since is lost, and the ids of messages it forgot.

The broker does not read the message ids of an archive. For a day, as long as notes of placements are kept, who relies on
what it remembers looks further.
"""

from fillwire.bus.buckets import PLACEMENTS, Bucket
from fillwire.bus.connection import Bus

MARK_TTL_S = 86_400.0
_KEY = "restored"  # accounts make longer keys


async def mark_restored(bus: Bus, now_ns: int) -> None:
    """Leave the mark in the bucket of placements.

    Raises:
        BrokerError: no answer, or no such bucket.
    """
    await Bucket(bus, PLACEMENTS).put(_KEY, str(now_ns).encode(), ttl_s=MARK_TTL_S)


async def restored_ns(bucket: Bucket) -> int:
    """Return when the broker was restored, in nanoseconds since the epoch; 0 if it was not within a day.

    Raises:
        BrokerError: no answer, or no such bucket.
    """
    entry = await bucket.get(_KEY)
    if entry is None or entry.value is None or not entry.value.isdigit():
        return 0
    return int(entry.value)
