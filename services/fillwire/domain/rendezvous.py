"""Who among several owns what: rendezvous hashing, so that all who know the same members agree without a word.

Each member has a score for each key, and the highest owns it. When a member leaves, only its own keys move, each to the
next in its order; when one joins, it takes an even share and nothing else moves.
"""

from collections.abc import Iterable
from hashlib import blake2b


def ranked(key: str, members: Iterable[str]) -> list[str]:
    """Return the members in the order in which they are to own `key`: the first does, the next if it is gone."""
    return sorted(members, key=lambda member: (_score(key, member), member), reverse=True)


def _score(key: str, member: str) -> bytes:
    # The length keeps ("a", "bc") and ("ab", "c") apart.
    return blake2b(f"{len(key)}:{key}{member}".encode(), digest_size=8).digest()
