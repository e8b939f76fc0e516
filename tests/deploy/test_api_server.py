"""The manifests as Kubernetes' own API server takes them: `make check-deploy`. A warning is a failure."""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pytest
import yaml

from support.api_server import ApiServer, Refused, running_api_server
from support.charts import NAMESPACES, templated
from support.manifests import (
    DEPLOY,
    OVERLAYS,
    Manifest,
    Workload,
    claims,
    named,
    of_kind,
    rendered,
    workloads,
)

pytestmark = pytest.mark.timeout(240)
_NAMESPACE: Final = "fillwire"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server that has what comes first in a cluster: the kinds of others, the namespace, its account."""
    with running_api_server(tmp_path_factory.mktemp("api-server")) as found:
        kinds = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((DEPLOY / "crds").glob("*.yaml"))]
        found.apply(kinds)
        found.kubectl(
            "wait",
            "--for=condition=Established",
            "--timeout=30s",
            *(f"customresourcedefinition/{kind['metadata']['name']}" for kind in kinds),
        )
        for kind in ("Namespace", "ServiceAccount"):
            found.apply(of_kind(rendered("prod"), kind))
        found.kubectl("create", "namespace", NAMESPACES["keda"])
        yield found


def _pods(objects: Sequence[Manifest], prefix: str) -> list[Manifest]:
    """Return a pod of each workload, as its controller makes them."""
    return [
        _pod(workload, f"{prefix}-{workload.kind.lower()}-{workload.name}") for workload in workloads(objects)
    ]


def _pod(workload: Workload, name: str) -> Manifest:
    spec = copy.deepcopy(workload.pod)
    for claim in sorted(claims(workload)):
        volume = {"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{workload.name}-0"}}
        spec.setdefault("volumes", []).append(volume)
    metadata = {"name": name, "namespace": _NAMESPACE, "labels": dict(workload.labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_taken(server: ApiServer, overlay: str) -> None:
    """Decoded strictly, defaulted, validated, admitted: all that the server does, but for keeping it."""
    server.apply(rendered(overlay), only_asked=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_of_every_workload_is_admitted(server: ApiServer, overlay: str) -> None:
    """The namespace enforces `restricted` on pods alone: of what makes them it only warns."""
    pods = _pods(rendered(overlay), overlay)
    server.kubectl("create", "--validate=strict", "--filename=-", objects=pods)
    kept = server.kubectl("get", "pods", f"--namespace={_NAMESPACE}", "--output=name").split()
    assert {f"pod/{pod['metadata']['name']}" for pod in pods} <= set(kept)


@pytest.mark.parametrize("chart", NAMESPACES)
def test_every_object_of_a_chart_is_taken(server: ApiServer, chart: str) -> None:
    """The values where the chart looks for them make what the server knows."""
    found = templated(chart)
    objects = [_in_namespace(manifest, NAMESPACES[chart]) for manifest in found]
    server.kubectl(
        *("apply", "--server-side", "--dry-run=server", "--validate=strict"), "--filename=-", objects=objects
    )


@pytest.mark.parametrize("chart", ["nats", "prometheus"])
def test_the_pods_of_a_chart_are_admitted(server: ApiServer, chart: str) -> None:
    """They run in the same namespace."""
    server.kubectl("create", "--validate=strict", "--filename=-", objects=_pods(templated(chart), chart))


def _in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    """Return an object as Helm installs it: where it says, else in the release's namespace."""
    return {**manifest, "metadata": {"namespace": namespace, **manifest["metadata"]}}


def _spoilt(kind: str, name: str, spoil: Callable[[Any], object]) -> Manifest:
    manifest = copy.deepcopy(named(rendered("prod"), kind, name))
    spoil(manifest)
    return manifest


def _container(manifest: Manifest) -> dict[str, Any]:
    container: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]
    return container


@pytest.mark.parametrize(
    ("kind", "name", "spoil", "said"),
    [
        (
            "Deployment",
            "host",
            lambda found: _container(found)["securityContext"].pop("allowPrivilegeEscalation"),
            "allowPrivilegeEscalation != false",
        ),
        (
            "Deployment",
            "host",
            lambda found: _container(found).update(readinesProbe={}),
            'unknown field "spec.template.spec.containers[0].readinesProbe"',
        ),
        (
            "Deployment",
            "host",
            lambda found: found["spec"]["selector"]["matchLabels"].update(app="another"),
            "`selector` does not match template `labels`",
        ),
        (
            "Deployment",
            "host",
            lambda found: _container(found)["resources"]["requests"].update(memory="1Ti"),
            "must be less than or equal to memory limit",
        ),
        (
            "Deployment",
            "host",
            lambda found: _container(found)["env"].append({"name": "FILLWIRE_NATS__URL", "value": "again"}),
            "hides previous definition",
        ),
        (
            "ScaledObject",
            "host",
            lambda found: found["spec"].update(minReplicas=2),
            'unknown field "spec.minReplicas"',
        ),
        (
            "Service",
            "console",
            lambda found: found["spec"]["ports"].append(found["spec"]["ports"][0]),
            "Duplicate value",
        ),
        (
            "NetworkPolicy",
            "grafana-asks",
            lambda found: found["spec"]["egress"][0]["ports"][0].update(endPort=1),
            "must be greater than or equal to `port`",
        ),
    ],
)
def test_a_mistake_is_refused(
    server: ApiServer, kind: str, name: str, spoil: Callable[[Any], object], said: str
) -> None:
    """Some are in no schema: only the server sees them."""
    with pytest.raises(Refused) as refused:
        server.apply([_spoilt(kind, name, spoil)], only_asked=True)
    assert said in str(refused.value)


def test_a_pod_that_may_too_much_is_refused(server: ApiServer) -> None:
    """Not warned of: refused, as a cluster would, when the workload is long there."""
    spoilt = _spoilt(
        "Deployment",
        "host",
        lambda found: _container(found)["securityContext"].pop("allowPrivilegeEscalation"),
    )
    with pytest.raises(Refused) as refused:
        server.kubectl("create", "--filename=-", objects=_pods([spoilt], "spoilt"))
    assert 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false' in str(refused.value)
