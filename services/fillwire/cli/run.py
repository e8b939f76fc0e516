"""`fillwire run`: run bots, from files or classes, until told to stop."""

import asyncio
import gc
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from fillwire.bots.catalogue import SHIPPED
from fillwire.bus.connection import Bus
from fillwire.cli.broker import connect, with_nats
from fillwire.domain import defaults
from fillwire.domain.errors import ConfigError, HandlerError
from fillwire.domain.identifiers import Account
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import configure_logs
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.runtime.settings import Settings, load_settings
from fillwire.runtime.supervision import unless_stopped
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.sdk.bot import Bot, bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.loading import explain_start, load_strategies
from fillwire.sdk.parameters import accepted_by, parse_parameters
from fillwire.sdk.starting import StartFrom, parse_start
from fillwire.sdk.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line says of the account, where the strategies leave it open."""

    user: str | None
    exchange: str | None
    environment: str | None


@click.command("run")
@click.argument("bots", nargs=-1, required=True, metavar="BOT...")
@click.option("--user", help="Whose orders, unless the strategy says so itself.")
@click.option("--exchange", help=f"Venue and product.  [default: {defaults.EXCHANGE}]")
@click.option("--environment", help=f"Such as live or testnet.  [default: {defaults.ENVIRONMENT}]")
@click.option("--nats", metavar="URL", help="The broker; overrides the settings.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings, as JSON.")
@click.option(
    "--start",
    metavar="WHEN",
    help="Where a bot begins that never ran: now, beginning, or a time such as 2026-01-31T08:00:00+00:00.  "
    "[default: as the strategy says, else now]",
)
@click.option(
    "--fast-lane/--no-fast-lane",
    default=False,
    help="Tell bots of a fill from its live copy where that keeps the order.",
)
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="Argument of the strategies' classes."
)
@click.pass_context
def command(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    bots: Sequence[str],
    user: str | None,
    exchange: str | None,
    environment: str | None,
    nats: str | None,
    config: Path | None,
    start: str | None,
    fast_lane: bool,
    params: Sequence[str],
) -> None:
    """Run bots until interrupted.

    A BOT is a Python file, of which every strategy runs, a class as package.module:Class, or one that comes with
    Fillwire, such as grid or dca. Each bot resumes where it stopped, and says so; --start is for one that never ran. One
    process runs a bot at a time.
    """
    follow_parent()
    strategies = _load(bots, params)
    settings = with_nats(load_settings(config), nats)
    choice = Choice(user, exchange, environment)
    start_from = None if start is None else parse_start(start)
    chosen = [_bot(strategy, choice, settings, start_from) for strategy in strategies]
    configure_logs()
    ctx.exit(run(lambda stop: serve(chosen, settings, stop, fast_lane=fast_lane)))


async def serve(bots: Sequence[Bot], settings: Settings, stop: Stop, *, fast_lane: bool = False) -> None:
    """Run the bots until `stop` is requested.

    Raises:
        FillwireError: a bot does not start, the broker is away at the start, or a part of the host ended.
    """
    async with (
        FillTelemetry.start(
            "fillwire-host",
            f"{socket.gethostname()}-{os.getpid()}",
            sample_ratio=settings.telemetry.sample_ratio,
        ) as telemetry,
        await _connect(settings, bots) as bus,
        Host(
            bus,
            telemetry=telemetry,
            replicas=settings.nats.replicas,
            fast_lane=fast_lane,
            positions=settings.nats.positions,
        ) as host,
        monitored(
            settings.monitoring,
            telemetry.metrics,
            ready={"broker": bus.obstacle, "bots": host.bots_obstacle},
        ) as monitoring,
    ):
        if not await unless_stopped(stop, _start_all(host, bots)):
            return
        # What was made until now lives as long as the process. Unless told so, the collector looks through it again and
        # again, and a bot waits for tens of milliseconds.
        gc.collect()
        gc.freeze()
        announce_ready(bots=[bot.name for bot in bots], monitoring=monitoring)
        await unless_stopped(stop, host.failed())


async def _start_all(host: Host, bots: Sequence[Bot]) -> None:
    async with asyncio.TaskGroup() as group:
        for bot in bots:
            group.create_task(_add(host, bot), name=f"start {bot.name}")


async def _add(host: Host, bot: Bot) -> None:
    try:
        await host.add(bot)
    except HandlerError as error:
        raise explain_start(bot, error) from error


async def _connect(settings: Settings, bots: Sequence[Bot]) -> Bus:
    users = sorted({bot.account.user for bot in bots})
    return await connect(settings, name=f"host-{','.join(users)}", inbox=users[0])


def _load(bots: Sequence[str], params: Sequence[str]) -> list[Strategy]:
    parameters = parse_parameters(params)
    strategies = [
        strategy for target in bots for strategy in load_strategies(SHIPPED.get(target, target), parameters)
    ]
    unknown = parameters.keys() - set().union(*(accepted_by(type(strategy)) for strategy in strategies))
    if unknown:
        raise ConfigError(f"parameter {min(unknown)} is taken by no strategy of {', '.join(bots)}")
    return strategies


def _bot(strategy: Strategy, choice: Choice, settings: Settings, start_from: StartFrom | None) -> Bot:
    """Return the bot: the strategy's own word on its account first, then the command line's, then the settings'."""
    only = settings.accounts[0] if len(settings.accounts) == 1 else None
    user = choice.user or (only.user if only else None)
    if user is None and strategy.user is None:
        raise ConfigError(
            f'bot {strategy.name} has no user: expected --user, or user = "…" in {type(strategy).__name__}'
        )
    default = Account(
        user or "",
        choice.exchange or (only.exchange if only else defaults.EXCHANGE),
        choice.environment or (only.environment if only else defaults.ENVIRONMENT),
    )
    return bot_of(strategy, default, start_from=start_from)
