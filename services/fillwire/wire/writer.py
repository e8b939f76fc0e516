"""Canonical writing of the domain's dataclasses as our own JSON documents."""

from dataclasses import fields
from decimal import Decimal

import orjson

from fillwire.domain.bots import BotAnswer, BotCreation, BotOrder, BotRequest, BotSpec, BotStatus
from fillwire.domain.calls import CallsAnswer, CallsQuery
from fillwire.domain.events import Alert, ConnectionEvent, OrderEvent
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
from fillwire.wire.decimals import decimal_text
from fillwire.wire.defects import VERSION

_HEAD = b'{"v":%d,' % VERSION


Document = (
    OrderEvent
    | ConnectionEvent
    | Alert
    | OrderRequest
    | CancelRequest
    | OrderQuery
    | OpenOrdersQuery
    | TradeOrder
    | OpenOrders
    | RulesQuery
    | RulesAnswer
    | ReadingRequest
    | FrameReading
    | BotCreation
    | BotRequest
    | BotOrder
    | BotAnswer
    | BotSpec
    | BotStatus
    | CallsQuery
    | CallsAnswer
)
"""Everything that has a schema, what the buckets of bots hold, and what is asked of hosts."""


def write(value: Document) -> bytes:
    """Return `value` as an object of its version and its fields in their order, without white space.

    Raises:
        TypeError: a field holds what JSON or a schema of ours cannot say, such as an infinite amount.
    """
    if isinstance(value, OpenOrders) and value.orders is not None:  # each is a document as it would be alone
        orders = b",".join(map(write, value.orders))
        return b'%b"orders":[%b],"reason":%b}' % (_HEAD, orders, orjson.dumps(value.reason))
    if isinstance(value, BotAnswer) and value.order is not None:  # likewise
        members = {field.name: getattr(value, field.name) for field in fields(value)}
        members["order"] = orjson.Fragment(write(value.order))
        return _HEAD + orjson.dumps(members)[1:]
    return _HEAD + orjson.dumps(value, default=_amount)[1:]


def _amount(value: object) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    raise TypeError(f"expected a value that a document can hold, was {type(value).__name__}")
