"""What a stream answers to a publication, and what follows from it."""

from enum import Enum, auto
from typing import NamedTuple

import orjson

from fillwire.bus.errors import is_transient
from fillwire.bus.messages import parse_status

_SUBJECT_GUARD = 10077  # of a stream with one message per subject and discard-new: "already there"


class Verdict(Enum):
    """What became of a message."""

    STORED = auto()
    ASK_AGAIN = auto()
    REFUSED = auto()


class Answer(NamedTuple):
    """An answer, read.

    Attributes:
        verdict: what became of the message.
        sequence: where it is stored; 0 if the answer does not say, or it is not.
        is_duplicate: whether it was stored before.
        reason: why it never will be; empty unless refused.
    """

    verdict: Verdict
    sequence: int = 0
    is_duplicate: bool = False
    reason: str = ""


_ASK_AGAIN = Answer(Verdict.ASK_AGAIN)


def read_answer(data: bytes, headers: bytes) -> Answer:
    """Return what an answer says; one that is no acknowledgement came from somebody else, and says nothing.

    Args:
        data: body of the answer.
        headers: its raw header block, empty if there is none.
    """
    if headers and parse_status(headers) is not None:  # 503: no stream takes the subject at the moment
        return _ASK_AGAIN
    try:
        answer = orjson.loads(data)
        error = answer.get("error")
        if error is None:
            return Answer(Verdict.STORED, answer["seq"], answer.get("duplicate", False))
        code, error_code, description = error["code"], error.get("err_code", 0), error.get("description", "")
    except (ValueError, LookupError, AttributeError, TypeError):
        return _ASK_AGAIN
    if error_code == _SUBJECT_GUARD and "per subject" in description:
        return Answer(Verdict.STORED, is_duplicate=True)
    if is_transient(code, error_code):
        return _ASK_AGAIN
    return Answer(Verdict.REFUSED, reason=f"{description} (code {code}, error {error_code})")
