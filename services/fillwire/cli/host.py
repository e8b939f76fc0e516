"""`fillwire host`: run a share of the bots that the manager knows, until told to stop."""

import gc
import os
import socket
from pathlib import Path

import click

from fillwire.bots.catalogue import Catalogue
from fillwire.bots.host import BotHost
from fillwire.bots.policy import HostPolicy
from fillwire.cli.broker import connect, with_nats
from fillwire.cli.selecting import broker_options
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import configure_logs
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.runtime.settings import Settings, load_settings
from fillwire.runtime.supervision import unless_stopped
from fillwire.runtime.telemetry import FillTelemetry


@click.command("host")
@broker_options
@click.option(
    "--name", help="Of this process, by which bots are shared.  [default: made of host and process]"
)
@click.option(
    "--fast-lane/--no-fast-lane",
    default=False,
    help="Tell bots of a fill from its live copy where that keeps the order.",
)
@click.pass_context
def command(
    ctx: click.Context, *, config: Path | None, nats: str | None, name: str | None, fast_lane: bool
) -> None:
    """Run bots that were created with `fillwire bots`. Any number of hosts share them, and take over from one that dies."""
    follow_parent()
    configure_logs()
    host = name or f"host-{socket.gethostname()}-{os.getpid()}"
    ctx.exit(run(lambda stop: serve(with_nats(load_settings(config), nats), host, stop, fast_lane=fast_lane)))


async def serve(settings: Settings, name: str, stop: Stop, *, fast_lane: bool = False) -> None:
    """Run bots until `stop` is requested.

    Raises:
        FillwireError: no broker, it refuses us, or a part of the host ended.
    """
    async with (
        FillTelemetry.start("fillwire-host", name, sample_ratio=settings.telemetry.sample_ratio) as telemetry,
        await connect(settings, name=name, inbox="host") as bus,
        BotHost(
            bus,
            Catalogue(settings.bots.directories, settings.bots.modules),
            HostPolicy.of(settings.bots),
            name=name,
            telemetry=telemetry,
            replicas=settings.nats.replicas,
            fast_lane=fast_lane,
            positions=settings.nats.positions,
        ) as host,
        monitored(
            settings.monitoring,
            telemetry.metrics,
            ready={"broker": bus.obstacle, "session": host.obstacle, "bots": host.bots_obstacle},
        ) as monitoring,
    ):
        gc.collect()
        gc.freeze()  # as `fillwire run`: else the collector stops the bots for tens of milliseconds
        announce_ready(name=name, monitoring=monitoring)
        await unless_stopped(stop, host.failed())
