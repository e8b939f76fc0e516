"""Requests to a gateway and its answers, as JSON bytes on `commands.<user>.<exchange>.<environment>.<verb>`."""

from fillwire.domain.orders import CancelRequest, OrderRequest, TradeOrder
from fillwire.domain.readings import FrameReading, ReadingRequest
from fillwire.wire.reader import Reader
from fillwire.wire.writer import write

PLACE_ORDER = "place_order"
CANCEL_ORDER = "cancel_order"
STATUS = "status"  # answered with the account's connection event
READ_AGAIN = "read_again"

_order_request_reader = Reader(OrderRequest, "order request")
_cancel_request_reader = Reader(CancelRequest, "cancel request")
_trade_order_reader = Reader(TradeOrder, "trade order")
_reading_request_reader = Reader(ReadingRequest, "reading request")
_frame_reading_reader = Reader(FrameReading, "frame reading")


def encode_command(
    command: OrderRequest | CancelRequest | TradeOrder | ReadingRequest | FrameReading,
) -> bytes:
    """Return the canonical JSON bytes of a request or an answer."""
    return write(command)


def decode_order_request(data: bytes) -> OrderRequest:
    """Return the order request in `data`.

    Raises:
        DecodeError: `data` is none; `pointer` names the first field that is wrong.
    """
    return _order_request_reader.read(data)


def decode_cancel_request(data: bytes) -> CancelRequest:
    """Return the cancel request in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _cancel_request_reader.read(data)


def decode_trade_order(data: bytes) -> TradeOrder:
    """Return the answer in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _trade_order_reader.read(data)


def decode_reading_request(data: bytes) -> ReadingRequest:
    """Return the reading request in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _reading_request_reader.read(data)


def decode_frame_reading(data: bytes) -> FrameReading:
    """Return the frame reading in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _frame_reading_reader.read(data)
