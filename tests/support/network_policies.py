"""What NetworkPolicies let through, and which connections the rendered manifests say that pods make."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from support.manifests import Manifest, Workload, named, of_kind, references, selects, workloads

_URL: Final = re.compile(r"\b(?:[a-z]+)://[^\s\"',\]}]+")
_RELAYED: Final = re.compile(r"TCP:([a-z0-9-]+):(\d+)")
_ENDPOINT: Final = re.compile(r"endpoint: \"?([a-z0-9-]+):(\d+)")
_DEFAULT_PORTS: Final = {"https": 443, "wss": 443, "http": 80}
_LOOPBACK: Final = {"127.0.0.1", "localhost", "0.0.0.0"}  # noqa: S104 - addresses that are no connection


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A connection that a pod makes.

    Attributes:
        caller: the workload's name.
        host: as the settings name it: a Service, or a name beyond the cluster.
        port: at which port of that host.
    """

    caller: str
    host: str
    port: int


def calls(objects: Sequence[Manifest]) -> set[Call]:
    """Return every connection that settings, variables and arguments of the pods name."""
    return {call for workload in workloads(objects) for call in _calls_of(workload, objects)}


def _calls_of(workload: Workload, objects: Sequence[Manifest]) -> Iterator[Call]:
    texts = [
        text
        for container in workload.containers
        for text in (
            *container.get("args", ()),
            *(variable.get("value", "") for variable in container.get("env", ())),
        )
    ]
    for reference in set(references(workload)):
        # Dashboards and scripts hold links that nobody follows; settings hold addresses.
        if reference.kind == "ConfigMap" and reference.path is not None:
            data = named(objects, "ConfigMap", reference.name)["data"]
            texts += [
                text for key, text in data.items() if not key.endswith(".py") and "dashboard" not in key
            ]
            if "prometheus.yml" in data:
                yield from _scrapes(workload.name, yaml.safe_load(data["prometheus.yml"]))
    for text in texts:
        yield from _calls_in(workload.name, text)


def _calls_in(caller: str, text: str) -> Iterator[Call]:
    for found in _URL.findall(text):
        parts = urlsplit(found)
        host = parts.hostname or ""
        if host and host not in _LOOPBACK:
            yield Call(caller, host, parts.port or _DEFAULT_PORTS[parts.scheme])
    for pattern in (_RELAYED, _ENDPOINT):
        for host, port in pattern.findall(text):
            yield Call(caller, host, int(port))


def _scrapes(caller: str, settings: Mapping[str, Any]) -> Iterator[Call]:
    for job in settings["scrape_configs"]:
        for found in job.get("dns_sd_configs", ()):
            for name in found["names"]:
                yield Call(caller, name, found["port"])
        for static in job.get("static_configs", ()):
            for target in static["targets"]:
                host, _, port = target.partition(":")
                yield Call(caller, host, int(port))


def is_inside(call: Call, objects: Sequence[Manifest]) -> bool:
    """Return whether the host is a Service of these objects."""
    return any(found["metadata"]["name"] == call.host for found in of_kind(objects, "Service"))


def called_pods(call: Call, objects: Sequence[Manifest]) -> list[tuple[Workload, int]]:
    """Return the workloads that a Service leads to, with the port of theirs.

    Raises:
        ValueError: the Service has no such port.
    """
    service = named(objects, "Service", call.host)
    port = next((port for port in service["spec"]["ports"] if port["port"] == call.port), None)
    if port is None:
        raise ValueError(f"{call.caller} calls {call.host}:{call.port}, a port that the Service has not")
    return [
        (workload, workload.ports.get(port["targetPort"], port["targetPort"]))
        for workload in workloads(objects)
        if selects({"matchLabels": service["spec"]["selector"]}, workload.labels)
    ]


def may_leave(objects: Sequence[Manifest], caller: Workload, called: Workload | None, port: int) -> bool:
    """Return whether the caller's pods may connect to the called one's, or beyond the cluster where that is None."""
    rules = _rules(objects, caller, "Egress", "egress")
    return any(_lets_through(rule, "to", called, port) for rule in rules)


def may_enter(objects: Sequence[Manifest], caller: Workload, called: Workload, port: int) -> bool:
    """Return whether the called pods may be connected to by the caller's."""
    rules = _rules(objects, called, "Ingress", "ingress")
    return any(_lets_through(rule, "from", caller, port) for rule in rules)


def _rules(
    objects: Sequence[Manifest], workload: Workload, direction: str, member: str
) -> Iterator[Mapping[str, Any]]:
    for policy in of_kind(objects, "NetworkPolicy"):
        spec = policy["spec"]
        if direction in spec["policyTypes"] and selects(spec["podSelector"], workload.labels):
            yield from spec.get(member, ())


def _lets_through(rule: Mapping[str, Any], member: str, other: Workload | None, port: int) -> bool:
    if all(entry["port"] != port or entry["protocol"] != "TCP" for entry in rule["ports"]):
        return False
    for peer in rule[member]:
        if "namespaceSelector" in peer:
            continue  # another namespace
        if other is None:
            if "ipBlock" in peer:
                return True
        elif "podSelector" in peer and selects(peer["podSelector"], other.labels):
            return True
    return False
