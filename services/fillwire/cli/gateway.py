"""`fillwire gateway`: hold one exchange's connections, for all accounts that bots listen to."""

import gc
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from fillwire.cli.broker import connect, with_nats
from fillwire.domain import defaults
from fillwire.gateway.service import Gateway
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import configure_logs
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.runtime.settings import AccountsRead, Settings, load_accounts, load_settings
from fillwire.runtime.supervision import unless_stopped
from fillwire.runtime.telemetry import FillTelemetry


@click.command("gateway")
@click.option("--exchange", required=True, help=f"Whose connections to hold, such as {defaults.EXCHANGE}.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings, as JSON.")
@click.option("--nats", metavar="URL", help="The broker; overrides the settings.")
@click.option(
    "--name", help="Of this process, in connection events.  [default: made of exchange, host and process]"
)
@click.pass_context
def command(
    ctx: click.Context, *, exchange: str, config: Path | None, nats: str | None, name: str | None
) -> None:
    """Connect to an exchange and publish every order event of the accounts that bots listen to.

    An account is connected when the first bot asks for it, and disconnected some seconds after the last has left.
    """
    follow_parent()

    def load() -> Settings:
        return with_nats(load_settings(config), nats)

    gateway = name or f"gateway-{exchange}-{socket.gethostname()}-{os.getpid()}"
    ctx.exit(run(lambda stop: serve(exchange, gateway, load, partial(load_accounts, config), stop)))


async def serve(
    exchange: str,
    name: str,
    load: Callable[[], Settings],
    load_keys: Callable[[], AccountsRead],
    stop: Stop,
) -> None:
    """Hold the connections of one exchange until `stop` is requested.

    Args:
        exchange: which exchange.
        name: of this process.
        load: reads the settings.
        load_keys: reads the accounts again, for keys that were replaced.
        stop: asks for the end.

    Raises:
        FillwireError: unknown exchange, bad settings, no broker, or a part of the gateway ended.
    """
    configure_logs()
    settings = load()
    telemetry = FillTelemetry.start("fillwire-gateway", name, sample_ratio=settings.telemetry.sample_ratio)
    gateway = Gateway(settings, exchange, name=name, telemetry=telemetry, load=load_keys)
    async with (
        telemetry,
        await connect(settings, name=name, inbox=f"gateway-{exchange}") as bus,
        gateway.running(bus),
        monitored(
            settings.monitoring,
            telemetry.metrics,
            ready={"broker": bus.obstacle, "accounts": gateway.accounts_obstacle},
        ) as monitoring,
    ):
        _quieten_collector()
        accounts = sorted(map(str, gateway.accounts_with_key))
        announce_ready(exchange=exchange, name=name, accounts=accounts, monitoring=monitoring)
        await unless_stopped(stop, gateway.failed())


def _quieten_collector() -> None:
    """Keep the collector of reference cycles from stopping fills.

    By default it looks through everything that lives every few hundred fills: 6 µs of each fill, and pauses of tens of
    milliseconds. A fill leaves no cycle behind, so what there is now is never looked at again, and the rest seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
