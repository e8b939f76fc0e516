"""Classes and schemas say the same: field for field, word for word."""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.bots import BotAnswer, BotCreation, BotOrder, BotRequest, BotView
from fillwire.domain.errors import DecodeError
from fillwire.domain.events import Alert, ConnectionEvent, Fill, OrderEvent
from fillwire.domain.orders import (
    CancelRequest,
    OpenOrders,
    OpenOrdersQuery,
    OrderQuery,
    OrderRequest,
    TradeOrder,
)
from fillwire.domain.readings import FrameReading, ReadingRequest
from fillwire.domain.rules import PairRules, RulesAnswer, RulesQuery
from fillwire.wire.bots import (
    decode_bot_answer,
    decode_bot_creation,
    decode_bot_order,
    decode_bot_request,
    encode_bot,
)
from fillwire.wire.codec import (
    decode_alert,
    decode_connection,
    decode_order,
    encode_alert,
    encode_connection,
    encode_order,
)
from fillwire.wire.commands import (
    decode_cancel_request,
    decode_frame_reading,
    decode_open_orders,
    decode_open_orders_query,
    decode_order_query,
    decode_order_request,
    decode_reading_request,
    decode_rules_answer,
    decode_rules_query,
    decode_trade_order,
    encode_command,
)
from support import strategies
from support.schemas import PAYLOADS, SCHEMAS, follow, load, problems, validator


class Contract(NamedTuple):
    """A class, the schema of its documents, and how one becomes the other."""

    kind: type
    schema: Path
    values: st.SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


CONTRACTS = (
    Contract(
        OrderEvent, SCHEMAS / "events/order/v1.json", strategies.order_events(), encode_order, decode_order
    ),
    Contract(
        ConnectionEvent,
        SCHEMAS / "events/connection/v1.json",
        strategies.connection_events(),
        encode_connection,
        decode_connection,
    ),
    Contract(Alert, SCHEMAS / "events/alert/v1.json", strategies.alerts(), encode_alert, decode_alert),
    Contract(
        OrderRequest,
        SCHEMAS / "commands/order_request/v1.json",
        strategies.order_requests(),
        encode_command,
        decode_order_request,
    ),
    Contract(
        CancelRequest,
        SCHEMAS / "commands/cancel_request/v1.json",
        strategies.cancel_requests(),
        encode_command,
        decode_cancel_request,
    ),
    Contract(
        TradeOrder,
        SCHEMAS / "commands/trade_order/v1.json",
        strategies.trade_orders(),
        encode_command,
        decode_trade_order,
    ),
    Contract(
        OrderQuery,
        SCHEMAS / "commands/order_query/v1.json",
        strategies.order_queries(),
        encode_command,
        decode_order_query,
    ),
    Contract(
        OpenOrdersQuery,
        SCHEMAS / "commands/open_orders_query/v1.json",
        strategies.open_orders_queries(),
        encode_command,
        decode_open_orders_query,
    ),
    Contract(
        OpenOrders,
        SCHEMAS / "commands/open_orders/v1.json",
        strategies.open_orders(),
        encode_command,
        decode_open_orders,
    ),
    Contract(
        RulesQuery,
        SCHEMAS / "commands/rules_query/v1.json",
        strategies.rules_queries(),
        encode_command,
        decode_rules_query,
    ),
    Contract(
        RulesAnswer,
        SCHEMAS / "commands/rules_answer/v1.json",
        strategies.rules_answers(),
        encode_command,
        decode_rules_answer,
    ),
    Contract(
        ReadingRequest,
        SCHEMAS / "commands/reading_request/v1.json",
        strategies.reading_requests(),
        encode_command,
        decode_reading_request,
    ),
    Contract(
        FrameReading,
        SCHEMAS / "commands/frame_reading/v1.json",
        strategies.frame_readings(),
        encode_command,
        decode_frame_reading,
    ),
    Contract(
        BotCreation,
        SCHEMAS / "commands/bot_creation/v1.json",
        strategies.bot_creations(),
        encode_bot,
        decode_bot_creation,
    ),
    Contract(
        BotRequest,
        SCHEMAS / "commands/bot_request/v1.json",
        strategies.bot_requests(),
        encode_bot,
        decode_bot_request,
    ),
    Contract(
        BotOrder,
        SCHEMAS / "commands/bot_order/v1.json",
        strategies.bot_orders(),
        encode_bot,
        decode_bot_order,
    ),
    Contract(
        BotAnswer,
        SCHEMAS / "commands/bot_answer/v1.json",
        strategies.bot_answers(),
        encode_bot,
        decode_bot_answer,
    ),
)
EACH = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.kind.__name__)

RULES = SCHEMAS / "commands/rules_answer/v1.json"
JSON_TYPES: Mapping[type, str] = {str: "string", int: "integer", bool: "boolean", Decimal: "string"}


