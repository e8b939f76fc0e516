"""What `deploy.production` has brought up, traded on, broken, rolled and scaled; nothing may be lost.

    nsenter --net=/run/netns/fillwire-cluster .venv/bin/python -m deploy.production_smoke DIRECTORY  with PYTHONPATH=tests

As `deploy.cluster_smoke`, and besides: the brokers are rolled while fills come, a tenant is let in by a change of the secret
that the brokers read, and KEDA adds a host when bots are more than they should have. Where there are three nodes, one is drained
and another is cut off while fills come.
"""

import asyncio
import json
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp

from deploy.cluster_smoke import ClusterSmoke, perform
from deploy.composed import run
from deploy.production import Production, accounts, production
from deploy.smoke import AWAY, ENVIRONMENT, EXCHANGES, STAGES, USER, _more, say
from fillwire.bots.client import BotClient
from fillwire.bus.connection import Bus
from fillwire.bus.credentials import Credentials
from fillwire.bus.tenants import API_PREFIX
from fillwire.bus.tls import TlsFiles
from fillwire.cli.recordings import latency_ns
from fillwire.domain.bots import BotCreation
from fillwire.domain.errors import BrokerError
from support.charts import templated
from support.eventually import eventually
from support.manifests import Manifest, workloads

_FOR_EACH_HOST: Final = 250  # as KEDA counts
_AT_ONCE: Final = 16
_WHILE_BROKERS_ROLL: Final = 5_000  # for as long as that takes
_WHILE_A_NODE_IS_AWAY: Final = 3_000
_SLOW_RATE, _SLOWLY = 10, 600
_STALLED_S: Final = 240.0
_DRAINED_S: Final = 240
_QUIET: Final = "XLM-USD"  # of which nothing is executed: what they are is many


