"""The example documents: valid, canonical, and one for everything that a schema can say."""

from pathlib import Path
from typing import Any

import pytest

from fillwire.domain.bots import BotOutcome
from fillwire.domain.enums import ConnectionState, Kind, Liquidity, OrderType, Source
from fillwire.domain.orders import Outcome
from fillwire.domain.readings import ReadingOutcome
from support.round_trips import ROUND_TRIPS
from support.schemas import PAYLOADS, SCHEMAS, load, problems

EXAMPLES = sorted((SCHEMAS / "examples").glob("*/*.json"))


def name_of(path: Path) -> str:
    """Return an example's name, such as `order/new`."""
    return f"{path.parent.name}/{path.stem}"


def schema_of(path: Path) -> Path:
    """Return the schema that an example is one of."""
    return next(schema for schema in PAYLOADS if schema.parent.name == path.parent.name)


def values(kind: str, field: str) -> set[Any]:
    """Return what the examples of a kind have in a field."""
    return {load(path)[field] for path in EXAMPLES if path.parent.name == kind}


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_example_is_valid(path: Path) -> None:
    """Every example is what its schema says."""
    assert problems(schema_of(path), load(path)) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_example_is_canonical(path: Path) -> None:
    """Every example decodes, and encodes back to the same bytes; the file ends with a line feed beside."""
    data = path.read_bytes()
    assert (
        ROUND_TRIPS[path.parent.name, int(schema_of(path).stem[1:])](data.removesuffix(b"\n")) + b"\n" == data
    )


def test_every_schema_has_examples() -> None:
    """No message is without an example, and no example without a schema and a codec."""
    described = {schema.parent.name for schema in PAYLOADS}
    assert {path.parent.name for path in EXAMPLES} == described == {name for name, _ in ROUND_TRIPS}


def test_examples_show_every_word() -> None:
    """Between them the examples show every kind, source, state and outcome, both liquidities and several order types."""
    assert values("order", "kind") == set(Kind)
    assert values("order", "source") == set(Source)
    assert values("order", "type") > {OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LOSS_LIMIT}
    assert values("connection", "state") == set(ConnectionState)
    assert values("trade_order", "outcome") == set(Outcome)
    assert values("frame_reading", "outcome") == set(ReadingOutcome)
    assert values("bot_answer", "outcome") == set(BotOutcome)
    fills = [load(path)["last_fill"] for path in EXAMPLES if path.parent.name == "order"]
    assert {fill["liquidity"] for fill in fills if fill is not None} == {*Liquidity, None}


def test_event_ids_of_examples_differ_by_step() -> None:
    """Examples share an event id exactly if they report one execution by different ways."""
    by_id: dict[str, set[str]] = {}
    for path in EXAMPLES:
        if path.parent.name == "order":
            by_id.setdefault(load(path)["event_id"], set()).add(path.stem)
    shared = sorted(sorted(names) for names in by_id.values() if len(names) > 1)
    assert shared == [
        ["filled_by_rest", "filled_fee_in_bnb"],
        ["partially_filled", "partially_filled_fee_unknown"],
    ]
