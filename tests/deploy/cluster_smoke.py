"""What `tilt ci` has deployed in the cluster of `deploy.cluster`, traded on and broken; nothing may be lost.

    nsenter --net=/run/netns/fillwire-cluster .venv/bin/python -m deploy.cluster_smoke DIRECTORY     with PYTHONPATH=tests

The bots record in the hosts' own containers, so what is killed here is everything but a host and an exchange. What each
step found is printed as it goes; the exit status is 1 if one failed.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import aiohttp

from deploy.composed import Composed, EngineError, run
from deploy.nodes import nodes
from deploy.smoke import AWAY, BACK, EXCHANGES, Smoke, _more, say
from fillwire.cli.accounting import Balance, balance
from fillwire.cli.recordings import execution
from support.manifests import KUBECTL
from support.processes import program

NAMESPACE: Final = "fillwire"
_PORTS: Final = {exchange: 38765 + number for number, exchange in enumerate(EXCHANGES)}
FILLWIRE: Final = Path(sys.executable).with_name("fillwire")
_READY_S: Final = 300


class Clustered(Composed):
    """The system in the cluster.

    Args:
        directory: of the cluster.

    Attributes:
        scheme: of the broker's address.
        environ: as whom a user of bots logs in to the broker.
        nodes: of the cluster, by their names.
    """

    scheme = "nats"

    def __init__(self, directory: Path) -> None:
        super().__init__("dev")
        self.environ = {
            "FILLWIRE_NATS__USER": "fillwire",
            "FILLWIRE_NATS__PASSWORD": "of-this-machine-alone",
        }
        self._kubectl = (
            str(KUBECTL),
            f"--kubeconfig={directory / 'admin.kubeconfig'}",
            f"--namespace={NAMESPACE}",
        )
        self.nodes = {node.name: node for node in nodes(directory)}

    def port(self, name: str) -> int:
        """Return where a simulator is forwarded to."""
        return _PORTS[name.lower()]

    async def kubectl(self, *arguments: str, deadline_s: float = 120.0) -> str:
        """Run kubectl and return what it prints."""
        return await run(*self._kubectl, *arguments, deadline_s=deadline_s)

    async def fillwire(self, service: str, *arguments: str) -> str:
        """Run `fillwire …` in a service's pod and return what it prints."""
        return await self.kubectl(
            "exec", f"deployment/{service}", "--container=fillwire", "--", "fillwire", *arguments
        )

    async def as_user(self, *arguments: str) -> str:
        """Run `fillwire …` on this machine, which the policies let in everywhere, and return what it prints."""
        return await run(str(FILLWIRE), *arguments, environ=self.environ)

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[None]:
        """Bring the broker and Jaeger to loopback inside the block."""
        async with (
            self.relayed(await self.address("nats"), 4222) as broker,
            self.relayed(await self.address("jaeger"), 16686) as jaeger,
        ):
            self.environ["FILLWIRE_NATS__URL"] = f"{self.scheme}://{broker}"
            self.jaeger = f"http://{jaeger}"
            yield

    async def address(self, service: str) -> str:
        """Return the address of a Service."""
        return await self.kubectl("get", f"service/{service}", "--output=jsonpath={.spec.clusterIP}")

    @asynccontextmanager
    async def relayed(self, address: str, port: int) -> AsyncIterator[str]:
        """Bring a port to loopback inside the block; `kubectl port-forward` would end with the pod that it has chosen."""
        relay = (sys.executable, "-m", "support.relay", f"nats://{address}:{port}")
        async with program(*relay) as relaying:
            await relaying.said("127.0.0.1")
            yield relaying.lines[0].removeprefix("nats://")

    async def copy_out(self, service: str, path: str, target: Path) -> None:
        """Copy a file out of a service's pod."""
        said = await self.kubectl("exec", f"deployment/{service}", "--container=fillwire", "--", "cat", path)
        await asyncio.to_thread(target.write_text, said, "utf-8")

    async def pods(self, app: str) -> list[str]:
        """Return the names of the pods of a service."""
        selector = f"--selector=app.kubernetes.io/name={app}"
        return (await self.kubectl("get", "pods", selector, "--output=name")).split()

    async def kill_container(self, pod: str, container: str) -> None:
        """Kill a container's first process by SIGKILL; the kubelet starts the container anew."""
        found = json.loads(await self.kubectl("get", pod, "--output=json"))
        (status,) = (one for one in found["status"]["containerStatuses"] if one["name"] == container)
        name = status["containerID"].removeprefix("containerd://")
        ctr = self.nodes[found["spec"]["nodeName"]].ctr
        await run(*ctr, "task", "kill", "--signal=SIGKILL", name)

    async def is_rolled_out(self, workload: str, *options: str) -> None:
        """Wait until all of a workload's pods are of its newest template, and ready."""
        status = ("rollout", "status", workload, f"--timeout={_READY_S}s", *options)
        await self.kubectl(*status, deadline_s=_READY_S + 10)

    @asynccontextmanager
    async def simulators(self) -> AsyncIterator[None]:
        """Forward the simulators' ports inside the block."""
        async with AsyncExitStack() as stack:
            for exchange, port in _PORTS.items():
                arguments = ("port-forward", f"deployment/simulator-{exchange}", f"{port}:8765")
                forward = await stack.enter_async_context(program(*self._kubectl, *arguments))
                await forward.said("Forwarding from")
            yield


