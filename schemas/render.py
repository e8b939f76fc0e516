"""Writes docs/events.md, the page for people, from the schemas. Run it after each change: `python schemas/render.py`."""
# ruff: noqa: INP001 - a folder of documents with one script, no package

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SCHEMAS = Path(__file__).resolve().parent
PAGE = SCHEMAS.parent / "docs" / "events.md"

# Each document, the file of its schema, and the example that the page shows.
DOCUMENTS = (
    ("order", "events/order/v1.json", "filled_fee_in_bnb"),
    ("connection", "events/connection/v1.json", "reconnecting_after_silence"),
    ("alert", "events/alert/v1.json", "detection_lost"),
    ("order_request", "commands/order_request/v1.json", "limit"),
    ("cancel_request", "commands/cancel_request/v1.json", "by_client_order_id"),
    ("trade_order", "commands/trade_order/v1.json", "accepted"),
    ("order_query", "commands/order_query/v1.json", "by_client_order_id"),
    ("open_orders_query", "commands/open_orders_query/v1.json", "of_one_bot"),
    ("open_orders", "commands/open_orders/v1.json", "one"),
    ("rules_query", "commands/rules_query/v1.json", "of_a_pair"),
    ("rules_answer", "commands/rules_answer/v1.json", "known"),
    ("reading_request", "commands/reading_request/v1.json", "by_sequence"),
    ("frame_reading", "commands/frame_reading/v1.json", "published"),
    ("bot_creation", "commands/bot_creation/v1.json", "grid"),
    ("bot_request", "commands/bot_request/v1.json", "change_what_was_seen"),
    ("bot_order", "commands/bot_order/v1.json", "limit"),
    ("bot_answer", "commands/bot_answer/v1.json", "running"),
)

HEAD = """\
<!-- Written by schemas/render.py from the schemas; change those and run it again. -->
# Events and commands

What travels on the broker: where, as what, and where each value comes from. The contract itself is the JSON Schemas in
[`schemas/`](../schemas) and [`schemas/asyncapi.yaml`](../schemas/asyncapi.yaml); this page is made from them.

- **Amounts are decimal strings** in one spelling: no exponent, no leading or trailing zeros. They are never JSON
  numbers. Times are JSON integers of nanoseconds; they exceed 2^53, so JavaScript must read them as BigInt.
- **Null says that the venue did not say.** Nothing is guessed: a fee that is not known yet is null, not 0.
- **Words are closed sets, objects are open.** A reader may switch over `kind` and be complete; it must skip keys that it
  does not know, because a new optional key is no new version. Anything else is version 2, on subjects of its own,
  beside version 1.
- **Bytes are canonical**: keys in the order of the tables, no white space. The same event is the same bytes.
- The column *Origin* says who makes a value, and which key of Binance Spot it is: of `executionReport` on the user data
  stream, and behind a semicolon of the REST API's answers.
"""


def page() -> str:
    """Return the page."""
    channels = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))
    parts = [HEAD, *_channels(channels)]
    for name, file, example in DOCUMENTS:
        parts += _document(name, file, example)
    parts += _headers(channels)
    return "\n".join(parts).rstrip() + "\n"


def _channels(document: Any) -> Iterator[str]:
    yield "## Subjects\n"
    yield "| Subject | Carries | Sent by | Received by |\n|---|---|---|---|"
    for name, channel in document["channels"].items():
        if channel["address"] is None:
            continue
        sides: dict[str, set[str]] = {"send": set(), "receive": set()}
        for operation in document["operations"].values():
            if operation["channel"]["$ref"] == f"#/channels/{name}":
                sides[operation["action"]].add(operation["tags"][0]["name"])
        address = channel["address"].replace("{", "<").replace("}", ">")
        senders, receivers = (", ".join(sorted(sides[side])) or "any" for side in ("send", "receive"))
        yield f"| `{address}` | {_cell(channel['title'])} | {senders} | {receivers} |"
    yield f"\n{' '.join(document['info']['description'].split()).partition('described twice. ')[2]}\n"
    for channel in document["channels"].values():
        yield f"- **{channel['title']}.** {' '.join(channel['description'].split())}"
    yield ""


def _document(name: str, file: str, example: str) -> Iterator[str]:
    path = SCHEMAS / file
    schema = _load(path)
    yield f"## {schema['title']}\n"
    yield f"{schema['description']}\n"
    yield f"Schema: [`{file}`](../schemas/{file}). Examples: [`examples/{name}/`](../schemas/examples/{name}).\n"
    yield from _table(path, schema)
    for rule in schema.get("allOf", []):
        yield f"- {rule['$comment']}"
    if "allOf" in schema:
        yield ""
    for definition in schema.get("$defs", {}).values():
        if "properties" in definition:
            yield f"### {definition['title']}\n"
            yield f"{definition['description']}\n"
            yield from _table(path, definition)
    document = _load(SCHEMAS / "examples" / name / f"{example}.json")
    yield f"```json\n{json.dumps(document, indent=2, ensure_ascii=False)}\n```\n"


def _table(path: Path, schema: Any) -> Iterator[str]:
    yield "| Field | Type | Meaning | Origin |\n|---|---|---|---|"
    for name, value in schema["properties"].items():
        optional = "" if name in schema["required"] else ", may be absent"
        unit = f", in {value['x-unit']}" if "x-unit" in value else ""
        origin = ". ".join(
            f"{'Binance' if source == 'binance' else source}: {text}"
            for source, text in value.get("x-origin", {}).items()
        )
        kind = _type(path, value)
        yield f"| `{name}` | {_cell(kind + unit + optional)} | {_cell(value['description'])} | {_cell(origin)} |"
    yield ""


def _type(path: Path, schema: Any) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(path, member) for member in schema["anyOf"])
    if "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#")
        target = path.parent / file if file else path
        definition = _load(target)
        for key in pointer.split("/")[1:]:
            definition = definition[key]
        if target.name == "amounts.json":
            return "decimal string"
        return _type(target, definition) if "properties" not in definition else definition["title"].lower()
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        words = [f"`{word}`" for word in schema["enum"] if word is not None]
        return ", ".join(words) + (" or null" if None in schema["enum"] else "")
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    items = f" of {_type(path, schema['items'])}" if "items" in schema else ""
    return " or ".join(types) + items


def _headers(document: Any) -> Iterator[str]:
    yield "## Headers\n"
    for message in document["components"]["messages"].values():
        if "headers" not in message:
            continue
        schema = message["headers"]["schema"]
        yield f"### Of the message *{message['title'].lower()}*\n"
        yield "| Header | Meaning | |\n|---|---|---|"
        for name, value in schema["properties"].items():
            presence = "always" if name in schema.get("required", ()) else "may be absent"
            yield f"| `{name}` | {_cell(value['description'])} | {presence} |"
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
