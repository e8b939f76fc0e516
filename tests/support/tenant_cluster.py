"""Three brokers with the accounts that `fillwire users` writes, and the streams of the system and the tenants."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fillwire.bus.server import EmbeddedServer
from fillwire.cli.users.accounts import FILE, accounts_conf
from fillwire.cli.users.placing import make_streams
from fillwire.cli.users.registry import Kind
from support.broker import cluster
from support.tenancy import Tenancy, registry_of


@asynccontextmanager
async def tenancy_in_cluster(
    directory: Path, kinds: Mapping[str, Kind]
) -> AsyncIterator[tuple[Tenancy, list[EmbeddedServer]]]:
    """Run three brokers for these logins, a control and a door among them, with all streams made; no door is open."""
    registry = registry_of(directory, {"control": Kind.CONTROL, "door": Kind.DOOR, **kinds})
    (directory / FILE).write_bytes(accounts_conf(registry))
    async with cluster(directory, f'include "../{FILE}"') as servers, AsyncExitStack() as stack:
        made = Tenancy(servers[0], directory, registry, stack)
        made.url = ",".join(server.url for server in servers)
        await make_streams(await made.connect("control"), registry.tenants, len(servers), 600.0)
        yield made, servers
