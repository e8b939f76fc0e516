"""What holds of every workload and of what refers to it, over the rendered manifests of both overlays."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import nkeys
import pytest
import yaml

from deploy.production import production
from deploy.smoke import EXCHANGES
from fillwire.runtime.settings import load_settings
from fillwire.simulator.registry import SIMULATORS
from support.manifests import (
    DEPLOY,
    OVERLAYS,
    OWN,
    Manifest,
    Workload,
    claims,
    named,
    of_kind,
    references,
    rendered,
    selects,
    workloads,
)
from support.promql import complaints

ROOT = DEPLOY.parent
SHUTDOWN_S = 30 + 2  # of fillwire.runtime.lifecycle: the orderly stop, and what follows by force
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def _each(chosen: Callable[[Workload], bool]) -> pytest.MarkDecorator:
    """Have a test see each workload of both overlays that is chosen."""
    found = [
        (overlay, workload)
        for overlay in OVERLAYS
        for workload in workloads(rendered(overlay))
        if chosen(workload)
    ]
    names = [f"{overlay}: {workload}" for overlay, workload in found]
    return pytest.mark.parametrize(("overlay", "workload"), found, ids=names)


each_workload = _each(lambda _: True)
each_that_stays = _each(lambda workload: workload.kind != "Job")  # a Job ends by itself
each_service = _each(lambda workload: workload.app in OWN)


@each_workload
def test_a_pod_is_restricted(overlay: str, workload: Workload) -> None:
    """The namespace enforces `restricted`; the rest is ours: no token of the cluster, no variables of its services."""
    pod = workload.pod
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert not [volume for volume in pod.get("volumes", ()) if "hostPath" in volume]
    for container in workload.containers:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        is_edited = overlay == "dev" and container["name"] == "fillwire"  # Tilt copies sources into it
        assert context["readOnlyRootFilesystem"] is not is_edited


@each_workload
def test_a_container_has_bounds_and_a_version(overlay: str, workload: Workload) -> None:
    """Memory is bounded, processor time asked for, and what runs today is what runs tomorrow."""
    del overlay
    for container in workload.containers:
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        image = container["image"]
        tag = image.rpartition(":")[2]
        assert (tag != "latest" and ":" in image) or image == "fillwire"


@each_overlay
def test_the_namespace_holds_pods_to_it(overlay: str) -> None:
    """By its own label, and everything is in it."""
    (namespace,) = of_kind(rendered(overlay), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    places = {found["metadata"].get("namespace") for found in rendered(overlay) if found is not namespace}
    assert places == {namespace["metadata"]["name"]}


@each_overlay
def test_own_images_carry_the_version_of_the_project(overlay: str) -> None:
    """In production; Tilt names its own."""
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    images = {
        container["image"]
        for workload in workloads(rendered(overlay))
        for container in workload.containers
        if "fillwire" in container["image"]
    }
    assert images == ({"fillwire"} if overlay == "dev" else {f"registry.example.com/fillwire:{version[1]}"})


@each_that_stays
def test_probes_ask_what_they_mean(overlay: str, workload: Workload) -> None:
    """A service is restarted if its loop stands still, never for the broker, and is ready when it says so."""
    del overlay
    main = workload.main
    assert {"livenessProbe", "readinessProbe"} <= set(main)
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = main.get(kind, {}).get("httpGet")
        if asked is not None:
            assert asked["port"] in workload.ports
    if workload.app in OWN:
        assert {
            kind: main[kind]["httpGet"]["path"]
            for kind in ("startupProbe", "livenessProbe", "readinessProbe")
        } == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


@each_service
def test_there_is_time_to_stop_in_order(overlay: str, workload: Workload) -> None:
    """Longer than the process itself takes at most, and than what comes before."""
    del overlay
    before_s = workload.main.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert workload.pod["terminationGracePeriodSeconds"] > before_s + SHUTDOWN_S


@each_that_stays
def test_a_selector_selects_its_own_pods(overlay: str, workload: Workload) -> None:
    """And no other's; the same for where pods may run."""
    selector = workload.manifest["spec"]["selector"]
    others = workloads(rendered(overlay))
    assert [str(other) for other in others if selects(selector, other.labels)] == [str(workload)]
    for constraint in workload.pod.get("topologySpreadConstraints", ()):
        spread = [str(other) for other in others if selects(constraint["labelSelector"], other.labels)]
        assert spread == [str(workload)]


def test_what_there_are_several_of_is_spread_over_nodes() -> None:
    """Those of one rollout among themselves: what they replace would count otherwise, and is soon gone."""
    several = [
        workload
        for workload in workloads(rendered("prod"))
        if workload.kind == "Deployment" and workload.manifest["spec"].get("replicas", 2) > 1
    ]
    assert {workload.app for workload in several} == {"gateway", "host", "manager", "door", "otel-collector"}
    for workload in several:
        (constraint,) = workload.pod["topologySpreadConstraints"]
        assert constraint["topologyKey"] == "kubernetes.io/hostname"
        assert constraint["matchLabelKeys"] == ["pod-template-hash"]


