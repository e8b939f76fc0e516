"""What `tilt up` deploys, run on this machine as it stands in the rendered manifests: no cluster, but all else is real."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from fillwire.bus.server import find_server
from fillwire.cli.stack import Child
from fillwire.runtime.ports import free_ports
from support.eventually import eventually
from support.jaeger_binary import JAEGER
from support.manifests import Workload
from support.pods import COLLECTOR, Pods

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

BROKER = "nats"
# Started one after the other, as what they need is there.
SERVICES = ("simulator-binance", "gateway-binance", "manager", "host", "notify")


class Cluster:
    """The running pods.

    Args:
        directory: for all files.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        broker, monitor, venue = free_ports(3)
        self.monitoring = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        self.broker_monitoring = monitor
        addresses = {
            "nats:4222": broker,
            "0.0.0.0:4222": broker,
            "0.0.0.0:8222": monitor,
            "simulator-binance:8765": venue,
            "127.0.0.1:8765": venue,  # the relay of the gateway's pod
        }
        if JAEGER is not None:  # in place of the collector, too
            ports = (4317, 4318, 8888, 13133, 16685, 16686)
            self._jaeger_ports = dict(zip(ports, free_ports(len(ports)), strict=True))
            addresses |= {f"0.0.0.0:{port}": here for port, here in self._jaeger_ports.items()}
            addresses |= {
                COLLECTOR: self._jaeger_ports[4318],
                "jaeger:16686": self._jaeger_ports[16686],
            }
        self.pods = Pods(directory, addresses)
        self._venue = venue
        self._broker: asyncio.subprocess.Process | None = None
        self._jaeger: asyncio.subprocess.Process | None = None
        self.children: dict[str, Child] = {}

    async def start(self) -> None:
        """Start the broker, then every service, and wait until each is ready by its own probe."""
        await self._start_broker()
        if JAEGER is not None:
            await self._start_jaeger(JAEGER)
        for name in SERVICES:
            self.pods.mount(name)
            arguments = self.pods.arguments(name)
            if "--port" in arguments:
                arguments[arguments.index("--port") + 1] = str(self._venue)
            environ = self.pods.environ(name)
            if name in self.monitored:
                environ["FILLWIRE_MONITORING__PORT"] = str(self.monitoring[name])
            child = Child(name, arguments, self.directory, environ)
            self.children[name] = child
            await child.start()
            port = self.monitoring[name] if name in self.monitored else self._venue
            await self._until_ready(self.pods.workload(name), port)

    @property
    def monitored(self) -> tuple[str, ...]:
        """The services that have a monitoring port."""
        return tuple(name for name in SERVICES if "monitoring" in self.pods.workload(name).ports)

    async def _start_broker(self) -> None:
        root = self.pods.root(BROKER)
        for mount in ("etc/nats-config", "var/run/nats", "data"):
            (root / mount).mkdir(parents=True)
        self.pods.mount(BROKER)
        path = root / "etc/nats-config/nats.conf"
        text = (
            path.read_text()
            .replace('"/data"', f'"{root}/data"')
            .replace("/var/run/nats", f"{root}/var/run/nats")
        )
        path.write_text(text)
        self._broker = await asyncio.create_subprocess_exec(
            str(find_server()),
            *("--config", str(path)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | self.pods.environ(BROKER),
        )
        await self._until_ready(self.pods.workload(BROKER), self.broker_monitoring)

    async def _start_jaeger(self, program: str) -> None:
        self.pods.mount("jaeger")
        port = self._jaeger_ports[8888]
        path = self.pods.root("jaeger") / "etc/jaeger/jaeger.yaml"
        path.write_text(path.read_text().replace("0.0.0.0, port: 8888", f"127.0.0.1, port: {port}"))
        self._jaeger = await asyncio.create_subprocess_exec(
            program,
            *("--config", str(path)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await self._until_ready(self.pods.workload("jaeger"), self._jaeger_ports[13133])

    async def _until_ready(self, workload: Workload, port: int) -> None:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = workload.main[probe]["httpGet"]["path"]
            await eventually(lambda path=path: _answers(port, path), 30, f"{workload.name}{path}")

    async def stop(self) -> None:
        """Stop everything, last started first."""
        for child in reversed(self.children.values()):
            await child.stop()
        for process in (self._jaeger, self._broker):
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()

    async def traffic(self, *options: str) -> tuple[int, str, str]:
        """Run the Job's script with its variables and secrets; return its exit status and what it said."""
        self.pods.mount("traffic")
        command = [text for text in self.pods.script("traffic") if not text.startswith("--")]
        process = await asyncio.create_subprocess_exec(
            *command,
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | self.pods.environ("traffic"),
        )
        said, complained = await process.communicate()
        return process.returncode or 0, said.decode(), complained.decode()

    @property
    def jaeger(self) -> str:
        """The Job's argument that names Jaeger."""
        (found,) = (text for text in self.pods.arguments("traffic") if text.startswith("--jaeger="))
        return found

    def venue(self, exchange: str) -> str:
        """Return the Job's argument that names the exchange's simulator."""
        (found,) = (
            text for text in self.pods.arguments("traffic") if text.startswith(f"--venue={exchange}=")
        )
        return found


async def _answers(port: int, path: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{path}") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """The pods that the traffic of one exchange needs."""
    running = Cluster(tmp_path)
    try:
        await running.start()
        yield running
    finally:
        await running.stop()


async def test_the_local_webhook_prints_what_it_is_told(tmp_path: Path) -> None:
    """The notifier's pod has one of its own; what it takes can be read in its log."""
    pods, (port,) = Pods(tmp_path, {}), free_ports(1)
    sidecar = pods.workload("notify").containers[0]
    assert sidecar["restartPolicy"] == "Always"
    pods.mount("notify", sidecar)
    program, path = sidecar["command"]
    sink = await asyncio.create_subprocess_exec(
        sys.executable if program == "python" else program,
        f"{pods.root('notify')}{path}",
        str(port),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await eventually(lambda: _is_open(port), 30)
        address = pods.environ("notify")["FILLWIRE_NOTIFY__URL"].replace("8090", str(port))
        async with aiohttp.ClientSession() as http, http.post(address, json={"alert": "told"}) as response:
            assert response.status == 204
        assert sink.stdout is not None
        async with asyncio.timeout(30):
            assert json.loads(await sink.stdout.readline()) == {"alert": "told"}
    finally:
        sink.terminate()
        await sink.wait()


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_traffic_passes_through_what_is_deployed(cluster: Cluster) -> None:
    """Arguments, settings, secrets, keys, probes and the broker's login fit each other; an exchange without gateway is missed.

    Where there is a Jaeger, it runs with the manifests' settings, and the callback of each execution is looked for in it.
    """
    traced = () if JAEGER is None else (cluster.jaeger,)
    status, said, complained = await cluster.traffic(
        cluster.venue("binance"), *traced, "--count=10", "--rate=20", "--deadline=100"
    )
    assert (status, complained) == (0, "")
    told = json.loads(said)
    assert (told["exchange"], told["pair"]) == ("binance", "BTC-USDT")
    assert told["executions"] >= 10  # and those of the bot's own orders
    assert told["callbacks"] >= (0 if JAEGER is None else 1)
    other = cluster.venue("binance").replace("binance", "coinbase", 1)
    status, said, complained = await cluster.traffic(other, "--deadline=0")
    assert (status, said) == (1, "")
    assert "coinbase: its account is not receiving" in complained


async def test_traffic_waits_for_a_network_that_refuses_it_at_first(tmp_path: Path) -> None:
    """One that enforces policies has not heard of a new pod at once; the job has no second attempt."""
    cluster, (port,) = Cluster(tmp_path), free_ports(1)
    refused = f"--venue=binance=http://127.0.0.1:{port}"
    waiting = asyncio.create_task(cluster.traffic(refused, "--deadline=8"))
    asked = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()
        await writer.wait_closed()

    done, _ = await asyncio.wait([waiting], timeout=3)
    assert not done, waiting.result()
    async with await asyncio.start_server(answer, "127.0.0.1", port), asyncio.timeout(20):
        await asked.wait()
    status, said, complained = await waiting
    assert (status, said) == (1, "")
    assert "binance: its simulator does not answer" in complained