class Property(NamedTuple):
    """What both a class and a schema can say of one field."""

    types: frozenset[str]
    words: tuple[str, ...] | None
    is_amount: bool


def said_by_schema(path: Path, schema: Any) -> Property:
    """Return what a schema says of a value."""
    if "anyOf" in schema:
        members = [said_by_schema(path, member) for member in schema["anyOf"]]
        return Property(
            frozenset().union(*(member.types for member in members)),
            next((member.words for member in members if member.words is not None), None),
            any(member.is_amount for member in members),
        )
    file, schema = follow(path, schema)
    if "enum" in schema:
        words = tuple(word for word in schema["enum"] if word is not None)
        return Property(frozenset({"string"} | ({"null"} if None in schema["enum"] else set())), words, False)
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return Property(frozenset(types), None, file.name == "amounts.json")


def said_by_class(hint: Any) -> Property:
    """Return what an annotation says of a value."""
    members = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    kind = next(member for member in members if member is not type(None))
    types = {"null"} if type(None) in members else set()
    if get_origin(kind) is tuple:
        return Property(frozenset(types | {"array"}), None, False)
    if get_origin(kind) is Mapping:
        return Property(frozenset(types | {"object"}), None, False)
    if is_dataclass(kind):
        return Property(frozenset(types | {"object"}), None, False)
    if issubclass(kind, StrEnum):
        return Property(frozenset(types | {"string"}), tuple(kind), False)
    return Property(frozenset(types | {JSON_TYPES[kind]}), None, kind is Decimal)


@pytest.mark.parametrize(
    ("kind", "path", "definition", "version"),
    [(contract.kind, contract.schema, load(contract.schema), ["v"]) for contract in CONTRACTS]
    + [
        (Fill, CONTRACTS[0].schema, load(CONTRACTS[0].schema)["$defs"]["fill"], []),
        (PairRules, RULES, load(RULES)["$defs"]["rules"], []),
        (BotView, CONTRACTS[-1].schema, load(CONTRACTS[-1].schema)["$defs"]["bot"], []),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_class_and_schema_are_equal(kind: type, path: Path, definition: Any, version: list[str]) -> None:
    """Names and their order, which are required, defaults, types, nullability, words and amounts are the same."""
    members = {field.name: field for field in fields(kind)}
    properties = {name: value for name, value in definition["properties"].items() if name != "v"}
    assert list(properties) == list(members)
    assert definition["required"] == version + [n for n, f in members.items() if f.default is MISSING]
    assert {n: p["default"] for n, p in properties.items() if "default" in p} == {
        n: list(f.default) if isinstance(f.default, tuple) else f.default
        for n, f in members.items()
        if f.default is not MISSING
    }
    hints = get_type_hints(kind)
    assert {n: said_by_schema(path, p) for n, p in properties.items()} == {
        n: said_by_class(hints[n]) for n in members
    }


def test_no_schema_is_left_out() -> None:
    """Every payload has a class that is compared with it."""
    assert sorted(contract.schema for contract in CONTRACTS) == sorted(PAYLOADS)


@EACH
@given(data=st.data())
def test_whatever_can_be_built_is_valid(contract: Contract, data: st.DataObject) -> None:
    """Every value that a venue, a gateway or a bot could truthfully make is valid when it is encoded."""
    value = data.draw(contract.values)
    assert problems(contract.schema, json.loads(contract.encode(value))) == []


PROBES: tuple[Any, ...] = (
    None,
    True,
    0,
    7,
    -1,
    1.5,
    "",
    "x",
    "1",
    "0.5",
    "1e5",
    "NaN",
    "buy",
    "filled",
    "limit",
    [],
    ["1"],
    {},
    {"price": 1},
)


@EACH
@given(data=st.data())
def test_decoder_takes_what_the_schema_allows(contract: Contract, data: st.DataObject) -> None:
    """Put another value into any one place: what is valid decodes; what does not decode is named by its pointer.

    What decodes though it is not valid differs in a range or a pattern, never in its type or its word.
    """
    document = json.loads(contract.encode(data.draw(contract.values)))
    name = data.draw(st.sampled_from(sorted(set(document) - {"v"})))
    document[name] = probe = data.draw(st.sampled_from(PROBES))
    pointer: str | None = None
    try:
        contract.decode(json.dumps(document).encode())
    except DecodeError as refusal:
        pointer = refusal.pointer
    if pointer is not None:
        assert not validator(contract.schema).is_valid(document)
        assert pointer == f"/{name}" or (isinstance(probe, dict | list) and pointer.startswith(f"/{name}/"))
    else:
        said = said_by_schema(contract.schema, load(contract.schema)["properties"][name])
        assert json_type(probe) in said.types
        assert said.words is None or probe is None or probe in said.words


def json_type(value: Any) -> str:
    """Return the schema's word for the type of a JSON value."""
    words = {
        type(None): "null",
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
    }
    return words.get(type(value), "object")
