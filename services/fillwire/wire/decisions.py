"""What a person decided about a dead letter or a refused frame, as it is kept: who, when, what and why."""

from dataclasses import asdict, dataclass
from enum import StrEnum

import orjson

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.wire.subjects import account_tokens

_VERSION = 1


class Verdict(StrEnum):
    """What was decided."""

    REPLAYING = "replaying"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision.

    Attributes:
        verdict: `replaying` until the replay is stored; if that stays so, whoever began it did not finish.
        by: who decided, as `name@machine`.
        time_ns: when, by the clock of that machine.
        reason: why, or what came of it, in the person's or our words; None if nobody said.
    """

    verdict: Verdict
    by: str
    time_ns: int
    reason: str | None = None

    def __str__(self) -> str:
        """Return the decision as people read it."""
        return f"{self.verdict} by {self.by}" + (f": {self.reason}" if self.reason else "")


def encode_decision(decision: Decision) -> bytes:
    """Return the JSON bytes of a decision."""
    return orjson.dumps({"v": _VERSION, **asdict(decision)})


def decode_decision(data: bytes) -> Decision:
    """Return what `encode_decision` wrote.

    Raises:
        DecodeError: `data` is something else.
    """
    try:
        document = orjson.loads(data)
        return Decision(
            verdict=Verdict(document["verdict"]),
            by=str(document["by"]),
            time_ns=int(document["time_ns"]),
            reason=document.get("reason"),
        )
    except (ValueError, LookupError, TypeError) as error:
        raise DecodeError("decision", "/", f"{error}") from error


def letter_key(user: str, bot: str, letter_id: str) -> str:
    """Return the key of the decision about a dead letter."""
    return f"dlq.{escape_token(user)}.{escape_token(bot)}.{escape_token(letter_id)}"


def frame_key(account: Account, sequence: int) -> str:
    """Return the key of the decision about a refused frame."""
    return f"quarantine.{account_tokens(account)}.{sequence}"
