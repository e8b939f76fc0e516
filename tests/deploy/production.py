"""`deploy/overlays/prod` and the charts of others on the nodes of `deploy.cluster`, with the simulated exchanges of `dev`.

    nsenter --net=/run/netns/fillwire-cluster .venv/bin/python -m deploy.production DIRECTORY      with PYTHONPATH=tests

`HELM_CHARTS` names the charts, as for `make check-deploy`. What docs/deploy.md leaves to whoever deploys is done here as it
says there: logins by `fillwire users`, certificates, secrets, streams. All is as it is written but for four things: what
containers ask of the processors, for the machine has two; Grafana, which has no stand-in; the exchanges; and a disk that the
hosts share, for what their bots write down.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.cluster import SHARED
from deploy.cluster_smoke import FILLWIRE, NAMESPACE, Clustered
from deploy.composed import EngineError, run
from deploy.smoke import EXCHANGES, say
from fillwire.bus.connection import Bus
from fillwire.bus.credentials import Credentials
from fillwire.bus.tls import TlsFiles
from support.certificates import Authority
from support.charts import templated
from support.manifests import KUBECTL, Manifest, of_kind, rendered, workloads

OVERLAY: Final = Path(__file__).with_name("overlays") / "production"
_GATEWAYS: Final = ("binance", "binance-futures", "coinbase", "coinbase-advanced", "alpaca")
_SERVICES: Final = ("host", "manager", "door", "recorder", "console", "notify")
_LEFT_OUT: Final = "grafana"
_BROKERS: Final = 3
_READY_S: Final = 300


def production() -> tuple[Manifest, ...]:
    """Return the objects of the overlay."""
    command = [str(KUBECTL), "kustomize", "--load-restrictor=LoadRestrictionsNone", str(OVERLAY)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603 - fixed arguments
    return tuple(found for found in yaml.safe_load_all(done.stdout) if found["metadata"]["name"] != _LEFT_OUT)


def for_these_nodes(objects: Iterable[Manifest]) -> list[Manifest]:
    """Return objects that a machine of two processors without a registry can run: they ask for little, and images are there."""
    changed: list[Manifest] = json.loads(json.dumps(list(objects)))
    for workload in workloads(changed):
        for container in workload.containers:
            container.setdefault("resources", {}).setdefault("requests", {})["cpu"] = "1m"
            container["imagePullPolicy"] = "IfNotPresent"
    return changed


class Production(Clustered):
    """The system of the overlay, in the cluster.

    Args:
        directory: of the cluster.

    Attributes:
        logins: directory of those who may log in to the broker.
        authority: file with the certificate of who has signed the broker's.
    """

    scheme = "tls"
    folder = "/recordings"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._directory = directory
        self._everywhere = (str(KUBECTL), f"--kubeconfig={directory / 'admin.kubeconfig'}")
        self.logins = directory / "broker"
        self.authority = directory / "production" / "ca.crt"
        self.environ = {
            "FILLWIRE_NATS__CA_FILE": str(self.authority),
            "FILLWIRE_NATS__NKEY_FILE": str(self.logins / "control.nk"),
            "FILLWIRE_NATS__REPLICAS": str(_BROKERS),
        }

    async def apply(self, objects: Sequence[Manifest], what: str, *options: str) -> None:
        """Have objects made, of which no field may be unknown; the kinds that others are of come first."""
        file = self._directory / "production" / f"{what}.yaml"
        kinds = of_kind(objects, "CustomResourceDefinition", "Namespace")
        file.touch(mode=0o600)
        for some in (kinds, [found for found in objects if found not in kinds]):
            if some:
                file.write_text(yaml.safe_dump_all(some), "utf-8")
                apply = ("apply", "--server-side", "--validate=strict", f"--filename={file}", *options)
                await run(*self._everywhere, *apply)

    async def up(self) -> None:
        """Start everything, in the order of docs/deploy.md, and wait until all of it is ready."""
        (self._directory / "production").mkdir()
        objects = production()
        await self.apply([*of_kind(objects, "Namespace"), *await self._secrets()], "secrets")
        await self.apply([_namespace("keda"), *for_these_nodes(templated("keda"))], "keda")
        await self.is_rolled_out("deployment/keda-admission-webhooks", "--namespace=keda")
        for chart in ("nats", "prometheus"):
            await self.apply(for_these_nodes(templated(chart)), chart, f"--namespace={NAMESPACE}")
        await self.is_rolled_out("statefulset/nats")
        async with self.relayed(await self.address("nats"), 4222) as broker:
            self.environ["FILLWIRE_NATS__URL"] = f"{self.scheme}://{broker}"
            await self.as_user("users", "apply", "--directory", str(self.logins))
        await self.apply(for_these_nodes(objects), "prod")
        await self.is_ready()

    async def is_ready(self) -> None:
        """Wait until all of it is ready."""
        for workload in workloads([*production(), *templated("nats"), *templated("prometheus")]):
            await self.is_rolled_out(f"{workload.kind}/{workload.name}")

    async def _secrets(self) -> list[Manifest]:
        """Make what the table of docs/deploy.md lists."""
        await self.add_login("control", "control")
        for exchange in _GATEWAYS:
            await self.add_login(f"gateway-{exchange}", "gateway", "--exchange", exchange)
        for service in _SERVICES:
            await self.add_login(service, service)
        names = [f"gateway-{exchange}" for exchange in _GATEWAYS] + list(_SERVICES)
        seeds = [_secret(f"nats-{name}", seed=(self.logins / f"{name}.nk").read_text()) for name in names]
        local = rendered("dev")
        ours = ("monitoring-token", "postgres", "console-viewers", "notify-webhook")
        simulated = [f"simulated-{exchange}" for exchange in EXCHANGES]
        return [
            *seeds,
            accounts(self.logins),
            *self._certificates(),
            *(_found(local, name) for name in (*ours, *simulated)),
        ]

    async def add_login(self, name: str, kind: str, *options: str) -> None:
        """Let somebody log in to the broker, when that has read its file again."""
        self.logins.mkdir(exist_ok=True)
        where = ("--directory", str(self.logins), "--seed", str(self.logins / f"{name}.nk"))
        await run(str(FILLWIRE), "users", "add", name, "--kind", kind, *options, *where)

    def _certificates(self) -> list[Manifest]:
        authority, directory = Authority("broker"), self._directory / "production"
        self.authority.write_bytes(authority.pem)
        authority.issue(directory, "nats", ("nats",))
        authority.issue(directory, "route", [f"nats-{number}.nats-headless" for number in range(_BROKERS)])
        shown = {
            secret: {
                "tls.crt": (directory / f"{name}.pem").read_text(),
                "tls.key": (directory / f"{name}.key").read_text(),
            }
            for secret, name in (("nats-tls", "nats"), ("nats-cluster-tls", "route"))
        }
        return [
            _secret("nats-ca", **{"ca.crt": authority.pem.decode("ascii")}),
            *(_secret(name, **data) for name, data in shown.items()),
        ]

    @asynccontextmanager
    async def brokers(self) -> AsyncIterator[list[str]]:
        """Bring each broker to loopback inside the block."""
        async with AsyncExitStack() as stack:
            addresses = [
                await self.kubectl("get", f"pod/nats-{number}", "--output=jsonpath={.status.podIP}")
                for number in range(_BROKERS)
            ]
            relayed = [await stack.enter_async_context(self.relayed(address, 4222)) for address in addresses]
            yield [f"{self.scheme}://{address}" for address in relayed]

    async def connect(self) -> Bus:
        """Connect to the broker, inside `reached`."""
        credentials = Credentials(
            nkey_seed_path=self.logins / "control.nk", tls_files=TlsFiles(authorities=self.authority)
        )
        return await Bus.connect(self.environ["FILLWIRE_NATS__URL"], name="smoke", credentials=credentials)

    async def copy_out(self, service: str, path: str, target: Path) -> None:
        """Copy a file from the disk that the hosts share."""
        del service  # only they share one
        source = self._directory / SHARED / Path(path).name
        try:
            await asyncio.to_thread(shutil.copy, source, target)
        except FileNotFoundError:
            raise EngineError(f"{source} is not there yet") from None


def accounts(logins: Path) -> Manifest:
    """Return the secret that says who may log in to the broker."""
    return _secret("nats-accounts", **{"accounts.conf": (logins / "accounts.conf").read_text()})


def _namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _secret(name: str, **data: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": data,
    }


def _found(objects: Sequence[Manifest], name: str) -> Manifest:
    """Return a secret of the overlay `dev` under the name without the hash of what is in it."""
    for found in of_kind(objects, "Secret"):
        if found["metadata"]["name"].rpartition("-")[0] == name:
            data: dict[str, Any] = {"data": found["data"], "type": "Opaque"}
            return {**_secret(name), **data, "stringData": {}}
    raise KeyError(f"found no secret {name}")


async def main(directory: Path) -> None:
    """Bring it all up."""
    began = time.monotonic()
    await Production(directory).up()
    say(f"everything is ready {time.monotonic() - began:.0f} s after it was begun")


if __name__ == "__main__":
    if "HELM_CHARTS" not in os.environ:
        sys.exit(
            "production: found no HELM_CHARTS, expected a directory with the charts nats, prometheus and keda"
        )
    asyncio.run(main(Path(sys.argv[1]).resolve()))
