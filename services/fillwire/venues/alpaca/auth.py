"""Keys of Alpaca: a pair of texts, sent as they are; nothing is signed."""

from dataclasses import dataclass, field

import orjson

from fillwire.domain.errors import ConfigError

_EXPECTED = "the two halves of a key as the venue shows them"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key; nothing of it prints.

    Attributes:
        key_id: the public half.
        secret: the other.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of each REST request."""
        return ("APCA-API-KEY-ID", self.key_id), ("APCA-API-SECRET-KEY", self.secret)

    @property
    def frame(self) -> bytes:
        """The frame that authenticates a connection: the current form, not the one that the venue is retiring."""
        return orjson.dumps({"action": "auth", "key": self.key_id, "secret": self.secret})


def key(key_id: str, secret: str) -> Key:
    """Return the key.

    Raises:
        ConfigError: a half is empty, or holds what no key has; the message shows nothing of it.
    """
    for what, text in (("API key", key_id), ("secret", secret)):
        if not text:
            raise ConfigError(f"the {what} of alpaca is empty: expected {_EXPECTED}")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise ConfigError(
                f"the {what} of alpaca holds white space or other characters that no key has: expected {_EXPECTED}"
            )
    return Key(key_id, secret)
