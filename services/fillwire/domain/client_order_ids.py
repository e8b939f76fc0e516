"""Client order ids of ours: whose order it is can be read from the id, and the rest follows from what caused the order.

    ping-pong-uiDUC-B-yrBfzzJEmuHcLe
    └───┬───┘ └─┬─┘ └──────┬───────┘
      slug    hash       digest of the bot, and of what caused the order

Slug and hash are the bot's label. Two bots whose names begin alike share the slug, and the hash, of the whole name, keeps
them apart. A digest has a capital letter or a sign: what has neither is a code, in which a strategy has written which order
of its plan this is.
"""

import base64
import hashlib
import re

MAX_LENGTH = 36  # the least that a venue allows
CLIENT_ORDER_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}\Z")

_FOREIGN = re.compile(r"[^A-Za-z0-9_]+")
_SLUG_LENGTH = 13
_HASH_LENGTH = 5
_DIGEST_BYTES = 12
_CODE = re.compile(r"[0-9a-z]+\Z")
_OURS = re.compile(
    rf"([A-Za-z0-9_][A-Za-z0-9_-]{{,{_SLUG_LENGTH - 1}}}-[A-Za-z0-9_-]{{{_HASH_LENGTH}}})-[A-Za-z0-9_-]{{16}}\Z"
)


def bot_label(bot: str) -> str:
    """Return what the client order ids of the bot begin with: its name as far as it fits, and a hash of all of it."""
    slug = _FOREIGN.sub("-", bot).strip("-")[:_SLUG_LENGTH] or "bot"
    return f"{slug}-{_digest(bot, 4)[:_HASH_LENGTH]}"


def label_of(client_order_id: str) -> str | None:
    """Return the label of the bot that an id was derived for, None if it is none of ours."""
    found = _OURS.match(client_order_id)
    return None if found is None else found[1]


def derive_client_order_id(bot: str, *scope: str) -> str:
    """Return the id that belongs to `scope`: the same for the same arguments, at most 36 characters."""
    digest = _digest(_joined(bot, *scope), _DIGEST_BYTES)
    while is_code(digest):  # one in ten thousand, and its order would pass for one of a plan
        digest = _digest(digest, _DIGEST_BYTES)
    return f"{bot_label(bot)}-{digest}"


def is_code(text: str) -> bool:
    """Return whether the end of an id is a strategy's code, not a digest."""
    return _CODE.match(text) is not None


def is_derived_for(bot: str, client_order_id: str) -> bool:
    """Return whether the id of an order says that it is the bot's."""
    return label_of(client_order_id) == bot_label(bot)


def _joined(*parts: str) -> str:
    """Return the parts as one text that no other parts have."""
    return "".join(f"{len(part)}:{part}\n" for part in parts)


def _digest(text: str, size: int) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=size).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
