"""Who reaches whom in the cluster of `deploy.cluster`: each pair of pods is tried, and compared with what its policies say.

    nsenter --net=/run/netns/fillwire-cluster .venv/bin/python -m deploy.cluster_policies DIRECTORY      with PYTHONPATH=tests

A connection is opened out of each pod's own network to each port of each other pod where somebody listens, to the API server,
and to a network beyond the cluster that this makes for the while. What is expected is what `support.network_policies` reads
in the policies that the cluster has, by which CI looks at the manifests. Needs root; the exit status is 1 where one differs.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.nodes import Node, nodes
from support.manifests import KUBECTL, NAME, Manifest, Workload
from support.network_policies import may_enter, may_leave

NAMESPACE: Final = "fillwire"
_OTHERS: Final = {("keda", "prometheus", 9090)}  # namespaces whose pods are let in, where, and at which port
_BEYOND: Final = "fillwire-beyond"
_PUBLIC, _PRIVATE = "203.0.113.10", "10.99.0.10"
_API: Final = ("10.96.0.1", 443)
_DEADLINE_S: Final = 60
_SETTLED_S: Final = 60
_LISTEN: Final = """
import socket, sys, time
held = [socket.create_server(("0.0.0.0", port)) for port in (443, 80)]
print("ready", flush=True)
sys.stdin.read()
"""
_CONNECT: Final = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def connects(address):
    try:
        socket.create_connection(address, 2.0).close()
    except OSError:
        return False
    return True
addresses = [tuple(address) for address in json.load(sys.stdin)]
with ThreadPoolExecutor(64) as threads:
    json.dump(list(threads.map(connects, addresses)), sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect.

    Attributes:
        what: as it is to be printed.
        address: of it.
        port: of it.
        pod: whose, None beyond the cluster and of the API server.
    """

    what: str
    address: str
    port: int
    pod: Workload | None = None


class Cluster:
    """The cluster, as it is found.

    Args:
        directory: of the cluster.
    """

    def __init__(self, directory: Path) -> None:
        self._kubectl = (str(KUBECTL), f"--kubeconfig={directory / 'admin.kubeconfig'}")
        self._nodes = {node.name: node for node in nodes(directory)}
        self.policies: list[Manifest] = self._get("networkpolicies", f"--namespace={NAMESPACE}")
        found = (_pod(entry) for entry in self._get("pods", "--all-namespaces"))
        self.pods = [pod for pod in found if _is_running(pod)]
        self._processes = self._of_containers()

    def _get(self, kind: str, *options: str) -> list[Manifest]:
        answer: dict[str, Any] = json.loads(_run(*self._kubectl, "get", kind, *options, "--output=json"))
        return list(answer["items"])

    def _of_containers(self) -> dict[str, str]:
        said = [_run(*node.ctr, "task", "ls") for node in self._nodes.values()]
        lines = (line.split() for text in said for line in text.splitlines()[1:])
        return {name: process for name, process, *_ in lines}

    def reached(self, origin: Workload | Node, targets: Iterable[Target]) -> list[bool]:
        """Return to which targets a connection can be opened out of a pod, or out of a node."""
        if isinstance(origin, Node):
            within = origin.within
        else:
            name = origin.manifest["status"]["containerStatuses"][0]["containerID"].removeprefix(
                "containerd://"
            )
            within = ("nsenter", f"--net=/proc/{self._processes[name]}/ns/net")
        asked = json.dumps([(target.address, target.port) for target in targets])
        answer: list[bool] = json.loads(_run(*within, sys.executable, "-c", _CONNECT, asked=asked))
        return answer

    def targets(self) -> list[Target]:
        """Return where somebody listens in the cluster; its own node is let in everywhere."""
        found: list[Target] = []
        for name, node in self._nodes.items():
            named = [
                Target(f"{pod.name}:{port}", pod.manifest["status"]["podIP"], port, pod)
                for pod in self.pods
                if pod.manifest["spec"]["nodeName"] == name
                for port in _ports(pod)
            ]
            found += [one for one, is_there in zip(named, self.reached(node, named), strict=True) if is_there]
        return found

    def expected(self, pod: Workload, target: Target) -> bool:
        """Return what the policies say of a pod and a target."""
        own, called = _namespace(pod) == NAMESPACE, target.pod
        if called is None:
            public = target.address == _PUBLIC
            return not own or (public and may_leave(self.policies, pod, None, target.port))
        if _namespace(called) != NAMESPACE:
            return not own or (_namespace(called) == "kube-system" and target.port == 53)
        if not own:
            return (_namespace(pod), called.app, target.port) in _OTHERS
        leaves = may_leave(self.policies, pod, called, target.port)
        return leaves and may_enter(self.policies, pod, called, target.port)


