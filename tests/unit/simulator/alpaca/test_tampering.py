"""What faults do to a message of the account stream."""

import json

import pytest

from fillwire.simulator.alpaca.tampering import AlpacaTampering

FRAME = (
    b'{"stream":"trade_updates","data":{"at":"2026-09-18T13:24:50.034555Z","event":"fill","order":{"id":"b28e",'
    b'"qty":"2","filled_qty":"2","status":"filled","legs":null},"price":"0.0851119","qty":"2","execution_id":"a0b4"}}'
)
TAMPERING = AlpacaTampering()


def changed(how: str) -> dict[str, object]:
    """Return the members of `data` that a corruption has changed."""
    before, after = json.loads(FRAME)["data"], json.loads(TAMPERING.corrupt(FRAME, how))["data"]
    return {name: after.get(name) for name in before | after if before.get(name) != after.get(name)}


@pytest.mark.parametrize("how", ["truncated", "not_json"])
def test_malformed_messages_cannot_be_read(how: str) -> None:
    """What is cut or has wrong signs is no JSON."""
    with pytest.raises(json.JSONDecodeError):
        json.loads(TAMPERING.corrupt(FRAME, how))


def test_readable_corruptions_change_one_thing() -> None:
    """An order without id or with a number for it, a negative execution, a key that stands twice, no data at all."""
    order = json.loads(FRAME)["data"]["order"]
    assert changed("missing_field") == {"order": {name: order[name] for name in order if name != "id"}}
    assert changed("wrong_type") == {"order": order | {"id": 7}}
    assert changed("bad_quantity") == {"qty": "-1"}
    assert TAMPERING.corrupt(FRAME, "duplicate_key").count(b'"filled_qty"') == 2
    assert json.loads(TAMPERING.corrupt(FRAME, "null_data")) == {"stream": "trade_updates", "data": None}


def test_what_is_new_to_a_client() -> None:
    """An event, a value and members that nobody has heard of leave the rest as it was."""
    data = json.loads(FRAME)["data"]
    assert json.loads(TAMPERING.unknown_event(FRAME))["data"] == data | {"event": "unheard_of"}
    assert json.loads(TAMPERING.unknown_value(FRAME, "status"))["data"]["order"]["status"] == "unheard_of"
    extended = json.loads(TAMPERING.extra_fields(FRAME))["data"]
    assert extended == data | {"zz": {"new": [1, "é"]}, "yy": None}


def test_executions_are_told_by_the_event() -> None:
    """A bust is not an execution."""
    assert [
        TAMPERING.is_execution(FRAME, kind) for kind in ("fill", "partial_fill", "new", "trade_bust")
    ] == [
        True,
        True,
        False,
        False,
    ]
