"""Wishes: what a host wants gateways to be subscribed to, as it stands in the bucket, and under which key.

Tenants write them themselves, under any key below their own name: who reads them believes nothing of them.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.wire.subjects import parse_account_tokens

VERSION: Final = 1
MOST_BOTS: Final = 1_000_000
"""So many bots of one host are believed: sums of all hosts stay numbers that JSON holds."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one host wants of one account: pairs, `*` for all of them, and how many of its bots listen."""

    pairs: frozenset[str]
    bots: int


def parse_wish_key(key: str) -> tuple[Account, str]:
    """Return whose wish is under a key: the account, and the token of the host.

    Raises:
        DecodeError: it is no key of a wish.
    """
    tokens, _, host = key.rpartition(".")
    return parse_account_tokens(tokens), host


def read_wish(value: bytes) -> Wish:
    """Return the wish in a bucket's value.

    Raises:
        DecodeError: it is none of this version.
    """
    try:
        document: Any = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise DecodeError("wish", "/", f"expected JSON, {error}") from error
    if not isinstance(document, dict) or document.get("v") != VERSION:
        raise DecodeError("wish", "/v", f"expected an object of version {VERSION}")
    pairs, bots = document.get("pairs"), document.get("bots")
    if not isinstance(pairs, list) or not all(isinstance(pair, str) for pair in pairs):
        raise DecodeError("wish", "/pairs", "expected a list of texts")
    if not isinstance(bots, int) or isinstance(bots, bool) or not 0 <= bots <= MOST_BOTS:
        raise DecodeError("wish", "/bots", f"expected a count up to {MOST_BOTS}, was {bots!r}")
    return Wish(frozenset(pairs), bots)
