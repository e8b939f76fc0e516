"""What `deploy.production` has brought up, traded on, broken, rolled and scaled; nothing may be lost.

    nsenter --net=/run/netns/fillwire-cluster .venv/bin/python -m deploy.production_smoke DIRECTORY  with PYTHONPATH=tests

As `deploy.cluster_smoke`, and besides: the brokers are rolled while fills come, a tenant is let in by a change of the secret
that the brokers read, and KEDA adds a host when bots are more than two should have.
"""

import asyncio
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiohttp

from deploy.cluster_smoke import ClusterSmoke, perform
from deploy.production import Production, accounts
from deploy.smoke import ENVIRONMENT, EXCHANGES, STAGES, USER, say
from fillwire.bots.client import BotClient
from fillwire.bus.connection import Bus
from fillwire.bus.credentials import Credentials
from fillwire.bus.tenants import API_PREFIX
from fillwire.bus.tls import TlsFiles
from fillwire.domain.bots import BotCreation
from fillwire.domain.errors import BrokerError
from support.eventually import eventually

# KEDA counts 250 for each host, and begins with two.
_MANY: Final = 560
_AT_ONCE: Final = 16
_WHILE_BROKERS_ROLL: Final = 5_000  # for as long as that takes
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
        await self._is_accounted_for()
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

    async def _is_scaled(self) -> None:
        """Have more bots run than two hosts should have."""
        before = await self._hosts()
        assert before == 2, f"{before} hosts, expected two"
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
                for number in range(_MANY):
                    tasks.create_task(create(number))
        say(f"{_MANY} bots more run after {time.monotonic() - began:.0f} s")

        async def is_more() -> bool:
            return await self._hosts() > before

        await eventually(is_more, 300)
        say(f"KEDA has added a host {time.monotonic() - began:.0f} s after the first of {_MANY} bots")
        await self._production.is_rolled_out("deployment/host")

    async def _hosts(self) -> int:
        return int(
            await self._production.kubectl("get", "deployment/host", "--output=jsonpath={.spec.replicas}")
        )


if __name__ == "__main__":
    sys.exit(asyncio.run(perform(Production(Path(sys.argv[1]).resolve()), ProductionSmoke)))
