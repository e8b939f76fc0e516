"""`fillwire console`: the web page for operators and users."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from fillwire.bus.connection import Bus
from fillwire.bus.measuring import broker_source
from fillwire.cli.broker import connect, with_nats
from fillwire.cli.console_parts import LogWays, RecordedTrades
from fillwire.cli.databases import chosen_database
from fillwire.cli.selecting import broker_options
from fillwire.console.bots import BotsSection
from fillwire.console.service import Console, Routes
from fillwire.console.trades import TradesSection
from fillwire.console.trouble import TroubleSection
from fillwire.console.ways import WaysSection
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import configure_logs
from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.runtime.settings import (
    ConsoleUsersRead,
    Settings,
    chosen_file,
    load_console_users,
    load_settings,
)
from fillwire.runtime.supervision import unless_stopped

_NAME = "console"


@click.command(_NAME)
@broker_options
@click.pass_context
def command(ctx: click.Context, *, config: Path | None, nats: str | None) -> None:
    """Serve the console until interrupted: connections and fills as they happen, in a browser.

    Who may log in stands in the settings (`console.users`): each has a token, and sees their own accounts, or
    everybody's with the role `admin`.
    """
    follow_parent()
    configure_logs()
    settings = with_nats(load_settings(config), nats)
    load = partial(load_console_users, chosen_file(config))
    ctx.exit(run(lambda stop: serve(settings, load, stop)))


def sections(bus: Bus, settings: Settings) -> dict[str, Routes]:
    """Return the parts of the page: what the console knows by the broker, and what other rooms know."""
    return {
        "bots": BotsSection(bus).routes,
        "trouble": TroubleSection(bus, settings.nats.replicas).routes,
        "ways": WaysSection(LogWays(bus)).routes,
        "trades": TradesSection(RecordedTrades(chosen_database(settings, None))).routes,
    }


async def serve(settings: Settings, load: Callable[[], ConsoleUsersRead], stop: Stop) -> None:
    """Serve until `stop` is requested.

    Args:
        settings: as the process was started with.
        load: reads anew who may log in.
        stop: the request.

    Raises:
        FillwireError: nobody may log in, the port cannot be had, there is no broker, or a part of the console ended.
    """
    async with (
        await connect(settings, name=_NAME, inbox=_NAME) as bus,
        Console(
            bus, settings.console, sections(bus, settings), load=load, replicas=settings.nats.replicas
        ) as console,
        monitored(
            settings.monitoring, Metrics(broker_source(bus), console.measure), ready={"broker": bus.obstacle}
        ) as monitoring,
    ):
        announce_ready(console=console.address, monitoring=monitoring)
        click.echo(f"fillwire: the console is at {console.address}", err=True)
        await unless_stopped(stop, console.failed())
