"""A real API server of Kubernetes for tests: etcd and kube-apiserver on loopback. There is no node, so nothing is ever run."""

import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
import yaml

from fillwire.runtime.ports import free_ports
from support.certificates import Authority
from support.go_tools import tool
from support.manifests import KUBECTL, Manifest

CONTEXT: Final = "kind-fillwire"  # as deploy/ctlptl.yaml's cluster is called
SERVICES: Final = "10.96.0.0/16"
_ADMIN: Final = "admin"
_START_DEADLINE_S: Final = 120.0
_STOP_DEADLINE_S: Final = 30.0
_COMMAND_DEADLINE_S: Final = 60


class Refused(Exception):
    """The server said no, or warned; the message is what it said."""


class ApiServer:
    """A server that answers.

    Args:
        directory: where its certificates are.
        port: of loopback.
        tokens: of who may ask, by their names.
        within: command by which programs are started where it is.
    """

    def __init__(self, directory: Path, port: int, tokens: Mapping[str, str], within: Sequence[str]) -> None:
        self.port = port
        self._directory = directory
        self._within = within
        self._tokens = tokens
        self._options = (f"--kubeconfig={self.kubeconfig(_ADMIN)}", f"--cache-dir={directory / 'discovered'}")

    def kubeconfig(self, user: str = _ADMIN) -> Path:
        """Write how a user asks, and return the file."""
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority": str(self._directory / "authority.pem"),
        }
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [{"name": CONTEXT, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self._tokens[user]}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user}}],
        }
        path = self._directory / f"{user.replace(':', '-')}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(document))
        return path

    def kubectl(self, *arguments: str, objects: Sequence[Manifest] = ()) -> str:
        """Run kubectl, its warnings being errors, and return what it prints.

        Args:
            arguments: what it is to do.
            objects: what it reads from its standard input.

        Raises:
            Refused: it failed.
        """
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [*self._within, str(KUBECTL), *self._options, "--warnings-as-errors", *arguments],
            input=yaml.safe_dump_all(objects),
            check=False,
            capture_output=True,
            text=True,
            timeout=_COMMAND_DEADLINE_S,
        )
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout

    def apply(self, objects: Sequence[Manifest], *, only_asked: bool = False) -> None:
        """Apply objects, of which no field may be unknown.

        Args:
            objects: them.
            only_asked: the server does all that it does, but for keeping them.

        Raises:
            Refused: it does not take one of them, or warns of it.
        """
        options = ("--dry-run=server",) if only_asked else ()
        self.kubectl("apply", "--validate=strict", *options, "--filename=-", objects=objects)


@contextmanager
def running(log: Path, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block; what it says goes into a file."""
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - fixed arguments
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: ApiServer, process: subprocess.Popen[bytes], log: Path) -> None:
    end_s = time.monotonic() + _START_DEADLINE_S
    while True:
        try:
            server.kubectl("get", "--raw=/readyz")
        except Refused as refused:
            if time.monotonic() > end_s or process.poll() is not None:
                ending = log.read_text(errors="replace")[-2_000:]
                raise AssertionError(f"expected an API server, found {refused}; it said: {ending}") from None
            time.sleep(0.1)  # it tells nobody when it answers; ends at the deadline
        else:
            return


@contextmanager
def running_api_server(
    directory: Path,
    users: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    within: Sequence[str] = (),
    hosts: Sequence[str] = (),
) -> Iterator[ApiServer]:
    """Run a server of its own, with the admission that a cluster has, until the end of the block.

    Args:
        directory: empty; for what it stores, its certificates and its log.
        users: who may ask beside an administrator, and their groups.
        options: more of its own.
        within: command by which programs are started in another place.
        hosts: names and addresses by which it is asked, beside loopback's.
    """
    etcd, program = tool("etcd"), tool("kube-apiserver")
    if etcd is None or program is None:
        pytest.skip("found no etcd or no kube-apiserver: the manifests were checked by schemas alone")
    client, peer, port = free_ports(3)
    authority = Authority("test")
    (directory / "authority.pem").write_bytes(authority.pem)
    for name in ("server", "accounts", "client"):
        authority.issue(directory, name, hosts)
    tokens = _write_tokens(directory / "tokens", {_ADMIN: "system:masters", **(users or {})})
    log = directory / "kube-apiserver.log"
    with ExitStack() as stack:
        stack.enter_context(
            running(
                directory / "etcd.log",
                *within,
                etcd,
                f"--data-dir={directory / 'etcd'}",
                f"--listen-client-urls=http://127.0.0.1:{client}",
                f"--advertise-client-urls=http://127.0.0.1:{client}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
                "--unsafe-no-fsync",  # what it stores is thrown away
            )
        )
        process = stack.enter_context(
            running(
                log,
                *within,
                program,
                f"--etcd-servers=http://127.0.0.1:{client}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--endpoint-reconciler-type=none",  # loopback is nobody's endpoint
                f"--secure-port={port}",
                f"--tls-cert-file={directory / 'server.pem'}",
                f"--tls-private-key-file={directory / 'server.key'}",
                f"--token-auth-file={directory / 'tokens'}",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",  # PodSecurity is on by itself
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={directory / 'accounts.pem'}",
                f"--service-account-signing-key-file={directory / 'accounts.key'}",
                f"--service-cluster-ip-range={SERVICES}",
                *options,
            )
        )
        server = ApiServer(directory, port, tokens, within)
        _wait_until_ready(server, process, log)
        yield server


def _write_tokens(path: Path, users: Mapping[str, str]) -> dict[str, str]:
    """Write who may ask, and return their tokens."""
    tokens = {user: secrets.token_hex(16) for user in users}
    path.touch(mode=0o600)
    path.write_text("".join(f'{tokens[user]},{user},{user},"{groups}"\n' for user, groups in users.items()))
    return tokens
