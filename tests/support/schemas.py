"""The schemas of this repository, and validators for them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

SCHEMAS = Path(__file__).parents[2] / "schemas"
PAYLOADS = tuple(sorted(SCHEMAS.glob("*/*/v*.json")))
"""The files that describe a message, as against parts of one."""


def load(path: Path) -> Any:
    """Return the JSON document in a file."""
    return json.loads(path.read_bytes())


REGISTRY: Registry[Any] = Registry().with_resources(
    (path.as_uri(), DRAFT202012.create_resource(load(path)))
    for path in [*PAYLOADS, *SCHEMAS.glob("common/*.json")]
)


@cache
def validator(path: Path) -> Draft202012Validator:
    """Return the validator for what the schema in `path` describes; references are to files beside it."""
    return Draft202012Validator({"$ref": path.as_uri()}, registry=REGISTRY)


def problems(path: Path, document: Any) -> list[str]:
    """Return what the schema in `path` says against a document, one sentence each with the place."""
    return [f"{error.json_path}: {error.message}" for error in validator(path).iter_errors(document)]


def follow(path: Path, schema: Any) -> tuple[Path, Any]:
    """Return what a schema says behind its `$ref`, and the file where it says so."""
    while "$ref" in schema:
        file, _, fragment = schema["$ref"].partition("#")
        path = (path.parent / file).resolve() if file else path
        schema = load(path)
        for key in fragment.split("/")[1:]:
            schema = schema[key]
    return path, schema
