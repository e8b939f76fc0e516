"""What the buckets held in every form that a build ever wrote, and the program's own readers of it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fillwire.bus.holdings import Holder
from fillwire.gateway.ownership import Owner
from fillwire.gateway.placements import Earlier, Placements
from fillwire.sdk.positions import decode_position
from fillwire.wire.bots import decode_bot_spec, decode_bot_status
from fillwire.wire.codec import decode_connection
from fillwire.wire.decisions import decode_decision
from fillwire.wire.wishes import read_wish

if TYPE_CHECKING:
    from fillwire.bus.buckets import Bucket

DIRECTORY = Path(__file__).parents[1] / "data" / "buckets"
LATER_NS = 1_773_100_000_000_000_000
"""A time at which no order of the documents can be under way any more."""


def _earlier(note: bytes) -> Earlier:
    # The bucket is not asked.
    return Placements(cast("Bucket", None), "gateway", 10.0, lambda: LATER_NS)._earlier(note, Earlier.NONE)


READERS: Mapping[str, Callable[[bytes], Any]] = {
    "DESIRED": read_wish,
    "STATUS": decode_connection,
    "LEASES": Owner.decode,
    "PLACEMENTS": _earlier,
    "DECISIONS": decode_decision,
    "BOTS": decode_bot_spec,
    "BOT_STATUS": decode_bot_status,
    "BOT_LEASES": Holder.decode,
    "POSITIONS": decode_position,
}
"""By bucket. BOOKS is tried against a broker: a checkpoint that cannot be read counts as none there."""


def documents(bucket: str) -> list[bytes]:
    """Return the values that are on record, oldest form first."""
    lines = (DIRECTORY / f"{bucket}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line).encode() for line in lines]
