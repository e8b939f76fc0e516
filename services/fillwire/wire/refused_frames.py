"""A refused frame: what a venue sent and nobody could accept, whole, and headers that say why."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.wire.subjects import account_tokens

REASON = "Fillwire-Reason"
CODE = "Fillwire-Code"
FIELD = "Fillwire-Field"
OFFSET = "Fillwire-Offset"
SYMBOL = "Fillwire-Symbol"
ORDER_ID = "Fillwire-Order-Id"
RECEIVED = "Fillwire-Received-Ns"
GATEWAY = "Fillwire-Gateway"

_MAX_REASON_LENGTH = 1000  # a reason quotes the frame, which may hold anything
_DIGEST_BYTES = 16


def refused_frame_id(account: Account, frame: bytes) -> str:
    """Return the message id of a refused frame: the same frame, sent or read twice, is kept once."""
    return f"{account_tokens(account)}:{hashlib.blake2b(frame, digest_size=_DIGEST_BYTES).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFrame:
    """What is said about a frame that could not be accepted; the message's body is the frame.

    Attributes:
        reason: one line: what was found and what was expected.
        code: stable name of the defect, such as `missing_field`.
        field: the venue's name of the field, None where the frame as a whole is meant.
        offset: byte offset in the frame at which the defect was found.
        symbol: the venue's symbol, where it could still be read.
        order_id: the order's id, where it could still be read.
        received_time_ns: when the frame was read, by the gateway's clock.
        gateway: name of the gateway process that read it.
    """

    reason: str
    code: str
    field: str | None
    offset: int
    symbol: str | None
    order_id: str | None
    received_time_ns: int
    gateway: str

    def headers(self) -> dict[str, str]:
        """Return the headers, without the message id."""
        values = {
            REASON: _one_line(self.reason),
            CODE: self.code,
            FIELD: self.field,
            OFFSET: str(self.offset),
            SYMBOL: self.symbol,
            ORDER_ID: self.order_id,
            RECEIVED: str(self.received_time_ns),
            GATEWAY: self.gateway,
        }
        return {name: _one_line(value) for name, value in values.items() if value is not None}


def _one_line(text: str) -> str:
    # Half a surrogate pair can stand in what is quoted, and in no header.
    return " ".join(text.encode("utf-8", "replace").decode().split())[:_MAX_REASON_LENGTH]


def parse_refused_frame(headers: Mapping[str, str]) -> RefusedFrame:
    """Return what `RefusedFrame.headers` wrote.

    Raises:
        DecodeError: a header is missing or no number.
    """
    try:
        return RefusedFrame(
            reason=headers[REASON],
            code=headers[CODE],
            field=headers.get(FIELD),
            offset=int(headers[OFFSET]),
            symbol=headers.get(SYMBOL),
            order_id=headers.get(ORDER_ID),
            received_time_ns=int(headers[RECEIVED]),
            gateway=headers[GATEWAY],
        )
    except KeyError as error:
        raise DecodeError("refused frame", f"/{error.args[0]}", "expected a header") from error
    except ValueError as error:
        raise DecodeError("refused frame", "/", f"{error}") from error
