"""The nodes of `deploy.cluster`: where each lies on this machine, and how they are linked."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAMESPACE: Final = "fillwire-cluster"
DEADLINE_S: Final = 180.0


def run(*command: str | Path, check: bool = True) -> None:
    """Run a command of this machine."""
    subprocess.run([str(part) for part in command], check=check, timeout=DEADLINE_S)  # noqa: S603 - fixed programs


@dataclass(frozen=True, slots=True)
class Node:
    """A node.

    Attributes:
        number: from 1, which is the one that the API server is beside.
        cluster: directory of the cluster.
    """

    number: int
    cluster: Path

    @property
    def name(self) -> str:
        """Its name in the cluster, also that of its directory, and of its link to the first."""
        return f"node-{self.number}"

    @property
    def directory(self) -> Path:
        """Where everything lies that it keeps."""
        return self.cluster / self.name

    @property
    def address(self) -> str:
        """Its address."""
        return f"10.90.0.{self.number}"

    @property
    def pods(self) -> str:
        """The network of its pods."""
        return f"10.244.{self.number}.0/24"

    @property
    def namespace(self) -> str:
        """The network namespace in which it lies."""
        return NAMESPACE if self.number == 1 else f"{NAMESPACE}-{self.number}"

    @property
    def within(self) -> tuple[str, ...]:
        """Command by which programs are started there."""
        return ("nsenter", f"--net=/run/netns/{self.namespace}")

    @property
    def ctr(self) -> tuple[str, ...]:
        """Command by which its containers are asked for."""
        return ("ctr", f"--address={self.directory / 'containerd.sock'}", "--namespace=k8s.io")


def nodes(directory: Path) -> list[Node]:
    """Return the nodes of a cluster that runs."""
    return [Node(number + 1, directory) for number in range(len([*directory.glob("node-*")]))]


@contextmanager
def network(all_nodes: Sequence[Node]) -> Iterator[None]:
    """A namespace for each node, with its address; the first holds the bridge that links them."""
    first, *others = all_nodes
    with ExitStack() as stack:
        for node in all_nodes:
            run("ip", "netns", "add", node.namespace)
            stack.callback(run, "ip", "netns", "delete", node.namespace)
            run(*node.within, "sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")
            run(*node.within, "ip", "link", "set", "lo", "up")
        run(*first.within, "ip", "link", "add", "nodes", "type", "bridge")
        _link(first, "nodes")
        for node in others:
            ends = ("link", "add", node.name, "type", "veth", "peer", "name", "eth0", "netns", node.namespace)
            run(*first.within, "ip", *ends)
            run(*first.within, "ip", "link", "set", node.name, "master", "nodes", "up")
            _link(node, "eth0")
        for node in all_nodes:
            # Through the first to what is beyond; of that nobody is there, and what leaves the cluster gets no answer.
            run(*node.within, "ip", "route", "add", "default", "via", first.address)
            for other in all_nodes:
                if other != node:
                    run(*node.within, "ip", "route", "add", other.pods, "via", other.address)
        # What two others say to each other is none of the first one's, which has the bridge.
        bridged = "net.bridge.bridge-nf-call-iptables"
        if Path("/proc/sys", bridged.replace(".", "/")).exists():
            run(*first.within, "sysctl", "--quiet", "--write", f"{bridged}=0")
        yield


def _link(node: Node, link: str) -> None:
    """Give a node its address."""
    run(*node.within, "ip", "address", "add", f"{node.address}/24", "dev", link)
    run(*node.within, "ip", "link", "set", link, "up")
