"""`fillwire door`: make the consumers that tenants' bots need, within bounds."""

from pathlib import Path

import click

from fillwire.bus.door import Door
from fillwire.bus.measuring import broker_source
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

    Any number of doors may run. Bots that run need none: only those that start, and those that watch a connection again.
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
        Door(bus),
        monitored(
            settings.monitoring, Metrics(broker_source(bus)), ready={"broker": bus.obstacle}
        ) as monitoring,
    ):
        announce_ready(monitoring=monitoring)
        await stop.wait()
