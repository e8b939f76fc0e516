"""Who may talk to whom in the cluster: what the settings say that services do, and nothing else."""

import copy
from urllib.parse import urlsplit

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.venues.registry import VENUES
from fillwire.venues.venue import Venue
from support.manifests import OVERLAYS, OWN, Manifest, Workload, named, of_kind, rendered, workloads
from support.network_policies import Call, called_pods, calls, is_inside, may_enter, may_leave

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def _by_name(objects: tuple[Manifest, ...], name: str) -> Workload:
    (found,) = (workload for workload in workloads(objects) if workload.name == name)
    return found


def _whole(overlay: str) -> tuple[Manifest, ...]:
    """Return the overlay's objects; in production with the broker and Prometheus, which charts bring there."""
    objects = rendered(overlay)
    if overlay == "prod":
        local = rendered("dev")
        brought = [
            *(named(local, "Service", name) for name in ("nats", "nats-headless", "prometheus-server")),
            named(local, "StatefulSet", "nats"),
            named(local, "Deployment", "prometheus-server"),
            *(found for found in of_kind(local, "ConfigMap") if "nats.conf" in found["data"]),
        ]
        objects = (*objects, *brought)
    return objects


@each_overlay
def test_nothing_is_allowed_by_default(overlay: str) -> None:
    """In both directions, for every pod."""
    policy = named(rendered(overlay), "NetworkPolicy", "nothing-by-default")
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@each_overlay
def test_each_connection_that_is_made_may_be_made(overlay: str) -> None:
    """From settings, variables and arguments to the pods behind the Service: out of the one, into the other."""
    objects = _whole(overlay)
    refused = []
    for call in sorted(calls(objects)):
        caller = _by_name(objects, call.caller)
        if not is_inside(call, objects):
            if not may_leave(objects, caller, None, call.port):
                refused.append(call)
            continue
        for called, port in called_pods(call, objects):
            if not (may_leave(objects, caller, called, port) and may_enter(objects, caller, called, port)):
                refused.append(call)
    assert refused == []


@each_overlay
def test_the_connections_are_those_that_services_are_known_to_make(overlay: str) -> None:
    """That the settings were read at all: each service calls the broker, and so on."""
    objects = _whole(overlay)
    made = calls(objects)
    for workload in workloads(objects):
        if workload.app in OWN:
            assert Call(workload.name, "nats", 4222) in made
            assert Call("prometheus-server", f"{workload.app}-metrics", 9464) in made
        if workload.app in {"gateway", "host"}:
            assert Call(workload.name, "otel-collector", 4318) in made
    assert {
        Call("recorder", "postgres", 5432),
        Call("console", "postgres", 5432),
        Call("otel-collector", "jaeger", 4317),
        Call("grafana", "prometheus-server", 9090),
        Call("grafana", "jaeger", 16686),
    } <= made
    outside = {call.host for call in made if not is_inside(call, objects)}
    assert outside == {"alerts.example.com"}


@each_overlay
def test_gateways_and_the_notifier_alone_leave_the_cluster(overlay: str) -> None:
    """A bot's code runs in a host, and a host reaches the broker and the collector."""
    objects = rendered(overlay)
    leaving = {found.app for found in workloads(objects) if may_leave(objects, found, None, 443)}
    assert leaving == {"gateway", "notify"}
    host = next(found for found in workloads(objects) if found.app == "host")
    reached = {
        (called.app, port)
        for called in workloads(_whole(overlay))
        for port in called.ports.values()
        if may_leave(objects, host, called, port)
    }
    assert reached == {("nats", 4222), ("otel-collector", 4318)}


@each_overlay
def test_nobody_but_the_services_of_the_broker_reaches_it(overlay: str) -> None:
    """Its monitoring, which has no password, is for nobody."""
    objects = _whole(overlay)
    broker = next(found for found in workloads(objects) if found.app == "nats")
    callers = {
        port: {found.app for found in workloads(objects) if may_enter(objects, found, broker, port)}
        for port in (4222, 6222, 7777, 8222)
    }
    traffic = {"traffic"} if overlay == "dev" else set[str]()
    assert callers == {4222: {*OWN, *traffic}, 6222: {"nats"}, 7777: {"prometheus"}, 8222: set()}


@each_overlay
def test_a_policy_speaks_of_pods_that_exist(overlay: str) -> None:
    """A name that is misspelt lets nobody through, and nobody notices until something is missing."""
    known = {found.app for found in workloads(_whole(overlay))}
    for policy in of_kind(rendered(overlay), "NetworkPolicy"):
        spec = policy["spec"]
        selectors = [spec["podSelector"]]
        for rule in (*spec.get("egress", ()), *spec.get("ingress", ())):
            selectors += [
                peer["podSelector"]
                for peer in (*rule.get("to", ()), *rule.get("from", ()))
                if "podSelector" in peer and "namespaceSelector" not in peer
            ]
        for selector in selectors:
            names = {*selector.get("matchLabels", {}).values()}
            for expression in selector.get("matchExpressions", ()):
                names |= set(expression["values"])
            assert names <= known, policy["metadata"]["name"]


def test_exchanges_are_called_at_the_port_that_is_open() -> None:
    """Each at its own addresses, in every environment that has some."""
    ports = {
        urlsplit(url).port or 443
        for venue in VENUES.values()
        for environment in ("live", "testnet", "demo", "paper", "sandbox")
        for url in _addresses(venue, environment)
    }
    assert ports == {443}


def _addresses(venue: Venue, environment: str) -> tuple[str, ...]:
    try:
        found = venue.endpoints(environment, None, None)
    except ConfigError:
        return ()  # it has no such environment
    return found.websocket_url, found.rest_url


@pytest.mark.parametrize("policy", ["services-call-the-broker", "broker-is-called"])
def test_a_half_that_is_missing_is_seen(policy: str) -> None:
    """Either side's policy taken away refuses the connection."""
    objects = tuple(copy.deepcopy(found) for found in rendered("dev") if found["metadata"]["name"] != policy)
    host, broker = _by_name(objects, "host"), _by_name(objects, "nats")
    assert not (may_leave(objects, host, broker, 4222) and may_enter(objects, host, broker, 4222))
