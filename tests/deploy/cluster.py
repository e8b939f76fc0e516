"""A cluster of one node on this machine, of the real programs: API server, kubelet, containerd. Ends by SIGTERM, and leaves nothing.

    PYTHONPATH=tests python -m deploy.cluster DIRECTORY

It lies in a network namespace of its own, so that no rule of its network is seen outside: what is to be asked of it is
asked there, by `nsenter --net=/run/netns/fillwire-cluster`. When it is ready it prints the path of a kubeconfig. Needs
root, and of Debian containerd, runc, iptables, ipset, containernetworking-plugins, docker-registry and mount; of Go what
`python -m support.go_tools` names. Images are given it by `docker save … | ctr`, or pushed to localhost:5005, whose
registry it reads. kube-router enforces the network policies; each pod has a link of its own, so that it sees what pods of
this node say to each other. Names are looked up in a pod, whose image `deploy.stand_ins.cluster` brings.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from support.api_server import SERVICES, ApiServer, Refused, running, running_api_server
from support.go_tools import tool
from support.manifests import Manifest

NAMESPACE: Final = "fillwire-cluster"
WITHIN: Final = ("nsenter", f"--net=/run/netns/{NAMESPACE}")
NODE: Final = "fillwire-node"
ADDRESS: Final = "10.90.0.1"
REGISTRY: Final = "localhost:5005"
PAUSE: Final = "fillwire-stand-in/pause:3.10"
NAMES: Final = "fillwire-stand-in/coredns:1.14.5"
_PODS: Final = "10.244.0.0/16"
_API: Final = "10.96.0.1"  # the first of the services' addresses
_LOOKED_UP_AT: Final = "10.96.0.10"
_VOLUMES: Final = 6
_LOOKING_UP: Final = Path(__file__).with_name("coredns.yaml")
_DEADLINE_S: Final = 180.0
_USERS: Final = {
    f"system:node:{NODE}": "system:nodes",
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


def _run(*command: str | Path, check: bool = True) -> None:
    subprocess.run([str(part) for part in command], check=check, timeout=_DEADLINE_S)  # noqa: S603 - fixed programs


def _written(path: Path, document: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(dict(document)))
    return path


@contextmanager
def _network() -> Iterator[None]:
    """A namespace with an address of the node."""
    _run("ip", "netns", "add", NAMESPACE)
    try:
        for command in (
            "link set lo up",
            "link add node0 type bridge",
            f"address add {ADDRESS}/24 dev node0",
            "link set node0 up",
            f"route add default via {ADDRESS}",  # nobody is there: what leaves the cluster gets no answer
        ):
            _run(*WITHIN, "ip", *command.split())
        _run(*WITHIN, "sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")
        yield
    finally:
        _run("ip", "netns", "delete", NAMESPACE)


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Set back what the kubelet sets."""
    before = {name: Path("/proc/sys", name).read_text() for name in _SYSCTLS}
    try:
        yield
    finally:
        for name, value in before.items():
            Path("/proc/sys", name).write_text(value)


def _containerd_settings(directory: Path) -> str:
    plugins = _written_network(directory)
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


