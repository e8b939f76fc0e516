"""The manifests against the schemas of Kubernetes' versions, and of what extends it."""

import copy
from typing import Any

import kubernetes_validate
import pytest
from jsonschema import ValidationError

from support.kubernetes_schemas import VERSIONS, check
from support.manifests import OVERLAYS, Manifest, named, rendered


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_what_its_schema_says(overlay: str, version: str) -> None:
    """No unknown field, no wrong type, no kind that nobody knows."""
    for manifest in rendered(overlay):
        check(manifest, version)


def _spoilt(kind: str, name: str, path: tuple[str | int, ...], value: object) -> Manifest:
    manifest = copy.deepcopy(named(rendered("prod"), kind, name))
    place: Any = manifest
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return manifest


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("Deployment", "host", ("spec", "replicaz"), 2),
        ("Deployment", "host", ("spec", "template", "spec", "terminationGracePeriodSeconds"), "45"),
        ("Service", "console", ("spec", "ports", 0, "port"), "8300"),
        ("NetworkPolicy", "grafana-asks", ("spec", "egres"), []),
        ("ScaledObject", "host", ("spec", "minReplicas"), 2),
        ("ScaledObject", "host", ("spec", "triggers", 0, "metadata", "threshold"), 2000),
        ("ScaledObject", "host", ("kind",), "ScaledObjekt"),
        ("Deployment", "host", ("apiVersion",), "apps/v1beta3"),
    ],
)
def test_a_mistake_is_seen(kind: str, name: str, path: tuple[str | int, ...], value: object) -> None:
    """What a typing hand does: each is refused."""
    spoilt = _spoilt(kind, name, path, value)
    with pytest.raises(
        (ValidationError, kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError)
    ):
        check(spoilt, VERSIONS[-1])
