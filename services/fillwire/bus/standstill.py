"""Judges whether a stream that takes from others stands still, by what its leader says of it, look by look.

What takes from another stream has a consumer there that says something every second: messages while there are any, else a
heartbeat. So an idle mirror hears as much as one that catches up, and one that hears nothing has lost its consumer. One that
hears, has been told that more is there, and comes no further stands still as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fillwire.bus.streams import Manifest

_NS = 1e9
_MOST_TRIED = 16  # more of them double nothing: the wait has its bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what is waited for.

    Attributes:
        silence_s: without a word from another stream, of which one comes every second: longer is silence.
        before_s: for so long silence must last, under the same leaders, before something is done.
        unmoved_s: for so long a mirror that is behind may come no further, though it hears.
        most_s: each leader that has not helped doubles the wait for the next, up to this.
    """

    silence_s: float = 3.0
    before_s: float = 2.0
    unmoved_s: float = 15.0
    most_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a stream says of one that it takes from.

    Attributes:
        name: of the other stream.
        silent_s: since when nothing was heard of it, in seconds; infinite if this leader has never heard of it.
        lag: messages that are there and not here, as was said last.
    """

    name: str
    silent_s: float
    lag: int


def upstreams(info: Mapping[str, Any]) -> list[Upstream]:
    """Return what the broker's answer about a stream says of those that it takes from."""
    said = [info["mirror"]] if info.get("mirror") else (info.get("sources") or ())
    return [
        Upstream(
            one["name"],
            one["active"] / _NS if one.get("active", -1) >= 0 else float("inf"),
            one.get("lag", 0),
        )
        for one in said
    ]


def leader_of(info: Mapping[str, Any]) -> str | None:
    """Return the name of the server that leads a stream, None if there is none or no cluster."""
    leader: str | None = (info.get("cluster") or {}).get("leader") or None
    return leader


def successor(info: Mapping[str, Any]) -> str | None:
    """Return the server that is to lead a stream after the one that does, None if no other can.

    Whoever asks at the same time is told the same, so that of two requests the second changes nothing.
    """
    cluster = info.get("cluster") or {}
    leader = cluster.get("leader") or ""
    able = sorted(
        replica["name"]
        for replica in cluster.get("replicas") or ()
        if replica.get("current") and not replica.get("offline")
    )
    return next((name for name in able if name > leader), able[0] if able else None)


class Standstill:
    """What was seen of one stream.

    Args:
        patience: how long what is waited for.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._sequence = -1
        self._moved_s = 0.0
        self._leader: str | None = None
        self._leaders_tried = 0
        self._key: tuple[object, ...] = ()
        self._under_key_s = 0.0
        self._stands_since_s: float | None = None

    @property
    def stands_since_s(self) -> float | None:
        """Since when it was seen not to follow, by the clock of the looks; None while it follows."""
        return self._stands_since_s

    def look(self, info: Manifest, now_s: float) -> list[str]:
        """Return the streams that this one does not follow.

        Args:
            info: the broker's answer about the stream.
            now_s: when it came, by a clock that only goes on.
        """
        sequence = int(info["state"]["last_seq"])
        if sequence != self._sequence:
            self._sequence, self._moved_s = sequence, now_s
        said = upstreams(info)
        is_unmoved = now_s - self._moved_s > self._patience.unmoved_s
        lost = [
            one.name
            for one in said
            if one.silent_s > self._patience.silence_s or (info.get("mirror") and one.lag > 0 and is_unmoved)
        ]
        if not lost:
            self._stands_since_s = None
            self._leaders_tried = 0
            self._key = ()
        elif self._stands_since_s is None:
            self._stands_since_s = now_s
        leader = leader_of(info)
        if leader != self._leader:
            self._leaders_tried = min(self._leaders_tried + bool(lost and self._leader), _MOST_TRIED)
            self._leader, self._moved_s = leader, now_s
        return lost

    def is_due(self, upstream_leaders: Sequence[str | None], now_s: float) -> bool:
        """Return whether another leader should take its turn.

        Args:
            upstream_leaders: who leads each stream that is not followed; where nobody does, it is for that to be waited for.
            now_s: as at the look.
        """
        key = (self._leader, *upstream_leaders)
        if key != self._key:
            self._key, self._under_key_s = key, now_s
        if self._leader is None or None in upstream_leaders:
            return False
        wait_s = min(self._patience.before_s * 2.0**self._leaders_tried, self._patience.most_s)
        return now_s - self._under_key_s >= wait_s