def _written_network(directory: Path) -> Path:
    plugins = directory / "cni"
    plugins.mkdir()
    link = {
        "type": "ptp",
        "ipMasq": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(directory / "addresses"),
            "ranges": [[{"subnet": _PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    document = {"cniVersion": "1.0.0", "name": "pods", "plugins": [link]}
    (plugins / "10-pods.conflist").write_text(json.dumps(document))
    return plugins


def _kubelet_settings(directory: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "x509": {"clientCAFile": str(directory / "authority.pem")},
        },
        "authorization": {"mode": "AlwaysAllow"},  # of those who have a certificate: the API server
        "cgroupDriver": "cgroupfs",
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
def _registries(directory: Path) -> Iterator[None]:
    """One store of images, which Docker pushes to outside and the node pulls from inside."""
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
        for name, within in (("outside", ()), ("inside", WITHIN)):
            log = directory / f"registry-{name}.log"
            stack.enter_context(running(log, *within, "docker-registry", "serve", settings))
        yield


def _prepare(server: ApiServer, directory: Path) -> None:
    """Tell the cluster where images are pushed to, who looks up names, and where volumes lie."""
    objects = yaml.safe_load_all(_LOOKING_UP.read_text(encoding="utf-8"))
    volumes = [_volume(directory / "volumes" / str(number)) for number in range(_VOLUMES)]
    hosting = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting", "namespace": "kube-public"},
        "data": {"localRegistryHosting.v1": f'host: "{REGISTRY}"\n'},
    }
    server.apply([hosting, *objects, *volumes])


def _volume(path: Path) -> Manifest:
    path.mkdir(parents=True)
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"volume-{path.name}"},
        "spec": {
            "capacity": {"storage": "100Gi"},
            "accessModes": ["ReadWriteOnce"],
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def _start(stack: ExitStack, directory: Path, name: str, *options: str | Path) -> None:
    stack.enter_context(running(directory / f"{name}.log", *WITHIN, tool(name) or name, *options))


def _node(stack: ExitStack, server: ApiServer, directory: Path) -> None:
    """Start what runs pods."""
    start = partial(_start, stack, directory)
    settings = directory / "containerd.toml"
    settings.write_text(_containerd_settings(directory))
    start("containerd", "--config", settings)
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
    start(
        "kubelet",
        f"--config={_written(directory / 'kubelet.yaml', _kubelet_settings(directory))}",
        f"--kubeconfig={server.kubeconfig(f'system:node:{NODE}')}",
        f"--hostname-override={NODE}",
        f"--node-ip={ADDRESS}",
        f"--root-dir={directory / 'kubelet'}",
        f"--cert-dir={directory / 'kubelet-certificates'}",
    )
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": ADDRESS,
        "hostnameOverride": NODE,
        "clientConnection": {"kubeconfig": str(server.kubeconfig("system:kube-proxy"))},
        "clusterCIDR": _PODS,
        "mode": "iptables",
        "conntrack": {"maxPerCore": 0, "min": 0},  # the machine's, which is not the node's to set
        "oomScoreAdj": 0,
    }
    start("kube-proxy", f"--config={_written(directory / 'kube-proxy.yaml', proxy)}")


def _enforce(stack: ExitStack, server: ApiServer, directory: Path) -> None:
    """Start what enforces the network policies; it wants to find its node."""
    _start(
        stack,
        directory,
        "kube-router",
        f"--kubeconfig={server.kubeconfig('kube-router')}",
        f"--hostname-override={NODE}",
        f"--service-cluster-ip-range={SERVICES}",
        *("--run-firewall=true", "--run-router=false", "--run-service-proxy=false"),
        *("--run-loadbalancer=false", "--enable-ipv6=false", "--health-port=0", "--metrics-port=0"),
    )


def _await_node(server: ApiServer) -> None:
    end_s = time.monotonic() + _DEADLINE_S
    while True:
        try:
            server.kubectl("wait", f"node/{NODE}", "--for=condition=Ready", "--timeout=10s")
        except Refused:
            if time.monotonic() > end_s:
                raise
            time.sleep(1)  # it is not there before the kubelet has said so; ends at the deadline
        else:
            return


@contextmanager
def _swept(directory: Path) -> Iterator[None]:
    """End the containers, which outlive containerd, and take away their networks, groups and mounts."""
    before, others = set(_names_of_networks()), _groups()
    try:
        yield
    finally:
        _kill(f"containerd-shim.*-address {directory}/containerd.sock")
        groups = _groups() - others
        for group in groups:
            for process in (group / "cgroup.procs").read_text().split():
                _run("kill", "-KILL", process, check=False)
        for name in set(_names_of_networks()) - before:
            if name.startswith("cni-"):
                _run("ip", "netns", "delete", name, check=False)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((path for path in mounts if path.startswith(f"{directory}/")), reverse=True):
            _run("umount", "--lazy", mount, check=False)
        for group in sorted(groups, reverse=True):
            with contextlib.suppress(OSError):
                group.rmdir()  # one whose processes are still ending is left


def _groups(root: Path = Path("/sys/fs/cgroup")) -> set[Path]:
    """Return the control groups of pods: of one tree, or of one for each controller."""
    return {
        group for tree in ("kubepods", "*/kubepods") for group in root.glob(f"{tree}/**/") if group.is_dir()
    }


def _names_of_networks() -> list[str]:
    """Return the names of the network namespaces that have one."""
    named = Path("/run/netns")
    return [path.name for path in named.iterdir()] if named.exists() else []


def _kill(pattern: str) -> None:
    """Kill the programs that are called so."""
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)  # noqa: S603, S607 - from the path
    for process in found.stdout.split():
        _run("kill", "-KILL", process, check=False)


@contextmanager
def running_cluster(directory: Path) -> Iterator[ApiServer]:
    """Run a cluster until the end of the block.

    Args:
        directory: empty; for everything that it keeps.
    """
    with ExitStack() as stack:
        for step in (_settings_kept(), _network(), _registries(directory), _swept(directory)):
            stack.enter_context(step)
        options = (
            f"--kubelet-client-certificate={directory / 'client.pem'}",
            f"--kubelet-client-key={directory / 'client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            # Pods ask it, too, and it hands on what it is asked of metrics.
            *("--bind-address=0.0.0.0", f"--advertise-address={ADDRESS}", "--endpoint-reconciler-type=lease"),
            f"--requestheader-client-ca-file={directory / 'authority.pem'}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={directory / 'client.pem'}",
            f"--proxy-client-key-file={directory / 'client.key'}",
        )
        server = stack.enter_context(
            running_api_server(directory, users=_USERS, options=options, within=WITHIN, hosts=(ADDRESS, _API))
        )
        _prepare(server, directory)
        _node(stack, server, directory)
        _await_node(server)
        _enforce(stack, server, directory)
        yield server


def main() -> None:
    """Run one until it is told to end."""
    directory = Path(sys.argv[1]).resolve()
    directory.mkdir(parents=True)
    with running_cluster(directory) as server:
        sys.stdout.write(f"{server.kubeconfig()}\n")
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