@each_overlay
def test_a_service_finds_pods_with_its_ports(overlay: str) -> None:
    """By name or number, in every pod that it selects."""
    for service in of_kind(rendered(overlay), "Service"):
        name = service["metadata"]["name"]
        found = [
            workload
            for workload in workloads(rendered(overlay))
            if selects({"matchLabels": service["spec"]["selector"]}, workload.labels)
        ]
        assert found, f"{name} selects nothing"
        for workload in found:
            targets = {*workload.ports, *workload.ports.values()}
            for port in service["spec"]["ports"]:
                assert port["targetPort"] in targets, f"{name} leads to no port of {workload}"


@each_overlay
def test_a_budget_lets_a_node_be_drained(overlay: str) -> None:
    """One pod at a time may always go, also where there is one only, or one that is not well."""
    running = [found for found in workloads(rendered(overlay)) if found.kind != "Job"]
    for budget in of_kind(rendered(overlay), "PodDisruptionBudget"):
        spec = budget["spec"]
        assert spec["maxUnavailable"] == 1
        assert "minAvailable" not in spec
        assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        found = [workload for workload in running if selects(spec["selector"], workload.labels)]
        assert len(found) == 1, budget["metadata"]["name"]
    covered = {
        workload.name
        for workload in running
        for budget in of_kind(rendered(overlay), "PodDisruptionBudget")
        if selects(budget["spec"]["selector"], workload.labels)
    }
    assert covered >= {workload.name for workload in running if workload.app in OWN}


