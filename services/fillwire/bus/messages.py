"""A message from the broker, decoded no further than it is read."""

from collections.abc import Callable, Mapping

Write = Callable[[bytes], None]
"""Sends one complete protocol command without waiting."""

_NO_HEADERS: Mapping[str, str] = {}
_HEADER_NEEDLES: dict[str, bytes] = {}  # by name; names are constants of the code
_ACK_PREFIX = b"$JS.ACK."
_V1_TOKENS = 9  # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>
_V2_SHIFT = 2  # $JS.ACK.<domain>.<account>.<stream>…: the same fields, two tokens later
_STATUS_SIZE = 3


def parse_headers(block: bytes) -> dict[str, str]:
    """Return the headers of a raw block, a line `NATS/1.0` and lines `Name: value`; the last of equal names wins."""
    headers: dict[str, str] = {}
    for line in block.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            headers[name.strip().decode("utf-8", "replace")] = value.strip().decode("utf-8", "replace")
    return headers


def parse_status(block: bytes) -> int | None:
    """Return the status code in a raw header block, such as 503 of `NATS/1.0 503`; None for an ordinary message."""
    if len(block) < 12 or block[8] != ord(" "):  # noqa: PLR2004 - "NATS/1.0 503"
        return None
    code = block[9 : 9 + _STATUS_SIZE]
    return int(code) if code.isdigit() else None


class Message:
    """One message. Subject, headers and sequence are decoded when asked for.

    `ack`, `negative_ack`, `in_progress` and `terminate` are plain calls: they leave with the next turn of the loop
    and are not confirmed. On a message that was not delivered by a consumer they do nothing.

    Attributes:
        data: the body.
        raw_subject: as `subject`, as it came; set by `relabel` only.
        raw_reply: as `reply`, as it came.
        raw_headers: the headers as they came, see `parse_headers`; empty if there are none.
    """

    __slots__ = (
        "_ack_reply",
        "_ack_tokens",
        "_headers",
        "_on_settled",
        "_sequence",
        "_write",
        "data",
        "raw_headers",
        "raw_reply",
        "raw_subject",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a message as the parser has them
        self,
        subject: bytes,
        reply: bytes,
        data: bytes,
        headers: bytes,
        write: Write,
        on_settled: "Callable[[Message, bool], None] | None" = None,
    ) -> None:
        self.raw_subject = subject
        self.raw_reply = reply
        self._ack_reply = reply
        self.data = data
        self.raw_headers = headers
        self._write = write
        self._on_settled = on_settled
        self._headers: Mapping[str, str] | None = None
        self._ack_tokens: list[bytes] | None = None
        self._sequence = -1

    def __repr__(self) -> str:
        return f"<message on {self.subject}, {len(self.data)} bytes>"

    @property
    def subject(self) -> str:
        """The subject it was published on; bytes that are no text, which the broker lets pass, are spelt out in it."""
        return self.raw_subject.decode(errors="backslashreplace")

    def relabel(self, subject: str) -> None:
        """Say on what subject it was published, where it was delivered on one that the broker has made of that."""
        self.raw_subject = subject.encode()

    @property
    def reply(self) -> str:
        """The subject an answer goes to, empty if none is expected."""
        return self.raw_reply.decode()

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by name, names in the sender's spelling; empty if there are none."""
        if self._headers is None:
            self._headers = parse_headers(self.raw_headers) if self.raw_headers else _NO_HEADERS
        return self._headers

    def header(self, name: str) -> str | None:
        """Return one header, None if it is absent; cheaper than `headers` where a few of many are read."""
        if self._headers is None and self.raw_headers:
            needle = _HEADER_NEEDLES.get(name)
            if needle is None:
                needle = _HEADER_NEEDLES[name] = b"\r\n%b:" % name.encode()
            _, found, rest = self.raw_headers.partition(needle)
            return rest.partition(b"\r\n")[0].strip().decode("utf-8", "replace") if found else None
        return self.headers.get(name)

    @property
    def status(self) -> int | None:
        """Status code of a message of the server itself, None for an ordinary message."""
        return parse_status(self.raw_headers)

    @property
    def is_delivery(self) -> bool:
        """Whether a consumer of a stream delivered it, so that it has a sequence and can be acknowledged."""
        return self.raw_reply.startswith(_ACK_PREFIX)

    @property
    def sequence(self) -> int:
        """Its sequence in the stream; 0 for a message that no consumer delivered."""
        if self._sequence < 0:
            self._sequence = self._ack_field(5)
        return self._sequence

    @property
    def delivery_count(self) -> int:
        """How often it has been delivered, this time included; 0 for a message that no consumer delivered."""
        return self._ack_field(4)

    @property
    def delivery_number(self) -> int:
        """Which of the consumer's deliveries it is, repeated ones counted; 0 if no consumer delivered it."""
        return self._ack_field(6)

    @property
    def stored_time_ns(self) -> int:
        """When the stream stored it, by the broker's clock; 0 for a message that no consumer delivered."""
        return self._ack_field(7)

    @property
    def pending_count(self) -> int:
        """Messages of the stream that the consumer had yet to deliver after this one."""
        return self._ack_field(8)

    def ack(self) -> None:
        """Tell the consumer that the message is done; a policy of `all` includes everything before it."""
        if self.raw_reply.startswith(_ACK_PREFIX):
            if self._ack_reply:
                self._write(b"PUB %b 0\r\n\r\n" % self._ack_reply)
            self._settle(is_done=True)

    def negative_ack(self, delay_s: float = 0.0) -> None:
        """Ask for redelivery after `delay_s`; it comes later than messages already delivered, so order is lost."""
        body = b'-NAK {"delay": %d}' % int(delay_s * 1e9) if delay_s > 0 else b"-NAK"
        self._answer(body)
        self._settle(is_done=False)

    def in_progress(self) -> None:
        """Tell the consumer that the work goes on: its wait for the acknowledgement begins anew."""
        self._answer(b"+WPI")

    def terminate(self) -> None:
        """Tell the consumer never to deliver the message again, though it was not handled."""
        self._answer(b"+TERM")
        self._settle(is_done=True)

    def answer_as(self, delivery: "Message | None") -> None:
        """Acknowledge as this other delivery of the same message from now on; None: not at all until it has come.

        The consumer counts its deliveries anew after a reset, and misunderstands what bears a number of the old count.
        """
        self._ack_reply = b"" if delivery is None else delivery.raw_reply

    def _answer(self, body: bytes) -> None:
        if self._ack_reply.startswith(_ACK_PREFIX):
            self._write(b"PUB %b %d\r\n%b\r\n" % (self._ack_reply, len(body), body))

    def _settle(self, *, is_done: bool) -> None:
        on_settled, self._on_settled = self._on_settled, None
        if on_settled is not None:
            on_settled(self, is_done)

    def _ack_field(self, index: int) -> int:
        tokens = self._ack_tokens
        if tokens is None:
            tokens = self._ack_tokens = self.raw_reply.split(b".") if self.is_delivery else []
        if len(tokens) > _V1_TOKENS:
            index += _V2_SHIFT
        return int(tokens[index]) if tokens else 0
