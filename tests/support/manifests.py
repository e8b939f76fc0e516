"""The manifests of deploy/ as a cluster would be given them, and what is asked of them often."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
OVERLAYS: Final = ("dev", "prod")
OWN: Final = frozenset({"gateway", "host", "manager", "door", "recorder", "console", "notify"})
NAME: Final = "app.kubernetes.io/name"
KUBECTL: Final = Path(sys.executable).parent / "kubectl"
_DEADLINE_S: Final = 60

Manifest = dict[str, Any]


@cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    """Return every object of an overlay, as `kubectl kustomize` renders them."""
    return objects_of(DEPLOY / "overlays" / overlay)


def objects_of(directory: Path) -> tuple[Manifest, ...]:
    """Return every object of a kustomization.

    Raises:
        ValueError: it cannot be rendered; the message is what kubectl said.
    """
    command = [str(KUBECTL), "kustomize", str(directory)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_DEADLINE_S)  # noqa: S603 - fixed arguments
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(objects: Sequence[Manifest], *kinds: str) -> list[Manifest]:
    """Return the objects of these kinds."""
    return [found for found in objects if found["kind"] in kinds]


def named(objects: Sequence[Manifest], kind: str, name: str) -> Manifest:
    """Return the one object of a kind and name."""
    (found,) = (found for found in of_kind(objects, kind) if found["metadata"]["name"] == name)
    return found


@dataclass(frozen=True, slots=True)
class Workload:
    """What runs pods.

    Attributes:
        manifest: the object.
        pod: its pods' spec.
        labels: its pods' labels.
    """

    manifest: Manifest
    pod: Manifest
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.manifest["metadata"]["name"])

    @property
    def kind(self) -> str:
        """Kind of the object."""
        return str(self.manifest["kind"])

    @property
    def app(self) -> str:
        """What it is, for policies and services."""
        return self.labels.get(NAME, "")

    @property
    def containers(self) -> list[Manifest]:
        """All containers, those that are started first included."""
        return [*self.pod.get("initContainers", ()), *self.pod["containers"]]

    @property
    def main(self) -> Manifest:
        """The container that the pod is there for."""
        return dict(self.pod["containers"][0])

    @property
    def ports(self) -> dict[str, int]:
        """Ports of its containers by their names."""
        return {
            port.get("name", str(port["containerPort"])): port["containerPort"]
            for container in self.containers
            for port in container.get("ports", ())
        }

    def __str__(self) -> str:
        """Return kind and name."""
        return f"{self.kind} {self.name}"


def workloads(objects: Sequence[Manifest]) -> list[Workload]:
    """Return everything that runs pods."""
    return [
        Workload(found, found["spec"]["template"]["spec"], found["spec"]["template"]["metadata"]["labels"])
        for found in of_kind(objects, "Deployment", "StatefulSet", "DaemonSet", "Job")
    ]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a label selector, `matchLabels` and `matchExpressions` with `In`, selects these labels."""
    for expression in selector.get("matchExpressions", ()):
        if expression["operator"] != "In":
            raise ValueError(f"expected the operator In, found {expression['operator']}")
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


@dataclass(frozen=True, slots=True)
class Reference:
    """A ConfigMap or Secret that a pod asks for.

    Attributes:
        kind: which of both.
        name: its name.
        keys: keys that must be in it.
        path: directory at which its keys, or those chosen of them, are files; None in a variable.
    """

    kind: str
    name: str
    keys: tuple[str, ...]
    path: str | None


def references(workload: Workload) -> Iterator[Reference]:
    """Yield what the pods must have to start; what is optional is left out."""
    for container in workload.containers:
        for variable in container.get("env", ()):
            for member, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                found = variable.get("valueFrom", {}).get(member)
                if found is not None and not found.get("optional"):
                    yield Reference(kind, found["name"], (found["key"],), None)
        for mount in container.get("volumeMounts", ()):
            if mount["name"] in claims(workload):
                continue
            (volume,) = (volume for volume in workload.pod["volumes"] if volume["name"] == mount["name"])
            keys = (mount["subPath"],) if "subPath" in mount else ()
            for source in (volume, *volume.get("projected", {}).get("sources", ())):
                for member, kind, name in (
                    ("secret", "Secret", "secretName"),
                    ("configMap", "ConfigMap", "name"),
                ):
                    found = source.get(member)
                    if found is not None and not found.get("optional"):
                        items = tuple(item["key"] for item in found.get("items", ()))
                        yield Reference(
                            kind, found.get(name, found.get("name")), keys or items, mount["mountPath"]
                        )


def claims(workload: Workload) -> set[str]:
    """Return the volumes that claims of a StatefulSet bring."""
    return {claim["metadata"]["name"] for claim in workload.manifest["spec"].get("volumeClaimTemplates", ())}
