"""A cluster on this machine, of the real programs: API server, kubelet, containerd. Ends by SIGTERM, and leaves nothing.

    PYTHONPATH=tests python -m deploy.cluster DIRECTORY [NODES]

Each node lies in a network namespace of its own, so that no rule of its network is seen outside; the API server is beside
the first, and what is to be asked of the cluster is asked there, by `nsenter --net=/run/netns/fillwire-cluster`. The others
are linked to it as machines are, and a link that is set down is a machine that is lost. When all is ready it prints the
path of a kubeconfig. Needs root, and of Debian containerd, runc, iptables, ipset, containernetworking-plugins,
docker-registry and mount; of Go what `python -m support.go_tools` names. Images are given it by `docker save … | ctr`, or
pushed to localhost:5005, whose registry it reads. kube-router enforces the network policies; each pod has a link of its
own, so that it sees what pods of its node say to each other. Names are looked up in a pod, whose image
`deploy.stand_ins.cluster` brings.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.nodes import DEADLINE_S, Node, network, run
from support.api_server import SERVICES, ApiServer, Refused, running, running_api_server
from support.go_tools import tool
from support.manifests import Manifest

SHARED: Final = "shared"
REGISTRY: Final = "localhost:5005"
PAUSE: Final = "fillwire-stand-in/pause:3.10"
NAMES: Final = "fillwire-stand-in/coredns:1.14.5"
_PODS: Final = "10.244.0.0/16"
_API: Final = "10.96.0.1"  # the first of the services' addresses
_LOOKED_UP_AT: Final = "10.96.0.10"
_VOLUMES: Final = 6
_LOOKING_UP: Final = Path(__file__).with_name("coredns.yaml")
_USERS: Final = {
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "system:kube-proxy": "",
    "kube-router": "system:masters",
}
# What the kubelet sets, for the machine and not for the node alone.
_SYSCTLS: Final = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def _written(path: Path, document: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(dict(document)))
    return path


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Set back what the kubelet sets."""
    before = {name: Path("/proc/sys", name).read_text() for name in _SYSCTLS}
    try:
        yield
    finally:
        for name, value in before.items():
            Path("/proc/sys", name).write_text(value)


def _containerd_settings(node: Node) -> str:
    directory, plugins = node.directory, _written_network(node)
    return f"""
version = 2
root = "{directory}/containerd"
state = "{directory}/containerd-state"
[grpc]
  address = "{directory}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{plugins}"
"""


def _written_network(node: Node) -> Path:
    plugins = node.directory / "cni"
    plugins.mkdir()
    link = {
        "type": "ptp",
        "ipam": {
            "type": "host-local",
            "dataDir": str(node.directory / "addresses"),
            "ranges": [[{"subnet": node.pods}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    document = {"cniVersion": "1.0.0", "name": "pods", "plugins": [link]}
    (plugins / "10-pods.conflist").write_text(json.dumps(document))
    return plugins


def _kubelet_settings(node: Node) -> dict[str, Any]:
    directory = node.directory
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "x509": {"clientCAFile": str(node.cluster / "authority.pem")},
        },
        "authorization": {"mode": "AlwaysAllow"},  # of those who have a certificate: the API server
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.name}",  # each kubelet ends what it does not know below its root
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [_LOOKED_UP_AT],
        "containerRuntimeEndpoint": f"unix://{directory / 'containerd.sock'}",
        "oomScoreAdj": 0,
        "resolvConf": "",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 99,
        "imageGCLowThresholdPercent": 98,
        "podLogsDir": str(directory / "logs"),
        "shutdownGracePeriod": "0s",
    }


@contextmanager
def _registries(directory: Path, all_nodes: Iterable[Node]) -> Iterator[None]:
    """One store of images, which Docker pushes to outside and each node pulls from inside."""
    settings = _written(
        directory / "registry.yaml",
        {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(directory / "images")}},
            "http": {"addr": REGISTRY.replace("localhost", "127.0.0.1")},
        },
    )
    with ExitStack() as stack:
        places = {"outside": (), **{node.name: node.within for node in all_nodes}}
        for name, within in places.items():
            log = directory / f"registry-{name}.log"
            stack.enter_context(running(log, *within, "docker-registry", "serve", settings))
        yield