class ProductionSmoke(ClusterSmoke):
    """One run."""

    def __init__(self, system: Production, session: aiohttp.ClientSession, directory: Path) -> None:
        super().__init__(system, session, directory)
        self._production = system

    async def run(self) -> None:
        """Take every step; the first that fails raises `AssertionError`."""
        await self._survives_all()
        await self._is_rolled(["statefulset/nats"], _WHILE_BROKERS_ROLL)
        await self._a_tenant_is_let_in()
        several = len(self._production.nodes) > 1
        if several:
            await self._is_spread()
            await self._a_node_is_drained("node-2")
        await self._is_accounted_for()
        if several:
            await self._a_node_is_lost("node-3")
        await self._is_scaled()

    async def _is_traced(self) -> None:
        """A tenth of the traces is kept, so some fill of the last ones has a whole one."""
        for exchange in EXCHANGES:
            orders = {line["order"].rpartition(":")[2] for line in await self._recorded_lines(exchange)}
            where = ("--user", USER, "--exchange", exchange, "--environment", ENVIRONMENT)
            whole = fills = 0
            for order in sorted(orders):
                ask = ("trace", order, *where, "--jaeger", self._production.jaeger, "--json")
                told = json.loads(await self._production.as_user(*ask))
                spans = [
                    {span["name"].split()[0] for span in one["spans"]} for one in told if one["trade_id"]
                ]
                whole += sum(found.issuperset(STAGES) for found in spans)
                fills += len(spans)
            assert 0 < whole < fills, f"{whole} of {fills} traces are kept, expected a tenth"
            say(f"{exchange}: {whole} of {fills} traces in Jaeger, from {STAGES[0]} to {STAGES[-1]}")

    async def _a_tenant_is_let_in(self) -> None:
        """Change the secret of the accounts; the brokers are told when the node has it."""
        await self._production.add_login("carol", "tenant")
        await self._production.apply([accounts(self._production.logins)], "accounts")
        seed = self._production.logins / "carol.nk"
        believed = TlsFiles(authorities=self._production.authority)
        credentials = Credentials(nkey_seed_path=seed, tls_files=believed, api_prefix=API_PREFIX)
        began = time.monotonic()

        async def is_let_in(url: str) -> bool:
            try:
                async with await Bus.connect(url, name="carol", credentials=credentials, deadline_s=3.0):
                    return True
            except BrokerError:
                return False

        async with self._production.brokers() as urls:
            assert not await is_let_in(urls[0]), "carol was let in before the broker can have known"
            for url in urls:  # each has the secret when its own pod has
                await eventually(partial(is_let_in, url), 180)
        say(
            f"a tenant is let in by each broker {time.monotonic() - began:.0f} s after the secret was changed"
        )
        await self._production.as_user("users", "apply", "--directory", str(self._production.logins))

    async def _is_spread(self) -> None:
        """What there are several of must be on several nodes."""
        pods = await self._pods()
        for workload in workloads([*production(), *templated("nats")]):
            places = [
                pod["spec"]["nodeName"]
                for pod in pods
                if workload.labels.items() <= pod["metadata"]["labels"].items()
            ]
            assert len({*places}) == min(len(places), len(self._production.nodes)), (workload.name, places)
        say(f"of {len(pods)} pods no two of one workload are on one of {len(self._production.nodes)} nodes")

    async def _pods(self) -> list[Manifest]:
        found = json.loads(await self._production.kubectl("get", "pods", "--output=json"))
        return list(found["items"])

    async def _a_node_is_drained(self, node: str) -> None:
        """Have a node emptied, as for an upgrade of it, while fills come."""
        before = await self._counts()
        await self._emit(_WHILE_A_NODE_IS_AWAY)
        await self._emitted(_more(before, AWAY // 5))
        began = time.monotonic()
        drain = ("drain", node, "--delete-emptydir-data", f"--timeout={_DRAINED_S}s")
        await self._production.kubectl(*drain, deadline_s=_DRAINED_S + 10)
        say(f"{node} is drained after {time.monotonic() - began:.0f} s")
        await self._settle(f"{node} drained", _more(before, _WHILE_A_NODE_IS_AWAY))
        await self._production.kubectl("uncordon", node)
        await self._production.is_ready()

    async def _a_node_is_lost(self, node: str) -> None:
        """Cut a node off while fills come: all goes on in it, but nobody hears of it, and it of nobody."""
        held = await self._held_by(node)
        before = await self._counts()
        former = {exchange: len(lines) for exchange, lines in (await self._all_recorded()).items()}
        for venue in self._venues.values():
            # Slowly: a simulated exchange waits for a connection that is silent and full, up to two minutes.
            await venue.emit(rate=_SLOW_RATE, count=_SLOWLY, orders=_SLOWLY // 20)
        await self._emitted(_more(before, _SLOW_RATE))
        await run("ip", "link", "set", node, "down")
        try:
            await self._emitted(_more(before, _SLOWLY), _STALLED_S)
            await self._settle(f"{node} cut off", _more(before, _SLOWLY))
        finally:
            await run("ip", "link", "set", node, "up")
        for exchange, lines in (await self._all_recorded()).items():
            meanwhile = lines[former[exchange] :]
            called_ns = [line["called_time_ns"] for line in meanwhile]
            silent_s = max(later - earlier for earlier, later in pairwise(called_ns)) / 1e9
            timed = [line for line in meanwhile if line["exchange_time_ns"] is not None]
            late_s = max(map(latency_ns, timed), default=0) / 1e9
            say(
                f"{exchange}, {node} cut off: {late_s:.1f} s late at most, told of nothing for {silent_s:.1f} s"
            )
        say(f"{node} held the accounts of {', '.join(held) or 'no exchange'}")
        await self._production.kubectl("wait", f"node/{node}", "--for=condition=Ready", "--timeout=100s")
        await self._production.is_ready()
        await self._emit(100)
        await self._settle(f"{node} is back", _more(before, _SLOWLY + 100))
        for exchange, told in (await self._told()).items():
            # What was in hand of a host that was cut off comes again at another, and a recording holds it twice.
            assert told.lost == told.foreign == told.out_of_order == 0, (exchange, told)
            say(f"{exchange}, {node} cut off: {told.emitted} emitted, none lost, {told.doubled} told again")
        await self._is_recorded()

    async def _all_recorded(self) -> dict[str, list[dict[str, Any]]]:
        return {exchange: await self._recorded_lines(exchange) for exchange in EXCHANGES}

    async def _held_by(self, node: str) -> list[str]:
        """Return the exchanges whose accounts a gateway on a node receives for."""
        there = {pod["metadata"]["name"] for pod in await self._pods() if pod["spec"]["nodeName"] == node}
        told = json.loads(await self._production.as_user("status", "--json"))
        return [one["exchange"] for one in told if any(pod in one["gateway"] for pod in there)]

    async def _is_scaled(self) -> None:
        """Have more bots run than these hosts should have."""
        before = await self._hosts()  # two, or more while bots were behind
        many = int(1.15 * _FOR_EACH_HOST * before)  # an autoscaler lets a tenth pass
        began = time.monotonic()
        async with await self._production.connect() as bus:
            bots, free = BotClient.on(bus, USER), asyncio.Semaphore(_AT_ONCE)

            async def create(number: int) -> None:
                creation = BotCreation(
                    bot=f"many-{number}",
                    strategy="recording",
                    exchange=EXCHANGES[number % len(EXCHANGES)],
                    environment="simulated",
                    pairs=(_QUIET,),
                    parameters={"path": f"{self._production.folder}/many-{number}.jsonl"},
                    request_id=uuid4().hex,
                )
                async with free:
                    await bots.create(creation, deadline_s=120)

            async with asyncio.TaskGroup() as tasks:
                for number in range(many):
                    tasks.create_task(create(number))
        say(f"{many} bots more run after {time.monotonic() - began:.0f} s")

        async def is_more() -> bool:
            return await self._hosts() > before

        await eventually(is_more, 300)
        say(f"KEDA has added a host {time.monotonic() - began:.0f} s after the first of {many} bots")
        await self._production.is_rolled_out("deployment/host")

    async def _hosts(self) -> int:
        return int(
            await self._production.kubectl("get", "deployment/host", "--output=jsonpath={.spec.replicas}")
        )


if __name__ == "__main__":
    sys.exit(asyncio.run(perform(Production(Path(sys.argv[1]).resolve()), ProductionSmoke)))
