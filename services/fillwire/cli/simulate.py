"""`fillwire simulate`: a venue of one's own, that speaks the real protocol."""

from collections.abc import Sequence
from pathlib import Path

import click

from fillwire.domain import defaults
from fillwire.domain.errors import ConfigError, FillwireError
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.registry import SIMULATORS
from fillwire.simulator.settings import (
    AccountSettings,
    LimitSettings,
    SimulatorSettings,
    load_accounts,
    parse_account,
)

_STOP_DEADLINE_S = 5.0


@click.command("simulate")
@click.option("--exchange", default=defaults.EXCHANGE, show_default=True, help="Which venue to simulate.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, help="Port to listen on; 0 takes any free one.")
@click.option(
    "--account",
    "account_texts",
    multiple=True,
    metavar="USER:APIKEY:SECRET",
    help="An account; @FILE as secret is a public key in PEM form, SECRET:PASSPHRASE where the venue has passphrases. May be repeated, also for one user.",
)
@click.option(
    "--accounts-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Accounts as JSON: a list of objects with user, keys, balances, maker_rate, taker_rate, pays_in_bnb.",
)
@click.option("--seed", default=1, show_default=True, help="Of prices, ids and faults.")
@click.option("--ping-interval", default=20.0, show_default=True, help="Seconds between pings of the server.")
@click.option("--lifetime", default=86_400.0, show_default=True, help="Seconds a connection lives.")
@click.option("--query-lag", default=0.0, show_default=True, help="Seconds by which queries lag.")
@click.option("--skew-ms", default=0, show_default=True, help="Venue clock minus machine clock.")
@click.option(
    "--market-interval",
    default=1.0,
    show_default=True,
    help="Seconds between steps of the price process; 0 stands still.",
)
@click.option(
    "--connection-limit", default=300, show_default=True, help="Connection attempts per address in 5 minutes."
)
@click.option(
    "--weight-limit", default=6000, show_default=True, help="Request weight per address in a minute."
)
@click.pass_context
def command(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    exchange: str,
    host: str,
    port: int,
    account_texts: Sequence[str],
    accounts_file: Path | None,
    seed: int,
    ping_interval: float,
    lifetime: float,
    query_lag: float,
    skew_ms: int,
    market_interval: float,
    connection_limit: int,
    weight_limit: int,
) -> None:
    """Simulate an exchange: WebSocket, REST API and matching engine on one port.

    Faults, prices and scripted executions are controlled below /sim/ on the same port.
    """
    follow_parent()
    if exchange not in SIMULATORS:
        raise ConfigError(f"exchange: expected {' or '.join(SIMULATORS)}, found {exchange!r}")
    accounts = tuple(parse_account(text) for text in account_texts)
    if accounts_file is not None:
        accounts += load_accounts(accounts_file)
    settings = SimulatorSettings(
        host=host,
        port=port,
        seed=seed,
        ping_interval_s=ping_interval,
        lifetime_s=lifetime,
        query_lag_s=query_lag,
        skew_ms=skew_ms,
        market_interval_s=market_interval,
        accounts=accounts,
        limits=LimitSettings(connections_per_5_minutes=connection_limit, weight_per_minute=weight_limit),
    )
    simulator = SIMULATORS[exchange](settings)
    ctx.exit(
        run(
            lambda stop: _serve(simulator, stop, shows_demo_keys=not accounts),
            shutdown_deadline_s=_STOP_DEADLINE_S,
        )
    )


async def _serve(simulator: Simulator, stop: Stop, *, shows_demo_keys: bool) -> None:
    try:
        await simulator.start()
    except ConfigError as error:
        raise FillwireError(str(error)) from error  # the settings are sound, the machine is busy: exit 1
    try:
        _introduce(simulator, shows_demo_keys=shows_demo_keys)
        announce_ready(
            exchange=simulator.exchange,
            rest=simulator.rest_url,
            websocket=simulator.websocket_url,
            control=f"{simulator.rest_url}/sim",
            users=[account.user for account in simulator.settings.accounts],
        )
        await stop.wait()
    finally:
        await simulator.stop()


def _key_line(account: AccountSettings) -> str:
    return f"  {account.user}: {', '.join(key.api_key for key in account.keys)}"


def _introduce(simulator: Simulator, *, shows_demo_keys: bool) -> None:
    """Tell a person where the venue is and with which keys it can be used."""
    lines = [
        f"{simulator.exchange} simulator",
        f"  REST       {simulator.rest_url}",
        f"  WebSocket  {simulator.websocket_url}",
        f"  control    {simulator.rest_url}/sim/",
        "API keys",
        *(_key_line(account) for account in simulator.settings.accounts),
    ]
    if shows_demo_keys:
        lines += ["keys of user demo", *simulator.demo.introduction]
    click.echo("\n".join(lines), err=True)
