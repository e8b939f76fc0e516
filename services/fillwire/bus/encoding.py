"""A message on its way into a stream: what was submitted, the command that sends it, and what became of it."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from fillwire.domain.errors import PublishError
from fillwire.runtime.logs import get_log
from fillwire.wire.headers import MESSAGE_ID

_log = get_log(__name__)

BACKOFF_FIRST_S = 0.02
AGELESS_NS = 1 << 63  # later than any time: never too old to be sent
STORED_NS = -1  # earlier than any time: found in the stream, not to be sent
_SUBJECT = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")
_SUBJECT_MAX = 1024
_PREFIXES_MAX = 4096  # subjects whose encoded form is kept

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]] | None
"""Headers, or a function that makes them at the moment of the first send; resends repeat the same bytes."""


class PublishOutcome(NamedTuple):
    """What became of one message. Told once per message.

    Attributes:
        subject: the subject it was published on.
        message_id: the id it was published with.
        sequence: its sequence in the stream, that of the first copy if it was a duplicate; 0 when not known.
        is_duplicate: the stream had the id already: stored before, by us or by somebody else.
        send_count: how often it was sent.
        error: None when the message is in the stream, else why it is not.
    """

    subject: str
    message_id: str
    sequence: int
    is_duplicate: bool
    send_count: int
    error: PublishError | None = None


OnAcknowledged = Callable[[PublishOutcome], None]


class Outgoing:
    """A submitted message; `token` and `command` are empty until the first send.

    Nobody can have stored it before `since_ns`, nanoseconds since the epoch by our clock; see `bus.guard`.
    """

    __slots__ = (
        "body",
        "command",
        "delay_s",
        "first_sent_at",
        "headers",
        "key",
        "message_id",
        "on_acknowledged",
        "send_count",
        "sent_at",
        "since_ns",
        "subject",
        "token",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - positional for speed, one caller
        self,
        key: str,
        subject: str,
        body: bytes,
        message_id: str,
        headers: Headers,
        on_acknowledged: OnAcknowledged | None,
        since_ns: int = AGELESS_NS,
    ) -> None:
        self.key = key
        self.subject = subject
        self.body = body
        self.message_id = message_id
        self.headers = headers
        self.on_acknowledged = on_acknowledged
        self.since_ns = since_ns
        self.send_count = 0
        self.token = b""
        self.command = b""
        self.sent_at = 0.0
        self.first_sent_at = 0.0
        self.delay_s = BACKOFF_FIRST_S


class CommandEncoder:
    """Makes the bytes that send a message and name the inbox of its acknowledgement.

    Args:
        inbox: subject below which answers arrive, each under the token of its message.
    """

    def __init__(self, inbox: str) -> None:
        self._inbox = inbox
        self._prefixes: dict[str, bytes] = {}
        self._tokens = 0

    def encode(self, outgoing: Outgoing, max_payload_bytes: int) -> None:
        """Set token and command, once: a resend repeats them, token included, for an answer to either will do.

        Raises:
            PublishError: the message can never be sent: a bad subject, a line break in a header, too many bytes.
        """
        try:
            prefix = self._prefixes.get(outgoing.subject) or self._prefix(outgoing)
            block = self._header_block(outgoing)
        except UnicodeEncodeError as error:
            raise _impossible(outgoing, f"subject or header is no text: {error.reason}") from error
        body = outgoing.body
        size = len(block) + len(body)
        if size > max_payload_bytes:
            raise _impossible(outgoing, f"{size} bytes with headers: expected at most {max_payload_bytes}")
        self._tokens += 1
        outgoing.token = token = b"%d" % self._tokens
        outgoing.command = b"".join((prefix, token, b" %d %d\r\n" % (len(block), size), block, body, b"\r\n"))

    def _header_block(self, outgoing: Outgoing) -> bytes:
        lines = f"NATS/1.0\r\n{MESSAGE_ID}: {outgoing.message_id}\r\n"
        line_count = 3  # these two and the empty one at the end
        headers = outgoing.headers
        if headers is not None:
            if callable(headers):
                try:
                    headers = headers()
                except Exception as error:  # noqa: BLE001 - a header is an ornament: the event goes out without it
                    _log.error("publish_headers_failed", error=error, message_id=outgoing.message_id)
                    headers = {}
            for name, value in headers.items():
                lines += f"{name}: {value}\r\n"
            line_count += len(headers)
        block = f"{lines}\r\n".encode()
        if block.count(b"\n") != line_count or block.count(b"\r") != line_count:
            raise _impossible(outgoing, "a line break in a header or in the message id")
        return block

    def _prefix(self, outgoing: Outgoing) -> bytes:
        subject = outgoing.subject
        if _SUBJECT.fullmatch(subject) is None:
            raise _impossible(outgoing, "expected tokens joined by dots, without white space and wildcards")
        # The broker answers a longer line by closing the connection, every time.
        if len(subject) > _SUBJECT_MAX:
            raise _impossible(
                outgoing, f"subject of {len(subject)} characters: expected at most {_SUBJECT_MAX}"
            )
        if len(self._prefixes) >= _PREFIXES_MAX:
            self._prefixes.clear()
        prefix = self._prefixes[subject] = f"HPUB {subject} {self._inbox}.".encode()
        return prefix


def _impossible(outgoing: Outgoing, reason: str) -> PublishError:
    return PublishError(outgoing.subject, outgoing.message_id, reason)
