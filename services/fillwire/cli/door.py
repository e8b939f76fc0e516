"""`fillwire door`: make the consumers that tenants' bots need, within bounds, and keep tenants' mirrors going."""

from pathlib import Path

import click

from fillwire.bus.door import Door
from fillwire.bus.measuring import broker_source
from fillwire.bus.mirrors import MirrorWatch
from fillwire.cli.broker import connect, with_nats
from fillwire.cli.selecting import broker_options
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import configure_logs
from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.runtime.settings import Settings, load_settings

_NAME = "door"


@click.command(_NAME)
@broker_options
@click.pass_context
def command(ctx: click.Context, *, config: Path | None, nats: str | None) -> None:
    """Make consumers for tenants, who ask for them when their bots start, and see that these can do no harm.

    In a cluster it also gives a tenant's mirror that stands still another leader. Any number of doors may run. Bots that
    run need none: only those that start, those that watch a connection again, and all after the death of a server.
    """
    follow_parent()
    configure_logs()
    settings = with_nats(load_settings(config), nats)
    ctx.exit(run(lambda stop: serve(settings, stop)))


async def serve(settings: Settings, stop: Stop) -> None:
    """Answer until `stop` is requested.

    Raises:
        FillwireError: no broker, or it refuses us.
    """
    async with (
        await connect(settings, name=_NAME, inbox=_NAME) as bus,
        Door(bus) as door,
        MirrorWatch(bus) as mirrors,
        monitored(
            settings.monitoring,
            Metrics(broker_source(bus), door.measure, mirrors.measure),
            ready={"broker": bus.obstacle},
        ) as monitoring,
    ):
        announce_ready(monitoring=monitoring)
        await stop.wait()