class ClusterSmoke(Smoke):
    """One run."""

    def __init__(self, system: Clustered, session: aiohttp.ClientSession, directory: Path) -> None:
        super().__init__(system, session, directory)
        self._cluster = system
        self._former: dict[str, int] = {}

    async def run(self) -> None:
        """Take every step; the first that fails raises `AssertionError`."""
        await self._quieten()
        await self._survives_all()
        await self._is_accounted_for()

    async def _survives_all(self) -> None:
        """Trade, and go on trading while parts are killed and gateways rolled."""
        self._former = await self._counts()
        await self._create_bots()
        await self._emit(100)
        await self._settle("first fills", dict.fromkeys(EXCHANGES, 100))
        await self._is_traced()
        for part in ("nats", "gateway-binance", "recorder"):
            await self._survives(part)
        await self._is_rolled([f"deployment/gateway-{exchange}" for exchange in EXCHANGES])

    async def _quieten(self) -> None:
        """Stop the bots that trade: what they trade would come between the count and the bots that record."""
        for exchange in EXCHANGES:
            stop = ("bots", "stop", f"demo/traffic-{exchange}", "--cancel-orders", "--timeout", "60")
            await self._cluster.as_user(*stop)

    async def _is_accounted_for(self) -> None:
        for exchange, told in (await self._told()).items():
            assert told.is_clean, (exchange, told)
            say(f"{exchange}: the bot was told of each of {told.emitted} executions once, in order")
        await self._is_recorded()

    async def _told(self) -> dict[str, Balance]:
        """Leave out what was executed before the bots were there."""
        return {
            exchange: balance(
                (await venue.executions())[self._former[exchange] :],
                map(execution, await self._recorded_lines(exchange)),
            )
            for exchange, venue in self._venues.items()
        }

    async def _counts(self) -> dict[str, int]:
        return {
            exchange: count - self._former.get(exchange, 0)
            for exchange, count in (await super()._counts()).items()
        }

    async def _survives(self, part: str) -> None:
        """Kill a part while fills come: the broker by its process, for its store goes with its pod, others by their pods."""
        before = await self._counts()
        await self._emit(AWAY + BACK)
        await self._emitted(_more(before, AWAY // 5))
        if part == "nats":
            await self._cluster.kill_container("pod/nats-0", "nats")
            workload = "statefulset/nats"
        else:
            name, _, exchange = part.partition("-")
            selector = f"--selector=app.kubernetes.io/name={name}"
            if exchange:
                selector += f",fillwire.io/exchange={exchange}"
            await self._cluster.kubectl("delete", "pod", selector, "--grace-period=0", "--force")
            workload = f"deployment/{part}"
        await self._settle(f"{part} killed", _more(before, AWAY + BACK))
        await self._cluster.is_rolled_out(workload)

    async def _is_rolled(self, workloads: Sequence[str], count: int = AWAY + BACK) -> None:
        """Start workloads anew, one pod after the other, while so many fills come at each exchange."""
        before = await self._counts()
        await self._emit(count)
        await self._emitted(_more(before, AWAY // 5))
        began = time.monotonic()
        await self._cluster.kubectl("rollout", "restart", *workloads)
        for workload in workloads:
            await self._cluster.is_rolled_out(workload)
        what = ", ".join(workload.partition("/")[2] for workload in workloads)
        say(f"{what} rolled within {time.monotonic() - began:.0f} s")
        await self._settle(f"{what} rolled", _more(before, count))


System = TypeVar("System", bound=Clustered)


async def perform(system: System, smoke: Callable[[System, aiohttp.ClientSession, Path], Smoke]) -> int:
    """Reach a system, take every step of a smoke test of it, and return the exit status."""
    timeout = aiohttp.ClientTimeout(total=30)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="fillwire-smoke-") as copies:
            async with (
                system.simulators(),
                system.reached(),
                aiohttp.ClientSession(timeout=timeout) as session,
            ):
                await smoke(system, session, Path(copies)).run()
    except (AssertionError, EngineError) as error:
        print(f"smoke: FAILED: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    say(f"passed in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(perform(Clustered(Path(sys.argv[1])), ClusterSmoke)))
