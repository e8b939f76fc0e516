"""One message of a stream: by its sequence, or the newest."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused, NoResponder
from fillwire.bus.messages import parse_headers
from fillwire.domain.errors import BrokerError

_NOT_FOUND = 404
_SECONDS = len("2026-01-31T08:00:00")


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as a stream holds it; its attributes are those of a `Message` that a consumer delivers.

    Attributes:
        subject: what it was published on.
        sequence: its place in the stream.
        stored_time_ns: when it was stored, by the broker's clock.
        headers: by name.
        data: its body.
    """

    subject: str
    sequence: int
    stored_time_ns: int
    headers: Mapping[str, str]
    data: bytes


async def stored_message(bus: Bus, stream: str, sequence: int) -> StoredMessage | None:
    """Return the message at a sequence, None if there is none, or no such stream.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    try:
        answer = await bus.request_message(
            f"{bus.api_prefix}.DIRECT.GET.{stream}", orjson.dumps({"seq": sequence}), api.TIMEOUT_S
        )
    except NoResponder:  # no such stream
        return None
    if answer.status == _NOT_FOUND:
        return None
    if answer.status is not None:
        raise BrokerError(f"cannot read message {sequence} of stream {stream}: status {answer.status}")
    headers = answer.headers
    return StoredMessage(
        headers["Nats-Subject"], sequence, parse_time_ns(headers["Nats-Time-Stamp"]), headers, answer.data
    )


async def last_sequence(bus: Bus, stream: str) -> int:
    """Return the sequence of the last message that a stream has stored; 0 before the first.

    Raises:
        BrokerError: no answer, no such stream, or not allowed.
    """
    info = await api.call(bus, f"STREAM.INFO.{stream}")
    return int(info["state"]["last_seq"])


async def newest_message(bus: Bus, stream: str, subject: str) -> StoredMessage | None:
    """Return the newest message on the subjects of a pattern, None if there is none.

    The leader of the stream answers: unlike a replica it has everything that was acknowledged.

    Raises:
        BrokerError: no answer, no such stream, or not allowed.
    """
    try:
        answer = await api.call(bus, f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
    except ApiRefused as error:
        if error.error_code == api.MESSAGE_NOT_FOUND:
            return None
        raise
    message = answer["message"]
    return StoredMessage(
        message["subject"],
        message["seq"],
        parse_time_ns(message["time"]),
        parse_headers(b64decode(message.get("hdrs", ""))),
        b64decode(message.get("data", "")),
    )


def parse_time_ns(text: str) -> int:
    """Return the nanoseconds since the epoch of a time such as `2026-01-31T08:00:00.123456789Z`, which has up to nine decimals."""
    seconds = int(datetime.fromisoformat(f"{text[:_SECONDS]}+00:00").timestamp())
    fraction = text[_SECONDS:].rstrip("Z").lstrip(".")
    return seconds * 10**9 + int(fraction.ljust(9, "0") or 0)
