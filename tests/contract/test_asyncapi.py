"""The description of the channels: valid AsyncAPI, and in step with the subjects, commands and headers of the code."""

from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from fillwire.domain.enums import ErrorClass, Kind
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.wire import bots, commands, dead_letters, headers, refused_frames, subjects
from support.schemas import PAYLOADS, SCHEMAS, load

DIALECT = "application/schema+json;version=draft-2020-12"
OFFICIAL = Path(__file__).parents[1] / "data" / "asyncapi" / "3.0.0.json"

document: Any = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))
messages: dict[str, Any] = document["components"]["messages"]


def resolve(pointer: str) -> Any:
    """Return what a reference within the document leads to."""
    node = document
    for key in pointer.removeprefix("#/").split("/"):
        node = node[key]
    return resolve(node["$ref"]) if "$ref" in node else node


def test_document_is_valid_asyncapi() -> None:
    """The document is what the makers of AsyncAPI say a document of 3.0.0 is."""
    errors = list(Draft7Validator(load(OFFICIAL)).iter_errors(document))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_every_reference_leads_somewhere() -> None:
    """Each reference, within the document and to files beside it, can be followed."""

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref", "#/info")
            if reference.startswith("#"):
                resolve(reference)
            else:
                file, _, pointer = reference.partition("#")
                target = load(SCHEMAS / file)
                for key in pointer.split("/")[1:]:
                    target = target[key]
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            walk(value)

    walk(document)


def test_addresses_are_those_of_the_code() -> None:
    """Each channel has the address that its subjects are built from; only inboxes have none."""
    addressed = {name: c["address"] for name, c in document["channels"].items() if c["address"] is not None}
    assert addressed == subjects.ADDRESSES
    assert [name for name in document["channels"] if name not in addressed] == ["answers"]


def test_parameters_are_those_of_the_address() -> None:
    """Each token of an address is described, in its order, and nothing else is."""
    for channel in document["channels"].values():
        tokens = [name for _, name, _, _ in Formatter().parse(channel["address"] or "") if name]
        assert list(channel.get("parameters", {})) == tokens


def test_words_of_parameters_are_those_of_the_code() -> None:
    """The closed parameters allow exactly the kinds and the verbs there are; the examples of classes are true."""
    channels = document["channels"]
    assert channels["orders"]["parameters"]["kind"]["enum"] == list(Kind)
    assert channels["commands"]["parameters"]["verb"]["enum"] == list(commands.VERBS)
    assert channels["bots"]["parameters"]["verb"]["enum"] == list(bots.VERBS)
    assert channels["quarantine"]["parameters"]["class"]["examples"] == list(ErrorClass)


def test_every_payload_is_one_file_of_the_dialect() -> None:
    """A message's payload is nothing but a reference to a file, each file is a payload of one message."""
    files = []
    for message in messages.values():
        if "payload" in message:
            assert message["payload"]["schemaFormat"] == DIALECT
            assert list(message["payload"]["schema"]) == ["$ref"]
            files.append(SCHEMAS / message["payload"]["schema"]["$ref"])
    assert sorted(files) == sorted(PAYLOADS)


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (
            "order",
            [
                headers.MESSAGE_ID,
                headers.TRACEPARENT,
                headers.STAMPS,
                dead_letters.REPLAY_FOR,
                dead_letters.CALLBACK,
            ],
        ),
        (
            "dead_letter",
            [
                headers.MESSAGE_ID,
                dead_letters.BOT,
                dead_letters.REASON,
                dead_letters.EXCEPTION,
                dead_letters.CALLBACK,
                dead_letters.ATTEMPTS,
                dead_letters.EVENT_ID,
                dead_letters.ORIGINAL_SUBJECT,
                dead_letters.ORIGINAL_SEQUENCE,
            ],
        ),
        (
            "refused_frame",
            [
                headers.MESSAGE_ID,
                refused_frames.REASON,
                refused_frames.CODE,
                refused_frames.FIELD,
                refused_frames.OFFSET,
                refused_frames.SYMBOL,
                refused_frames.ORDER_ID,
                refused_frames.RECEIVED,
                refused_frames.GATEWAY,
            ],
        ),
    ],
)
def test_headers_are_those_of_the_code(message: str, names: list[str]) -> None:
    """The headers described are the headers that the code writes."""
    described = messages[message]["headers"]
    assert described["schemaFormat"] == DIALECT
    Draft202012Validator.check_schema(described["schema"])
    assert list(described["schema"]["properties"]) == names


def test_headers_that_the_code_writes_are_valid() -> None:
    """Stamps and event ids match the patterns they are described by."""
    described = messages["order"]["headers"]["schema"]["properties"]
    stamps = headers.Stamps(-1, 2, 3).encode()
    assert Draft202012Validator({"pattern": described[headers.STAMPS]["pattern"]}).is_valid(stamps)
    event_id = load(SCHEMAS / "common" / "identifiers.json")["$defs"]["event_id"]
    account = Account("", "binance futures", "live")
    for written in (
        execution_event_id(account, "BRK.B", "1", "alloc:5"),
        state_event_id(account, "🦊", "1", "TRADE_PREVENTION-NEW-0.5-1"),
    ):
        assert Draft202012Validator(event_id).is_valid(written)


def test_each_service_has_one_operation_for_what_it_does() -> None:
    """Operations belong to one service, and name messages of their channel only."""
    for name, operation in document["operations"].items():
        (tag,) = operation["tags"]
        assert name.startswith(f"{tag['name']}_")
        channel = operation["channel"]["$ref"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])
        assert ("reply" in operation) == (channel in {"#/channels/commands", "#/channels/bots"})
    used = {operation["channel"]["$ref"].rpartition("/")[2] for operation in document["operations"].values()}
    assert used == set(subjects.ADDRESSES)


def test_requests_are_asked_and_answered_alike() -> None:
    """What a host or a person asks, a gateway or the manager answers, with the same message."""
    asked = [o for name, o in document["operations"].items() if "_requests_" in name]
    answered = [o for name, o in document["operations"].items() if "_answers_" in name]
    assert [(o["messages"], o["reply"]) for o in asked] == [(o["messages"], o["reply"]) for o in answered]
