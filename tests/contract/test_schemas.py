"""The schemas themselves: of the dialect they claim, complete, and with examples that are true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from support.schemas import PAYLOADS, SCHEMAS, follow, load, problems

ALL = sorted([*PAYLOADS, *(SCHEMAS / "common").glob("*.json")])


def name_of(path: Path) -> str:
    """Return a schema's name, such as `order/v1`."""
    return f"{path.parent.name}/{path.stem}"


def definitions(schema: Any) -> Iterator[Any]:
    """Yield the objects that a schema describes, itself and those in it."""
    yield schema
    yield from schema.get("$defs", {}).values()


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_schema_is_valid_under_its_dialect(path: Path) -> None:
    """Every schema names draft 2020-12 and is a schema of it."""
    schema = load(path)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_every_reference_leads_somewhere(path: Path) -> None:
    """Every `$ref` names a definition that exists."""

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                follow(path, node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(load(path))


@pytest.mark.parametrize("path", PAYLOADS, ids=name_of)
def test_every_property_is_described(path: Path) -> None:
    """Every property says what it is and where it comes from; an amount and a time also say in which unit."""
    schema = load(path)
    for described in definitions(schema):
        for name, value in described.get("properties", {}).items():
            assert value["description"].endswith("."), name
            if name == "v":
                continue
            assert value["x-origin"], name
            references = str([value.get("$ref"), value.get("anyOf")])
            is_measured = "amounts.json" in references or "times.json" in references
            assert not is_measured or value["x-unit"], name


@pytest.mark.parametrize("path", PAYLOADS, ids=name_of)
def test_objects_are_open(path: Path) -> None:
    """Every object says that it may hold more, so that a reader of version 1 survives an addition."""
    for described in definitions(load(path)):
        if described.get("type") == "object":
            assert described["additionalProperties"] is True


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_examples_in_schemas_are_valid(path: Path) -> None:
    """What a definition gives as an example, it allows."""
    for name, definition in load(path).get("$defs", {}).items():
        validator = Draft202012Validator(definition)
        for example in definition.get("examples", []):
            assert validator.is_valid(example), f"{name}: {example}"


AMOUNTS = SCHEMAS / "common" / "amounts.json"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-0",
        "00",
        "01",
        "1.0",
        "1.",
        ".5",
        "+1",
        "1e5",
        "NaN",
        "Infinity",
        "-0.0",
        "1_0",
        " 1",
        "1,5",
        "--1",
    ],
)
def test_amount_has_one_spelling(text: str) -> None:
    """A decimal string with padding, exponent, sign of zero or anything else that could be left out is refused."""
    definitions = load(AMOUNTS)["$defs"]
    assert not Draft202012Validator(definitions["decimal"]).is_valid(text)
    assert not Draft202012Validator(definitions["quantity"]).is_valid(text)


@pytest.mark.parametrize(
    ("text", "is_quantity"), [("0", True), ("10", True), ("0.01", True), ("-0.5", False), ("-3", False)]
)
def test_quantity_is_never_negative(text: str, is_quantity: bool) -> None:
    """A price or a fee may be negative, a quantity may not."""
    definitions = load(AMOUNTS)["$defs"]
    assert Draft202012Validator(definitions["decimal"]).is_valid(text)
    assert Draft202012Validator(definitions["quantity"]).is_valid(text) is is_quantity


ORDER = SCHEMAS / "events" / "order" / "v1.json"
CONNECTION = SCHEMAS / "events" / "connection" / "v1.json"
CANCEL = SCHEMAS / "commands" / "cancel_request" / "v1.json"


@pytest.mark.parametrize(
    ("example", "changes"),
    [
        ("filled_fee_in_bnb", {"last_fill": None}),
        ("filled_fee_in_bnb", {"kind": "cancelled"}),
        ("filled_fee_in_bnb", {"kind": "done"}),
        ("filled_fee_in_bnb", {"source": "guess"}),
        ("filled_fee_in_bnb", {"price": 150}),
        ("filled_fee_in_bnb", {"price": "150.0"}),
        ("filled_fee_in_bnb", {"quantity": "-10"}),
        ("filled_fee_in_bnb", {"received_time_ns": -1}),
        ("filled_fee_in_bnb", {"transaction_time_ns": None}),
        ("filled_fee_in_bnb", {"new_client_order_id": "another"}),
        ("filled_fee_in_bnb", {"event_id": "binance:live:alice:SOL/USDT:7000000101:41000007"}),
        ("filled_fee_in_bnb", {"event_id": "binance:live:alice:SOLUSDT:7000000101"}),
        ("filled_fee_in_bnb", {"pair": "SOLUSDT"}),
        ("filled_fee_in_bnb", {"v": 2}),
        ("filled_by_rest", {"last_fill": None}),
    ],
)
def test_contradicting_order_event_is_refused(example: str, changes: dict[str, Any]) -> None:
    """An event that contradicts itself or leaves a closed set is invalid, though the example it was made of is not."""
    document = load(SCHEMAS / "examples" / "order" / f"{example}.json")
    assert problems(ORDER, document) == []
    assert problems(ORDER, document | changes)


@pytest.mark.parametrize(
    "changes", [{"connected_since_ns": None}, {"state": "connected"}, {"attempt": -1}, {"state": "up"}]
)
def test_contradicting_connection_event_is_refused(changes: dict[str, Any]) -> None:
    """A connection is receiving since some time or is not receiving."""
    document = load(SCHEMAS / "examples" / "connection" / "receiving.json")
    assert problems(CONNECTION, document | changes)


def test_cancel_names_its_order() -> None:
    """A cancel request without either id is invalid."""
    document = load(SCHEMAS / "examples" / "cancel_request" / "by_order_id.json")
    assert problems(CANCEL, document) == []
    assert problems(CANCEL, document | {"order_id": None})


def test_unknown_keys_are_allowed() -> None:
    """A document with a key that the schema does not know is valid."""
    document = load(SCHEMAS / "examples" / "order" / "new.json")
    assert problems(ORDER, document | {"fee_tier": "vip"}) == []
