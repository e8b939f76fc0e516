"""Reading what lies in quarantine."""

from dataclasses import dataclass

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import Deliver, StartAtTime
from fillwire.bus.errors import ApiRefused
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import StoredMessage, stored_message
from fillwire.bus.messages import Message
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.runtime.logs import get_log
from fillwire.wire.decisions import frame_key
from fillwire.wire.refused_frames import RefusedFrame, parse_refused_frame
from fillwire.wire.subjects import QUARANTINE, parse_quarantine_subject

_log = get_log(__name__)

STREAM = "QUARANTINE"
_SIZE = "Nats-Msg-Size"  # the broker's, where it leaves the body out


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A refused frame as it is kept.

    Attributes:
        sequence: in the stream of refused frames: the number by which people name it.
        stored_ns: when it was stored, by the broker's clock.
        account: whose connection it came on.
        error_class: malformed, unknown or suspicious.
        said: what is said about it.
        size: its bytes.
        frame: the frame itself; empty where it was not asked for.
    """

    sequence: int
    stored_ns: int
    account: Account
    error_class: str
    said: RefusedFrame
    size: int
    frame: bytes

    @property
    def key(self) -> str:
        """Key of the decision about it."""
        return frame_key(self.account, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which frames: those to which all of this applies; None leaves a fact open."""

    user: str | None = None
    exchange: str | None = None
    environment: str | None = None
    code: str | None = None
    since_ns: int = 0
    until_ns: int | None = None
    sequences: frozenset[int] | None = None

    @property
    def pattern(self) -> str:
        """The subjects to read."""
        names = (self.exchange, self.environment, self.user)
        return ".".join((QUARANTINE, *("*" if name is None else escape_token(name) for name in names), "*"))

    def has(self, kept: KeptFrame) -> bool:
        """Return whether all of it applies to a frame."""
        account = kept.account
        facts = (
            (self.user, account.user),
            (self.exchange, account.exchange),
            (self.environment, account.environment),
            (self.code, kept.said.code),
        )
        return (
            all(wanted is None or wanted == found for wanted, found in facts)
            and kept.stored_ns >= self.since_ns
            and (self.until_ns is None or kept.stored_ns < self.until_ns)
        )


async def read_frames(bus: Bus, selection: Selection) -> list[KeptFrame]:
    """Return refused frames, oldest first; what is on their subjects and is none is logged and left out.

    Only frames that are selected by their numbers come with their bytes.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    frames: list[KeptFrame] = []

    def take(message: Message | StoredMessage) -> None:
        try:
            kept = _kept(message)
        except DecodeError as error:
            _log.warning("frame_not_read", subject=message.subject, sequence=message.sequence, error=error)
            return
        if selection.has(kept):
            frames.append(kept)

    if selection.sequences is not None:
        for sequence in sorted(selection.sequences):
            message = await stored_message(bus, STREAM, sequence)
            if message is not None:
                take(message)
        return frames
    start: Deliver = StartAtTime(selection.since_ns) if selection.since_ns else "all"
    try:
        await read_stream(bus, STREAM, selection.pattern, start, take, headers_only=True)
    except ApiRefused as error:
        if error.error_code != api.STREAM_NOT_FOUND:
            raise
    return frames


def _kept(message: Message | StoredMessage) -> KeptFrame:
    parsed = parse_quarantine_subject(message.subject)
    return KeptFrame(
        message.sequence,
        message.stored_time_ns,
        parsed.account,
        parsed.error_class,
        parse_refused_frame(message.headers),
        int(message.headers.get(_SIZE, len(message.data))),
        message.data,
    )
