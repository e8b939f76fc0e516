"""The question for the calls of an event and its answer, as JSON bytes on `calls.<user>`.

Hosts and whoever shows a fill's way are of one release: this is no contract with others, and no stream keeps it.
"""

from fillwire.domain.calls import CallsAnswer, CallsQuery
from fillwire.domain.identifiers import escape_token
from fillwire.wire.reader import Reader
from fillwire.wire.writer import write

CALLS = "calls"

_query_reader = Reader(CallsQuery, "question for calls")
_answer_reader = Reader(CallsAnswer, "answer about calls")


def calls_subject(user: str) -> str:
    """Return the subject on which every host with bots of the user answers."""
    return f"{CALLS}.{escape_token(user)}"


def encode_calls(value: CallsQuery | CallsAnswer) -> bytes:
    """Return the canonical JSON bytes of a question or an answer."""
    return write(value)


def decode_calls_query(data: bytes) -> CallsQuery:
    """Return the question in `data`.

    Raises:
        DecodeError: `data` is none; `pointer` names the first field that is wrong.
    """
    return _query_reader.read(data)


def decode_calls_answer(data: bytes) -> CallsAnswer:
    """Return the answer in `data`.

    Raises:
        DecodeError: as `decode_calls_query`.
    """
    return _answer_reader.read(data)
