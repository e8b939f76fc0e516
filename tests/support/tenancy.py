"""A broker with the accounts that `fillwire users` writes, the streams of the system and the tenants, and a door."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fillwire.bus.connection import Bus, Credentials
from fillwire.bus.credentials import JETSTREAM_API
from fillwire.bus.door import Door
from fillwire.bus.partitions import Partitions
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.tenants import API_PREFIX, TenantLimits
from fillwire.cli.users.accounts import FILE, accounts_conf
from fillwire.cli.users.placing import make_streams
from fillwire.cli.users.registry import Kind, Login, Registry, new_key, rotated, write_registry

_NOW = datetime.now(UTC)


class Tenancy:
    """Logs in as anybody of the registry.

    Attributes:
        broker: where; of a cluster the first.
        url: of all brokers.
        directory: holds `accounts.conf` and a file with the seed of each login.
        registry: who may log in.
        stack: closes what was opened.
        door: the door that is open, None if none is.
    """

    def __init__(
        self, broker: EmbeddedServer, directory: Path, registry: Registry, stack: AsyncExitStack
    ) -> None:
        self.broker = broker
        self.url = broker.url
        self.directory = directory
        self.registry = registry
        self.stack = stack
        self.door: Door | None = None

    def seed_path(self, name: str) -> Path:
        """Return where the secret of a login lies."""
        return self.directory / f"{name}.nk"

    def credentials(self, name: str) -> Credentials:
        """Return with what a login connects."""
        is_tenant = self.registry.logins[name].kind is Kind.TENANT
        return Credentials(
            nkey_seed_path=self.seed_path(name), api_prefix=API_PREFIX if is_tenant else JETSTREAM_API
        )

    async def connect(self, name: str, **options: object) -> Bus:
        """Return a connection as this login, closed at the end."""
        login = self.registry.logins[name]
        inbox = f"_INBOX_{name}" if login.kind is Kind.TENANT else login.inbox
        bus = await Bus.connect(
            self.url,
            name=name,
            credentials=self.credentials(name),
            inbox_prefix=inbox,
            **options,  # type: ignore[arg-type]  # passed through
        )
        return await self.stack.enter_async_context(bus)

    def rotate(self, name: str, **options: object) -> None:
        """Give a login a second key, and write both files; the broker has not read them."""
        key, seed = new_key(_NOW)
        login = rotated(self.registry.logins[name], key, _NOW, **options)  # type: ignore[arg-type]  # passed through
        self.registry = self.registry.with_login(login)
        self.seed_path(name).write_text(seed)
        self.write()

    def write(self) -> None:
        """Write the file of accounts as the registry has them."""
        (self.directory / FILE).write_bytes(accounts_conf(self.registry))


def registry_of(
    directory: Path, kinds: Mapping[str, Kind], limits: Mapping[str, TenantLimits] | None = None
) -> Registry:
    """Return a registry of these logins; a gateway's name is `gateway-<exchange>`. Their seeds are written as files."""
    registry = Registry()
    for name, kind in kinds.items():
        key, seed = new_key(_NOW)
        (directory / f"{name}.nk").write_text(seed)
        login = Login(name=name, kind=kind, limits=(limits or {}).get(name), keys=(key,))
        if kind is Kind.GATEWAY:
            login = replace(login, exchange=name.removeprefix("gateway-"))
        registry = registry.with_login(login)
    return registry


@asynccontextmanager
async def tenancy(  # noqa: PLR0913 - what a test varies
    directory: Path,
    kinds: Mapping[str, Kind],
    limits: Mapping[str, TenantLimits] | None = None,
    extra_config: str = "",
    *,
    partitions: int = 1,
    saved: bool = False,
) -> AsyncIterator[Tenancy]:
    """Run a broker for these logins, a control and a door among them, with all streams made and the door open.

    Args:
        directory: of everything.
        kinds: of the logins, by name.
        limits: of tenants, by name.
        extra_config: of the broker.
        partitions: of the log.
        saved: whether the registry is written there, too, for `fillwire users`.
    """
    logins = {"control": Kind.CONTROL, "door": Kind.DOOR, **kinds}
    registry = replace(registry_of(directory, logins, limits), partitions=Partitions(partitions))
    if saved:
        write_registry(directory, registry)
    (directory / FILE).write_bytes(accounts_conf(registry))
    config = f'include "../{FILE}"\n{extra_config}'
    async with EmbeddedServer(directory / "broker", extra_config=config) as broker, AsyncExitStack() as stack:
        made = Tenancy(broker, directory, registry, stack)
        control = await made.connect("control", partitions=partitions)
        await make_streams(control, registry.tenants, 1, 600.0)
        made.door = await stack.enter_async_context(Door(await made.connect("door")))
        yield made