def _prepare(server: ApiServer, directory: Path, all_nodes: Sequence[Node]) -> None:
    """Tell the cluster where images are pushed to, who looks up names, and where volumes lie."""
    objects = yaml.safe_load_all(_LOOKING_UP.read_text(encoding="utf-8"))
    volumes = [
        _volume(f"{node.name}-{number}", node.directory / "volumes" / str(number), [node])
        for node in all_nodes
        for number in range(_VOLUMES)
    ]
    hosting = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting", "namespace": "kube-public"},
        "data": {"localRegistryHosting.v1": f'host: "{REGISTRY}"\n'},
    }
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "local",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",  # of the node that its pod is to be on
    }
    shared = _volume(SHARED, directory / SHARED, all_nodes)
    server.apply([hosting, storage, *objects, *volumes, shared])


def _volume(name: str, path: Path, where: Iterable[Node]) -> Manifest:
    """Return a disk of a node, or one that several share."""
    path.mkdir(parents=True)
    path.chmod(0o777)  # whoever claims it writes to it, as whatever user
    names = [node.name for node in where]
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": names}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "100Gi"},
            "accessModes": ["ReadWriteMany" if name == SHARED else "ReadWriteOnce"],
            "storageClassName": SHARED if name == SHARED else "local",
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def _start(stack: ExitStack, node: Node, name: str, *options: str | Path) -> None:
    log = node.directory / f"{name}.log"
    stack.enter_context(running(log, *node.within, tool(name) or name, *options))


def _control(stack: ExitStack, server: ApiServer, first: Node) -> None:
    """Start what says which pods there are, and where."""
    start, directory = partial(_start, stack, first), first.cluster
    start(
        "kube-controller-manager",
        f"--kubeconfig={server.kubeconfig('system:kube-controller-manager')}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={directory / 'accounts.key'}",
        f"--root-ca-file={directory / 'authority.pem'}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={directory / 'controllers'}",
        "--leader-elect=false",
        "--controllers=*,-node-route-controller",
    )
    start(
        "kube-scheduler",
        f"--kubeconfig={server.kubeconfig('system:kube-scheduler')}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={directory / 'scheduler'}",
        "--leader-elect=false",
    )


def _node(stack: ExitStack, server: ApiServer, node: Node) -> None:
    """Start what runs pods."""
    start, directory = partial(_start, stack, node), node.directory
    settings = directory / "containerd.toml"
    settings.write_text(_containerd_settings(node))
    start("containerd", "--config", settings)
    start(
        "kubelet",
        f"--config={_written(directory / 'kubelet.yaml', _kubelet_settings(node))}",
        f"--kubeconfig={_asking(server, node, f'system:node:{node.name}')}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--root-dir={directory / 'kubelet'}",
        f"--cert-dir={directory / 'kubelet-certificates'}",
    )
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": node.address,
        "hostnameOverride": node.name,
        "clientConnection": {"kubeconfig": str(_asking(server, node, "system:kube-proxy"))},
        "clusterCIDR": _PODS,
        "mode": "iptables",
        "conntrack": {"maxPerCore": 0, "min": 0},  # the machine's, which is not the node's to set
        "oomScoreAdj": 0,
    }
    start("kube-proxy", f"--config={_written(directory / 'kube-proxy.yaml', proxy)}")


def _asking(server: ApiServer, node: Node, user: str) -> Path:
    """Write how a user asks the API server from a node, and return the file."""
    text = server.kubeconfig(user).read_text()
    path = node.directory / f"{user.replace(':', '-')}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(text.replace("127.0.0.1", Node(1, node.cluster).address))
    return path


def _enforce(stack: ExitStack, server: ApiServer, node: Node) -> None:
    """Start what enforces the network policies; it wants to find its node."""
    _start(
        stack,
        node,
        "kube-router",
        f"--kubeconfig={_asking(server, node, 'kube-router')}",
        f"--hostname-override={node.name}",
        f"--service-cluster-ip-range={SERVICES}",
        *("--run-firewall=true", "--run-router=false", "--run-service-proxy=false"),
        *("--run-loadbalancer=false", "--enable-ipv6=false", "--health-port=0", "--metrics-port=0"),
    )


def _await_node(server: ApiServer, node: Node) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while True:
        try:
            server.kubectl("wait", f"node/{node.name}", "--for=condition=Ready", "--timeout=10s")
        except Refused:
            if time.monotonic() > end_s:
                raise
            time.sleep(1)  # it is not there before the kubelet has said so; ends at the deadline
        else:
            return


