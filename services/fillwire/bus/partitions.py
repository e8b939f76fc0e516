"""Partitions of the log of order events: which stream holds a user's, and how the broker is told to divide them.

One stream is led by one broker. With several, a mapping in the broker's configuration puts before the subject of each
order event how many partitions there are and which of them is the user's, and the stream of that partition takes it and
gives the event its own subject back. So publishers and readers know the subjects that they know without partitions.
"""

from dataclasses import dataclass
from typing import Final

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import escape_token
from fillwire.wire.subjects import ADDRESSES, ORDERS

LOG: Final = "ORDERS"
"""The stream of order events where there is one; where there are several, each has its number behind it."""

MOST: Final = 128
_EVENTS: Final = f"{ORDERS}.>"
_TOKENS: Final = ADDRESSES[ORDERS].count(".")
_FNV_OFFSET: Final = 2_166_136_261
_FNV_PRIME: Final = 16_777_619
_32_BITS: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Partitions:
    """How many streams the log is divided into. A user is in one of them, always the same, with all their accounts.

    Attributes:
        count: how many; one is the undivided stream `ORDERS`, for which the broker needs no mapping.

    Raises:
        ConfigError: no such number.
    """

    count: int = 1

    def __post_init__(self) -> None:
        """Require a number that there can be."""
        if not 1 <= self.count <= MOST:
            raise ConfigError(f"partitions is {self.count}: expected 1 to {MOST}")

    @property
    def is_divided(self) -> bool:
        """Whether there are several."""
        return self.count > 1

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of all streams of the log, by number."""
        return tuple(self._stream(number) for number in range(self.count))

    def stream_of(self, user: str) -> str:
        """Return the name of the stream that holds the order events of a user."""
        return self.stream_of_token(escape_token(user))

    def stream_of_token(self, token: str) -> str:
        """Return the same of a user as a token of subjects and names."""
        return self._stream(self._number(token))

    def stream_at(self, pattern: str) -> str:
        """Return the name of the stream that holds the subjects of a pattern, which names the user."""
        return self.stream_of_token(pattern.split(".", 2)[1])

    def streams_at(self, pattern: str) -> tuple[str, ...]:
        """Return the names of all streams that may hold subjects of a pattern, which names the user or stands for all."""
        return self.streams if pattern.split(".", 2)[1] in {"*", ">"} else (self.stream_at(pattern),)

    def live(self, pattern: str) -> str:
        """Return the pattern for a plain subscription to what is published on the subjects of another.

        What such a subscription sees is what the broker has made of the subject; what a stream holds is told by the
        subject itself.
        """
        if not self.is_divided:
            return pattern
        user = pattern.split(".", 2)[1]
        return f"{self._prefix(None if user in {'*', '>'} else self._number(user))}.{pattern}"

    def published(self, subject: str) -> str:
        """Return on what subject that was published which a subscription of `live` has."""
        return subject.split(".", 2)[2] if self.is_divided else subject

    def subjects(self, number: int) -> tuple[str, ...]:
        """Return what the stream of a partition takes.

        The last of several is published by nobody: it lies within the subjects of the undivided stream, so that the broker
        refuses to have both.
        """
        if not self.is_divided:
            return (_EVENTS,)
        return (f"{self._prefix(number)}.{_EVENTS}", f"{ORDERS}.partition.{number}")

    def transform(self, number: int) -> dict[str, str] | None:
        """Return how the stream of a partition gives events their own subject back, in the broker's own JSON."""
        return {"src": self.subjects(number)[0], "dest": _EVENTS} if self.is_divided else None

    def mapping(self) -> dict[str, str]:
        """Return the broker's mapping: what the subjects of order events become. It belongs to the system's account."""
        if not self.is_divided:
            return {}
        tokens = ".".join(f"{{{{wildcard({token})}}}}" for token in range(1, _TOKENS + 1))
        number = f"{{{{partition({self.count},1)}}}}"
        return {".".join([ORDERS, *["*"] * _TOKENS]): f"p{self.count}.{number}.{ORDERS}.{tokens}"}

    def configuration(self) -> str:
        """Return the mapping in the language of the broker's configuration; empty where there is none."""
        return "".join(
            f'mappings {{ "{source}": "{target}" }}\n' for source, target in self.mapping().items()
        )

    def _stream(self, number: int) -> str:
        return f"{LOG}_{number}" if self.is_divided else LOG

    def _prefix(self, number: int | None) -> str:
        # With the count in it what another count has mapped is taken by no stream, instead of by a wrong one.
        return f"p{self.count}.{'*' if number is None else number}"

    def _number(self, token: str) -> int:
        """Return the partition of a user's token by the function that the broker has for it: FNV-1a of 32 bits."""
        if not self.is_divided:
            return 0
        found = _FNV_OFFSET
        for byte in token.encode():
            found = (found ^ byte) * _FNV_PRIME & _32_BITS
        return found % self.count


def partitions_of(subjects: list[str]) -> Partitions:
    """Return into how many partitions a log is divided of which a stream takes these subjects."""
    first = subjects[0].split(".", 1)[0]
    return Partitions(int(first[1:])) if first[1:].isdecimal() else Partitions()
