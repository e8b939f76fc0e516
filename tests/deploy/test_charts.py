"""The charts of others with our values, by Helm itself: `make check-deploy`, where Helm and the charts are."""

from typing import Any, Final

import pytest

from support.charts import NAMESPACES, templated
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

_CUSTOM: Final = {"CustomResourceDefinition", "APIService"}  # Kubernetes' own, but in no list of schemas


@pytest.fixture(params=NAMESPACES)
def chart(request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    """Each chart's objects."""
    return templated(request.param)


def test_every_object_is_what_its_schema_says(chart: tuple[Manifest, ...]) -> None:
    """A value at a wrong place ends as a field that nobody knows, or is not seen at all."""
    for manifest in chart:
        if manifest["kind"] not in _CUSTOM:
            check(manifest, VERSIONS[-1])


@pytest.mark.parametrize("name", ["nats", "prometheus"])
def test_its_pods_are_admitted(name: str) -> None:
    """The namespace is `restricted`, and nothing in it has a token of the cluster."""
    for workload in workloads(templated(name)):
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
    kinds = {found["kind"] for found in templated(name)}
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
    chart = templated(name)
    found = named(chart, "Service", service)
    (offered,) = (entry for entry in found["spec"]["ports"] if entry["port"] == port)
    (called,) = (
        workload
        for workload in workloads(chart)
        if selects({"matchLabels": found["spec"]["selector"]}, workload.labels)
    )
    target = called.ports.get(offered["targetPort"], offered["targetPort"])
    assert target in called.ports.values()
    everything = (*rendered("prod"), *templated("prometheus"), *chart)
    calling = _by_name(everything, caller or "prometheus-server")
    assert may_leave(everything, calling, called, target)
    assert may_enter(everything, calling, called, target)


def _by_name(objects: tuple[Manifest, ...], name: str) -> Workload:
    return next(workload for workload in workloads(objects) if workload.name == name)


@pytest.mark.parametrize("name", ["nats", "prometheus"])
def test_what_a_pod_is_given_exists(name: str) -> None:
    """In the chart, in the overlay, or in the list of secrets."""
    chart = templated(name)
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
    (found,) = of_kind(templated("nats"), "ConfigMap")
    text = found["data"]["nats.conf"]
    assert _settled(text) == _settled(text_of(configuration()))


def _settled(text: str) -> Any:
    """Return a configuration's lines without what says nothing: indentation, commas and their order."""
    return sorted(line.strip().rstrip(",") for line in text.splitlines() if line.strip())