@contextmanager
def _swept(directory: Path, all_nodes: Sequence[Node]) -> Iterator[None]:
    """End the containers, which outlive containerd, and take away their networks, groups and mounts."""
    before = set(_names_of_networks())
    for tree in _trees():
        if _is_unified(tree):
            (tree / "cgroup.subtree_control").write_text("+cpu +cpuset +memory +pids")
        for node in all_nodes:
            (tree / node.name).mkdir(exist_ok=True)
    try:
        yield
    finally:
        _kill(f"containerd-shim.*-address {directory}/")
        groups = [group for node in all_nodes for group in _groups(node)]
        for group in groups:
            for process in (group / "cgroup.procs").read_text().split():
                run("kill", "-KILL", process, check=False)
        for name in set(_names_of_networks()) - before:
            if name.startswith("cni-"):
                run("ip", "netns", "delete", name, check=False)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((path for path in mounts if path.startswith(f"{directory}/")), reverse=True):
            run("umount", "--lazy", mount, check=False)
        for group in sorted(groups, reverse=True):
            with contextlib.suppress(OSError):
                group.rmdir()  # one whose processes are still ending is left


def _trees() -> list[Path]:
    """Return the roots of the control groups: of one tree, or of one for each controller."""
    root = Path("/sys/fs/cgroup")
    if _is_unified(root):
        return [root]
    return [path for path in root.iterdir() if path.is_dir() and not _is_unified(path)]


def _is_unified(tree: Path) -> bool:
    return (tree / "cgroup.controllers").exists()


def _groups(node: Node) -> list[Path]:
    """Return the control groups of a node, in every tree: runtimes make some in one that has no controller."""
    root = Path("/sys/fs/cgroup")
    found = [path for pattern in (node.name, f"*/{node.name}") for path in root.glob(pattern)]
    return [group for path in found for group in path.glob("**/") if group.is_dir()]


def _names_of_networks() -> list[str]:
    """Return the names of the network namespaces that have one."""
    named = Path("/run/netns")
    return [path.name for path in named.iterdir()] if named.exists() else []


def _kill(pattern: str) -> None:
    """Kill the programs that are called so."""
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)  # noqa: S603, S607 - from the path
    for process in found.stdout.split():
        run("kill", "-KILL", process, check=False)


@contextmanager
def running_cluster(directory: Path, count: int = 1) -> Iterator[ApiServer]:
    """Run a cluster until the end of the block.

    Args:
        directory: empty; for everything that it keeps.
        count: of its nodes.
    """
    all_nodes = [Node(number + 1, directory) for number in range(count)]
    first = all_nodes[0]
    for node in all_nodes:
        node.directory.mkdir()
    with ExitStack() as stack:
        for step in (
            _settings_kept(),
            network(all_nodes),
            _registries(directory, all_nodes),
            _swept(directory, all_nodes),
        ):
            stack.enter_context(step)
        options = (
            f"--kubelet-client-certificate={directory / 'client.pem'}",
            f"--kubelet-client-key={directory / 'client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            # Pods ask it, too, and it hands on what it is asked of metrics.
            *(
                "--bind-address=0.0.0.0",
                f"--advertise-address={first.address}",
                "--endpoint-reconciler-type=lease",
            ),
            f"--requestheader-client-ca-file={directory / 'authority.pem'}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={directory / 'client.pem'}",
            f"--proxy-client-key-file={directory / 'client.key'}",
        )
        users = {**_USERS, **{f"system:node:{node.name}": "system:nodes" for node in all_nodes}}
        hosts = (first.address, _API)
        server = stack.enter_context(
            running_api_server(directory, users=users, options=options, within=first.within, hosts=hosts)
        )
        _prepare(server, directory, all_nodes)
        _control(stack, server, first)
        for node in all_nodes:
            _node(stack, server, node)
        for node in all_nodes:
            _await_node(server, node)
            _enforce(stack, server, node)
        yield server


def main() -> None:
    """Run one until it is told to end."""
    directory = Path(sys.argv[1]).resolve()
    directory.mkdir(parents=True)
    with running_cluster(directory, *map(int, sys.argv[2:])) as server:
        sys.stdout.write(f"{server.kubeconfig()}\n")
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
