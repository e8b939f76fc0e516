"""The charts of others with our values, by Helm itself: `make check-deploy`, where Helm and the charts are.

`HELM_CHARTS` names a directory with the charts `nats`, `prometheus` and `keda`, as `helm pull --untar` lays them.
"""

import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from support.go_tools import tool
from support.kubernetes_schemas import VERSIONS, check
from support.manifests import (
    DEPLOY,
    Manifest,
    Workload,
    named,
    of_kind,
    references,
    rendered,
    selects,
    workloads,
)
from support.nats_chart import configuration, text_of
from support.network_policies import may_enter, may_leave

CHARTS: Final = os.environ.get("HELM_CHARTS")
NAMESPACES: Final = {"nats": "fillwire", "prometheus": "fillwire", "keda": "keda"}
_CUSTOM: Final = {"CustomResourceDefinition", "APIService"}  # Kubernetes' own, but in no list of schemas


def _templated(name: str) -> tuple[Manifest, ...]:
    helm = tool("helm")
    if helm is None or CHARTS is None:
        pytest.skip(
            "found no helm, or no charts at HELM_CHARTS: of the values only what they yield was checked"
        )
    command = [
        str(helm),
        *("template", name, str(Path(CHARTS) / name), "--namespace", NAMESPACES[name]),
        *("--kube-version", VERSIONS[-1], "--values", str(DEPLOY / "charts" / f"{name}.yaml")),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603 - fixed arguments
    assert done.returncode == 0, done.stderr
    return tuple(found for found in yaml.safe_load_all(done.stdout) if found)


@pytest.fixture(params=NAMESPACES)
def chart(request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    """Each chart's objects."""
    return _templated(request.param)


def test_every_object_is_what_its_schema_says(chart: tuple[Manifest, ...]) -> None:
    """A value at a wrong place ends as a field that nobody knows, or is not seen at all."""
    for manifest in chart:
        if manifest["kind"] not in _CUSTOM:
            check(manifest, VERSIONS[-1])


@pytest.mark.parametrize("name", ["nats", "prometheus"])
def test_its_pods_are_admitted(name: str) -> None:
    """The namespace is `restricted`, and nothing in it has a token of the cluster."""
    for workload in workloads(_templated(name)):
        assert workload.pod["automountServiceAccountToken"] is False
        assert workload.pod["enableServiceLinks"] is False
        assert workload.pod["securityContext"]["runAsNonRoot"] is True
        assert workload.pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in workload.containers:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", ["nats", "prometheus"])
def test_nobody_is_given_rights_in_the_cluster(name: str) -> None:
    """Neither needs any."""
    kinds = {found["kind"] for found in _templated(name)}
    assert not {kind for kind in kinds if "Role" in kind}
    assert "ServiceAccount" not in kinds


@pytest.mark.parametrize(
    ("name", "service", "port", "caller"),
    [
        ("nats", "nats", 4222, "host"),
        ("nats", "nats-headless", 7777, None),
        ("prometheus", "prometheus-server", 9090, "grafana"),
    ],
)
def test_services_are_where_the_manifests_look_for_them(
    name: str, service: str, port: int, caller: str | None
) -> None:
    """By name and port, and the policies let their callers through to the pods behind."""
    chart = _templated(name)
    found = named(chart, "Service", service)
    (offered,) = (entry for entry in found["spec"]["ports"] if entry["port"] == port)
    (called,) = (
        workload
        for workload in workloads(chart)
        if selects({"matchLabels": found["spec"]["selector"]}, workload.labels)
    )
    target = called.ports.get(offered["targetPort"], offered["targetPort"])
    assert target in called.ports.values()
    everything = (*rendered("prod"), *_templated("prometheus"), *chart)
    calling = _by_name(everything, caller or "prometheus-server")
    assert may_leave(everything, calling, called, target)
    assert may_enter(everything, calling, called, target)


def _by_name(objects: tuple[Manifest, ...], name: str) -> Workload:
    return next(workload for workload in workloads(objects) if workload.name == name)


@pytest.mark.parametrize("name", ["nats", "prometheus"])
def test_what_a_pod_is_given_exists(name: str) -> None:
    """In the chart, in the overlay, or in the list of secrets."""
    chart = _templated(name)
    there = {
        (found["kind"], found["metadata"]["name"])
        for found in of_kind((*rendered("prod"), *chart), "ConfigMap", "Secret")
    }
    listed = (DEPLOY.parent / "docs" / "deploy.md").read_text(encoding="utf-8")
    for workload in workloads(chart):
        for reference in references(workload):
            assert (reference.kind, reference.name) in there or f"| `{reference.name}` |" in listed


def test_the_brokers_configuration_is_the_one_that_is_tested() -> None:
    """What tests/support/nats_chart.py says that the chart makes of the values, it makes; the server reads that in CI."""
    (found,) = of_kind(_templated("nats"), "ConfigMap")
    text = found["data"]["nats.conf"]
    assert _settled(text) == _settled(text_of(configuration()))


def _settled(text: str) -> Any:
    """Return a configuration's lines without what says nothing: indentation, commas and their order."""
    return sorted(line.strip().rstrip(",") for line in text.splitlines() if line.strip())