def _documented_secrets() -> dict[str, set[str]]:
    """Return the secrets that docs/deploy.md asks for, with their keys."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ((?:`[\w.]+`(?:, )?)+) \|", text, re.MULTILINE)
    return {name: set(re.findall(r"`([\w.]+)`", keys)) for name, keys in rows}


def _available(overlay: str) -> dict[tuple[str, str], set[str]]:
    found = {
        (manifest["kind"], manifest["metadata"]["name"]): {
            *manifest.get("data", {}),
            *manifest.get("stringData", {}),
        }
        for manifest in of_kind(rendered(overlay), "ConfigMap", "Secret")
    }
    if overlay == "prod":  # a repository holds no secrets
        assert not of_kind(rendered(overlay), "Secret")
        found |= {("Secret", name): keys for name, keys in _documented_secrets().items()}
    return found


@each_workload
def test_what_a_pod_is_given_exists(overlay: str, workload: Workload) -> None:
    """Each ConfigMap and Secret, with each key; in production those secrets that the documents have one make."""
    available = _available(overlay)
    volumes = {volume["name"] for volume in workload.pod.get("volumes", ())} | claims(workload)
    for container in workload.containers:
        assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes
    for reference in references(workload):
        assert (reference.kind, reference.name) in available
        assert set(reference.keys) <= available[reference.kind, reference.name]


def _files(overlay: str, workload: Workload, root: Path) -> None:
    """Lay the secrets of a pod under `root` as the kubelet does; each holds a text of its own."""
    available = _available(overlay)
    for reference in references(workload):
        if reference.kind == "Secret" and reference.path is not None:
            for key in available["Secret", reference.name]:
                path = root / reference.path.removeprefix("/") / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"secret-of-{reference.name}-{key}")


@each_service
def test_a_service_takes_its_settings(overlay: str, workload: Workload, tmp_path: Path) -> None:
    """Read by the program itself, file and variables, with the secrets where they are mounted."""
    (settings,) = (
        reference
        for reference in references(workload)
        if reference.kind == "ConfigMap" and reference.path == "/etc/fillwire"
    )
    _files(overlay, workload, tmp_path)
    (tmp_path / "run/secrets/accounts").mkdir(parents=True, exist_ok=True)
    for moved in (tmp_path / "run/secrets/accounts").iterdir():
        moved.unlink()  # they are laid by user, exchange and environment, which another test looks at
    data = named(rendered(overlay), "ConfigMap", settings.name)["data"]["fillwire.json"]
    file = tmp_path / "fillwire.json"
    file.write_text(data.replace("/run/secrets", f"{tmp_path}/run/secrets"))
    environ = {
        entry["name"]: entry["value"].replace("/run/secrets", f"{tmp_path}/run/secrets")
        for entry in workload.main.get("env", ())
        if entry["name"].startswith("FILLWIRE_") and entry["name"] != "FILLWIRE_CONFIG"
    }
    loaded = load_settings(file, environ)
    assert (loaded.monitoring.host, loaded.monitoring.port) == ("0.0.0.0", workload.ports["monitoring"])  # noqa: S104 - a pod's own address
    assert loaded.monitoring.token is not None
    assert loaded.nats.nkey_file is not None
    is_encrypted = loaded.nats.url.startswith("tls://") and loaded.nats.ca_file is not None
    assert is_encrypted is (overlay == "prod")
    assert loaded.nats.replicas == (3 if overlay == "prod" else 1)


@each_overlay
def test_accounts_lie_where_a_gateway_looks(overlay: str) -> None:
    """By user, exchange and environment, and each gateway has those of its own exchange only."""
    count = 0
    for workload in workloads(rendered(overlay)):
        if workload.app != "gateway":
            continue
        (volume,) = (volume for volume in workload.pod["volumes"] if volume["name"] == "accounts")
        for source in volume["projected"]["sources"]:
            for item in source["secret"].get("items", ()):
                _, exchange, _, name = item["path"].split("/")
                assert exchange == workload.labels["fillwire.io/exchange"]
                assert name == item["key"]
                count += 1
    assert count >= 2


def test_how_many_hosts_is_said_once() -> None:
    """KEDA says it, so the Deployment does not: each rollout would set it back."""
    (scaled,) = of_kind(rendered("prod"), "ScaledObject")
    target = named(rendered("prod"), "Deployment", scaled["spec"]["scaleTargetRef"]["name"])
    assert "replicas" not in target["spec"]
    assert not of_kind(rendered("prod"), "HorizontalPodAutoscaler")


def test_hosts_are_scaled_by_what_is_exported() -> None:
    """A query of a metric that nobody has would leave them as few as they are."""
    (scaled,) = of_kind(rendered("prod"), "ScaledObject")
    queries = [trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"]]
    assert len(queries) == 2
    assert [complaints(query) for query in queries] == [[], []]


def test_two_gateways_share_each_exchange_in_production() -> None:
    """One that dies leaves nobody without fills, and a rollout takes none away before another is ready."""
    gateways = [found for found in workloads(rendered("prod")) if found.app == "gateway"]
    served = {found.main["args"][-1]: found.manifest["spec"] for found in gateways}
    assert set(served) == {"binance", "binance-futures", "coinbase", "coinbase-advanced", "alpaca"}
    for spec in served.values():
        assert spec["replicas"] == 2
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


@each_overlay
def test_dashboards_and_rules_are_all_there(overlay: str) -> None:
    """A file that nobody lists is not in the cluster."""
    objects = rendered(overlay)
    dashboards = {path.name for path in (DEPLOY / "monitoring" / "dashboards").glob("*.json")}
    (grafana,) = (found for found in workloads(objects) if found.app == "grafana")
    (shown,) = (found.name for found in references(grafana) if found.path == "/var/lib/grafana-dashboards")
    assert set(named(objects, "ConfigMap", shown)["data"]) == dashboards
    settings = named(objects, "ConfigMap", "prometheus-fillwire")["data"]
    assert set(yaml.safe_load(settings["prometheus.yml"])["rule_files"]) == set(settings) - {"prometheus.yml"}


def test_local_secrets_open_nothing_that_counts() -> None:
    """Whoever reads the repository knows them: they say so, or are what the simulators print."""
    printed = {value for simulator in SIMULATORS.values() for value in simulator.demo.variables.values()}
    for secret in of_kind(rendered("dev"), "Secret"):
        for value in secret["data"].values():
            text = base64.b64decode(value).decode()
            assert text.startswith(("of-this-machine-alone", "fillwire")) or text in {*printed, _local_seed()}


def _local_seed() -> str:
    """Return the seed that the local broker alone knows, by what is public of it."""
    (secret,) = (
        found
        for found in of_kind(rendered("dev"), "Secret")
        if found["metadata"]["name"].startswith("nats-host-")
    )
    seed = base64.b64decode(secret["data"]["seed"])
    public = nkeys.from_seed(seed).public_key.decode()
    assert f"nkey: {public}" in (DEPLOY / "overlays/dev/nats/nats.conf").read_text(encoding="utf-8")
    return seed.decode()


@each_overlay
def test_an_object_can_be_applied(overlay: str) -> None:
    """`kubectl apply` keeps a copy of it in an annotation, of which there may be 256 KiB in all."""
    for manifest in rendered(overlay):
        assert len(json.dumps(manifest)) < 200_000, manifest["metadata"]["name"]


def test_what_is_run_in_the_place_of_production_is_production_and_simulators() -> None:
    """The overlay that nodes without exchanges are given: nothing is missing, and only gateways and the hosts' disk are otherwise."""
    here, real = _by_kind_and_name(production()), _by_kind_and_name(rendered("prod"))
    assert real.keys() - here.keys() == {("Deployment", "grafana"), ("Service", "grafana")}
    brought = {name for kind, name in here.keys() - real.keys() if kind != "NetworkPolicy"}
    assert brought == {*(f"simulator-{exchange}" for exchange in EXCHANGES), "recordings"}
    changed = {name for name in here.keys() & real.keys() if here[name] != real[name]}
    assert changed == {("Deployment", name) for name in (*(f"gateway-{one}" for one in EXCHANGES), "host")}


def _by_kind_and_name(objects: Sequence[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(found["kind"], found["metadata"]["name"]): found for found in objects}