def _pod(manifest: Manifest) -> Workload:
    return Workload(manifest, manifest["spec"], manifest["metadata"].get("labels", {}))


def _namespace(pod: Workload) -> str:
    return str(pod.manifest["metadata"]["namespace"])


def _is_running(pod: Workload) -> bool:
    return pod.manifest["status"]["phase"] == "Running" and NAME in {*pod.labels, *_unnamed(pod)}


def _unnamed(pod: Workload) -> set[str]:
    return {NAME} if _namespace(pod) != NAMESPACE else set()


def _ports(pod: Workload) -> list[int]:
    return sorted(
        {
            port["containerPort"]
            for container in pod.containers
            for port in container.get("ports", ())
            if port.get("protocol", "TCP") == "TCP"
        }
    )


def _run(*command: str, asked: str = "") -> str:
    return subprocess.run(  # noqa: S603 - fixed programs
        command, input=asked, check=True, stdout=subprocess.PIPE, text=True, timeout=_DEADLINE_S
    ).stdout


@contextmanager
def _beyond() -> Iterator[list[Target]]:
    """A network beyond the node, with a public and a private address, where somebody listens inside the block."""
    within = ("ip", "netns", "exec", _BEYOND)
    _run("ip", "netns", "add", _BEYOND)
    try:
        _run(*f"ip link add beyond type veth peer name near netns {_BEYOND}".split())
        for command in ("address add 10.91.0.1/30 dev beyond", "link set beyond up"):
            _run("ip", *command.split())
        for command in (
            *("link set lo up", "address add 10.91.0.2/30 dev near", "link set near up"),
            *(f"address add {address}/32 dev lo" for address in (_PUBLIC, _PRIVATE)),
            "route add default via 10.91.0.1",
        ):
            _run(*within, "ip", *command.split())
        for address in (_PUBLIC, _PRIVATE):
            _run(*f"ip route add {address}/32 via 10.91.0.2".split())
        listening = (*within, sys.executable, "-c", _LISTEN)
        with subprocess.Popen(listening, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listener:  # noqa: S603 - fixed program
            if listener.stdout is None or listener.stdout.readline() != b"ready\n":
                raise ChildProcessError("nobody listens beyond the cluster")
            yield [
                *(Target(f"a public address:{port}", _PUBLIC, port) for port in (443, 80)),
                Target("a private address:443", _PRIVATE, 443),
            ]
            listener.communicate(timeout=_DEADLINE_S)  # its input ends, and so does it
    finally:
        _run("ip", "netns", "delete", _BEYOND)  # and its link with it


def _differing(
    cluster: Cluster, places: Iterable[tuple[Workload, list[Target]]]
) -> list[tuple[Workload, list[Target]]]:
    """Try to reach places from pods, and return where it is not as the policies say."""
    found = [
        (
            pod,
            [
                target
                for target, is_reached in zip(targets, cluster.reached(pod, targets), strict=True)
                if is_reached != cluster.expected(pod, target)
            ],
        )
        for pod, targets in places
    ]
    return [(pod, targets) for pod, targets in found if targets]


def main(directory: Path) -> int:
    """Try every pair; print what differs and how many there were, and return the exit status."""
    cluster = Cluster(directory)
    with _beyond() as beyond:
        targets = [*cluster.targets(), Target("the API server", *_API), *beyond]
        places = [
            (pod, [target for target in targets if target.pod is None or target.pod.name != pod.name])
            for pod in cluster.pods
        ]
        differing = _differing(cluster, places)
        early, end_s = sum(len(found) for _, found in differing), time.monotonic() + _SETTLED_S
        while differing and time.monotonic() < end_s:  # who enforces them hears late of pods that are new
            time.sleep(1)
            differing = _differing(cluster, differing)
    for pod, found in differing:
        for target in found:
            wanted = "open" if cluster.expected(pod, target) else "closed"
            sys.stderr.write(f"policies: {pod.name} to {target.what}: not {wanted}, as the policies say\n")
    tried = sum(len(found) for _, found in places)
    opened = sum(cluster.expected(pod, target) for pod, found in places for target in found)
    print(  # noqa: T201
        f"policies: {len(cluster.pods)} pods, {len(targets)} places, {tried} connections tried, {opened} of them to be open: "
        f"{early} were not as the policies say, {sum(len(found) for _, found in differing)} stayed so"
    )
    return 1 if differing or opened in {0, tried} else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
