"""Validates objects as an API server would: by the schemas of Kubernetes' versions, and of what extends it."""

from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

from support.manifests import DEPLOY, Manifest

VERSIONS = ("1.35", "1.36", "1.37")


def _extensions() -> dict[tuple[str, str], dict[str, Any]]:
    """Return the schemas of deploy/crds by API version and kind."""
    found = {}
    for path in sorted((DEPLOY / "crds").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            schema = _closed(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def _closed(schema: Any) -> Any:
    """Return the schema with unknown fields refused, as the server does when asked to be strict."""
    if isinstance(schema, list):
        return [_closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    is_object = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if is_object and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


EXTENSIONS = _extensions()


def check(manifest: Manifest, version: str) -> None:
    """Validate one object: by a schema of deploy/crds if there is one, else by that of Kubernetes, where all are known.

    Raises:
        Exception: it does not validate, or nobody knows its kind.
    """
    schema = EXTENSIONS.get((manifest["apiVersion"], manifest["kind"]))
    if schema is not None:
        Draft202012Validator(schema).validate(manifest)
        return
    used = kubernetes_validate.validate(manifest, version, strict=True)
    assert used == version
