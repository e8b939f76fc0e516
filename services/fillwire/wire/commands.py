"""Requests to a gateway and its answers, as JSON bytes on `commands.<user>.<exchange>.<environment>.<verb>`."""

from fillwire.domain.orders import (
    CancelRequest,
    OpenOrders,
    OpenOrdersQuery,
    OrderQuery,
    OrderRequest,
    TradeOrder,
)
from fillwire.domain.readings import FrameReading, ReadingRequest
from fillwire.domain.rules import RulesAnswer, RulesQuery
from fillwire.wire.reader import Reader
from fillwire.wire.writer import write

PLACE_ORDER = "place_order"
CANCEL_ORDER = "cancel_order"
GET_ORDER = "get_order"
OPEN_ORDERS = "open_orders"
PAIR_RULES = "pair_rules"
STATUS = "status"  # answered with the account's connection event
READ_AGAIN = "read_again"
VERBS = (PLACE_ORDER, CANCEL_ORDER, GET_ORDER, OPEN_ORDERS, PAIR_RULES, STATUS, READ_AGAIN)

_order_request_reader = Reader(OrderRequest, "order request")
_cancel_request_reader = Reader(CancelRequest, "cancel request")
_order_query_reader = Reader(OrderQuery, "order query")
_open_orders_query_reader = Reader(OpenOrdersQuery, "open orders query")
_rules_query_reader = Reader(RulesQuery, "rules query")
_trade_order_reader = Reader(TradeOrder, "trade order")
_open_orders_reader = Reader(OpenOrders, "open orders")
_rules_answer_reader = Reader(RulesAnswer, "rules answer")
_reading_request_reader = Reader(ReadingRequest, "reading request")
_frame_reading_reader = Reader(FrameReading, "frame reading")

Command = (
    OrderRequest
    | CancelRequest
    | OrderQuery
    | OpenOrdersQuery
    | RulesQuery
    | TradeOrder
    | OpenOrders
    | RulesAnswer
    | ReadingRequest
    | FrameReading
)


def encode_command(command: Command) -> bytes:
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


def decode_order_query(data: bytes) -> OrderQuery:
    """Return the question for an order in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _order_query_reader.read(data)


def decode_open_orders_query(data: bytes) -> OpenOrdersQuery:
    """Return the question for open orders in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _open_orders_query_reader.read(data)


def decode_rules_query(data: bytes) -> RulesQuery:
    """Return the question for rules in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _rules_query_reader.read(data)


def decode_trade_order(data: bytes) -> TradeOrder:
    """Return the answer in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _trade_order_reader.read(data)


def decode_open_orders(data: bytes) -> OpenOrders:
    """Return the open orders in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _open_orders_reader.read(data)


def decode_rules_answer(data: bytes) -> RulesAnswer:
    """Return the rules in `data`.

    Raises:
        DecodeError: as `decode_order_request`.
    """
    return _rules_answer_reader.read(data)


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
