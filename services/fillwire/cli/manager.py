"""`fillwire manager`: answer what users ask about their bots."""

import os
import socket
from pathlib import Path

import click

from fillwire.bots.catalogue import Catalogue
from fillwire.bots.manager import BotManager
from fillwire.bots.service import ManagerService
from fillwire.bus.measuring import broker_source
from fillwire.cli.broker import connect, with_nats
from fillwire.cli.selecting import broker_options
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import configure_logs
from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.runtime.settings import Settings, load_settings


@click.command("manager")
@broker_options
@click.option("--name", help="Of this process.  [default: made of host and process]")
@click.pass_context
def command(ctx: click.Context, *, config: Path | None, nats: str | None, name: str | None) -> None:
    """Create, start, pause, stop and remove bots as their users ask, by `fillwire bots` or by NATS.

    Any number of managers may run; what they write is done by hosts, see `fillwire host`.
    """
    follow_parent()
    configure_logs()
    manager = name or f"manager-{socket.gethostname()}-{os.getpid()}"
    ctx.exit(run(lambda stop: serve(with_nats(load_settings(config), nats), manager, stop)))


async def serve(settings: Settings, name: str, stop: Stop) -> None:
    """Answer until `stop` is requested.

    Raises:
        FillwireError: no broker, or it refuses us.
    """
    catalogue = Catalogue(settings.bots.directories, settings.bots.modules)
    async with (
        await connect(settings, name=name, inbox="manager") as bus,
        BotManager(
            bus,
            catalogue,
            name=name,
            lease_s=settings.bots.lease_ms / 1e3,
            replicas=settings.nats.replicas,
        ) as manager,
        ManagerService(bus, manager),
        monitored(
            settings.monitoring,
            Metrics(broker_source(bus)),
            ready={"broker": bus.obstacle, "session": manager.obstacle},
        ) as monitoring,
    ):
        announce_ready(name=name, monitoring=monitoring)
        await stop.wait()
