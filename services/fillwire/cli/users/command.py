"""`fillwire users`: who may log in to the broker."""

import os
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import orjson
from rich.table import Table

from fillwire.bus.connection import Bus
from fillwire.bus.dividing import require_division
from fillwire.bus.partitions import Partitions
from fillwire.bus.tenants import TenantLimits
from fillwire.cli.moments import span
from fillwire.cli.selecting import agree, all_of, broker_options, json_option, with_broker, yes_option
from fillwire.cli.showing import show
from fillwire.cli.users.accounts import granted
from fillwire.cli.users.placing import (
    broker_process,
    delete_streams,
    left_streams,
    make_streams,
    place,
    reload_broker,
)
from fillwire.cli.users.registry import (
    Kind,
    Login,
    Registry,
    checked_name,
    locked,
    new_key,
    read_registry,
    rotated,
)
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import escape_token
from fillwire.runtime.redaction import printable
from fillwire.runtime.settings import Settings, load_settings
from fillwire.sdk.places import SENT_AHEAD

DIRECTORY: Final = "fillwire-broker"
_LIMITS: Final = tuple(item.name for item in fields(TenantLimits))

_directory_option = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=DIRECTORY,
    show_default=True,
    help="Holds users.json and accounts.conf.",
)
_writing_options = all_of(
    _directory_option,
    click.option(
        "--reload",
        metavar="PID",
        help="Have the broker of this process id, or pid file, read its file again.",
    ),
)
_seed_option = click.option(
    "--seed",
    "seed_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the secret there, readable by you alone; without it, it is printed, once.",
)


@click.group("users")
def command() -> None:
    """Say who may log in to the broker, and write its accounts.

    The truth is users.json; accounts.conf is made from it, for `include accounts.conf` in the broker's configuration.
    Neither holds a secret: the broker knows public keys only.
    """


@command.command("add")
@click.argument("name")
@click.option(
    "--kind", type=click.Choice([kind.value for kind in Kind]), default=Kind.TENANT.value, show_default=True
)
@click.option("--exchange", help="Of a gateway.")
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=NUMBER", help=f"Of a tenant: {', '.join(_LIMITS)}."
)
@_seed_option
@_writing_options
def add(  # noqa: PLR0913 - the options of a command
    *,
    name: str,
    kind: str,
    exchange: str | None,
    limits: Sequence[str],
    seed_path: Path | None,
    directory: Path,
    reload: str | None,
) -> None:
    """Let NAME log in: a tenant, with an account of their own, or a service of the system."""
    _require_exchange(Kind(kind), exchange)
    login = Login(
        name=checked_name(name), kind=Kind(kind), exchange=exchange, limits=_limits(Kind(kind), limits)
    )
    with locked(directory):
        found = read_registry(directory)
        if name in found.logins:
            raise ConfigError(f"user {name!r} exists: expected another name, or fillwire users rotate")
        _with_new_key(directory, found, seed_path, reload, lambda key, _: replace(login, keys=(key,)))
    if login.tenant is not None:
        click.echo(f"next: fillwire users apply, which makes the streams of {printable(name)}")


@command.command("rotate")
@click.argument("name")
@click.option(
    "--overlap", default="24h", show_default=True, help="For so long the old secret stays valid, too."
)
@_seed_option
@_writing_options
def rotate(*, name: str, overlap: str, seed_path: Path | None, directory: Path, reload: str | None) -> None:
    """Give NAME a new secret; the old one ends with the first `fillwire users` command after the overlap."""
    overlapping = span(overlap, "--overlap")
    with locked(directory):
        found = read_registry(directory)
        login = found.require(name)
        _with_new_key(
            directory, found, seed_path, reload, lambda key, now: rotated(login, key, now, overlapping)
        )


@command.command("remove")
@click.argument("name")
@yes_option
@_writing_options
def remove(*, name: str, yes: bool, directory: Path, reload: str | None) -> None:
    """Let NAME log in no more; with --reload they are cut off at once."""
    agree(f"Cut off {printable(name)}?", yes=yes)
    with locked(directory):
        found = read_registry(directory)
        found.require(name)
        _place_and_reload(directory, found.without(name), reload)


@command.command("rights")
@click.argument("kind", type=click.Choice([kind.value for kind in Kind if kind is not Kind.TENANT]))
@click.option("--exchange", help="Of a gateway.")
@_directory_option
def rights(*, kind: str, exchange: str | None, directory: Path) -> None:
    """Print what a service of this KIND may do, as a user in the broker's configuration says it."""
    _require_exchange(Kind(kind), exchange)
    login = Login(name=kind, kind=Kind(kind), exchange=exchange)
    document = granted(login, read_registry(directory))
    if not document:
        click.echo(f"{kind}: everything of the system's account", err=True)
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


@command.command("list")
@_directory_option
@json_option
def list_(*, directory: Path, as_json: bool) -> None:
    """Show who may log in."""
    found = read_registry(directory).at(datetime.now(UTC))
    logins = [found.logins[name] for name in sorted(found.logins)]
    if as_json:
        click.echo(orjson.dumps([_facts(login) for login in logins], option=orjson.OPT_INDENT_2).decode())
        return
    if not logins:
        click.echo("nobody may log in")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "kind", "exchange", "key", "since", "until"):
        table.add_column(column, overflow="fold")
    for login in logins:
        for key in login.keys:
            until = "-" if key.until is None else key.until.isoformat(timespec="seconds")
            table.add_row(
                printable(login.name),
                login.kind,
                printable(login.exchange or "-"),
                key.nkey,
                key.since.isoformat(timespec="seconds"),
                until,
            )
    show(table)


@command.command("apply")
@click.option("--prune", is_flag=True, help="Delete what is left of tenants who were removed.")
@yes_option
@_writing_options
@broker_options
@click.pass_context
def apply(  # noqa: PLR0913 - the options of a command
    ctx: click.Context,
    *,
    prune: bool,
    yes: bool,
    directory: Path,
    reload: str | None,
    config: Path | None,
    nats: str | None,
) -> None:
    """Write accounts.conf anew, without secrets whose time is over, and make all streams at the broker.

    The settings name the broker, and a login of the kind control, and say into how many partitions the log is divided.
    """
    partitions = Partitions(load_settings(config).nats.partitions)
    is_as_before = read_registry(directory, must_exist=True).partitions == partitions
    if prune:
        agree(f"Delete all that is kept of tenants who are not in {directory}?", yes=yes)

    def written() -> Registry:
        with locked(directory):
            found = read_registry(directory, must_exist=True)  # with none, all tenants would be cut off
            return _place_and_reload(directory, replace(found, partitions=partitions), reload)

    placed = written() if is_as_before else None

    async def act(bus: Bus, settings: Settings) -> int:
        registry = placed
        if (
            registry is None
        ):  # the broker is to divide the log otherwise: not where that would hide what it holds
            await require_division(bus)
            registry = written()
        window_s = settings.nats.duplicate_window_ms / 1e3
        await make_streams(bus, registry.tenants, settings.nats.replicas, window_s)
        left = await left_streams(bus, registry.tenants)
        if prune:
            await delete_streams(bus, left)
        elif left:
            click.echo(
                f"left of tenants who were removed: {', '.join(left)}; fillwire users apply --prune deletes it"
            )
        click.echo(f"streams of {len(registry.tenants)} tenants are there")
        return 0

    with_broker(ctx, config, nats, "control", act)


@command.command("streams")
@_directory_option
@broker_options
@click.pass_context
def streams(ctx: click.Context, *, directory: Path, config: Path | None, nats: str | None) -> None:
    """Make all streams at the broker, and write no file: for where the directory can only be read.

    The settings name the broker, and a login of the kind control.
    """
    tenants = read_registry(directory, must_exist=True).tenants  # with none, nothing is taken from tenants

    async def act(bus: Bus, settings: Settings) -> int:
        await make_streams(bus, tenants, settings.nats.replicas, settings.nats.duplicate_window_ms / 1e3)
        click.echo(f"streams of {len(tenants)} tenants are there")
        return 0

    with_broker(ctx, config, nats, "control", act)


def _with_new_key(
    directory: Path,
    registry: Registry,
    seed_path: Path | None,
    reload: str | None,
    login_of: Callable[[Any, datetime], Login],
) -> None:
    process = None if reload is None else broker_process(reload)
    now = datetime.now(UTC)
    key, seed = new_key(now)
    login = login_of(key, now)
    if seed_path is not None:
        _write_seed(seed_path, seed)
    try:
        path = _place(directory, registry.with_login(login))[1]
    except BaseException:
        if seed_path is not None:
            seed_path.unlink(missing_ok=True)
        raise
    if seed_path is None:
        click.echo(f"seed of {printable(login.name)}, shown once: {seed}")
    else:
        click.echo(f"seed of {printable(login.name)} written to {seed_path}")
    _reload(process, path)  # last: whatever becomes of it, the key is there, and its seed is told


def _place_and_reload(directory: Path, registry: Registry, reload: str | None) -> Registry:
    """Write both files and reload the broker; return what is valid of the registry."""
    process = None if reload is None else broker_process(reload)
    valid, path = _place(directory, registry)
    _reload(process, path)
    return valid


def _place(directory: Path, registry: Registry) -> tuple[Registry, Path]:
    """Write both files; return what is valid of the registry, and where the broker's file is."""
    valid = registry.at(datetime.now(UTC))
    _require_distinct(valid)
    return valid, place(directory, valid)


def _reload(process: int | None, path: Path) -> None:
    if process is not None:
        reload_broker(process)
    else:
        click.echo(f"{path} written; the broker reads it again by: nats-server --signal reload=PID", err=True)


def _write_seed(path: Path, seed: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{seed}\n")
        except OSError:  # such as a full disk: what is left of it would be in the way of the next try
            path.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise ConfigError(f"--seed {path}: expected a file that does not exist yet") from None
    except OSError as error:
        raise ConfigError(f"--seed {path}: cannot be written, {error.strerror or error}") from error


def _require_exchange(kind: Kind, exchange: str | None) -> None:
    if (kind is Kind.GATEWAY) != (exchange is not None):
        raise ConfigError(
            "--exchange: expected the exchange of a gateway, found none"
            if exchange is None
            else f"--exchange: expected it with --kind gateway only, found it with {kind}"
        )


def _require_distinct(registry: Registry) -> None:
    accounts: dict[str, str] = {}
    for tenant in registry.tenants:
        # Names of streams are told apart by case by the broker, and not by every file system.
        other = accounts.setdefault(escape_token(tenant.user).lower(), tenant.user)
        if other != tenant.user:
            raise ConfigError(
                f"user {tenant.user!r} differs from {other!r} by the case of letters only: expected another name"
            )


def _limits(kind: Kind, texts: Sequence[str]) -> TenantLimits | None:
    if kind is not Kind.TENANT:
        if texts:
            raise ConfigError(f"--limit: expected it with --kind tenant only, found it with {kind}")
        return None
    limits = TenantLimits()
    for text in texts:
        name, _, number = text.partition("=")
        if name not in _LIMITS or not number.isdigit() or int(number) < 1:
            raise ConfigError(
                f"--limit {text}: expected one of {', '.join(_LIMITS)}, then = and a positive number"
            )
        limits = replace(limits, **{name: int(number)})
    if limits.ack_pending < SENT_AHEAD:
        raise ConfigError(
            f"--limit ack_pending={limits.ack_pending}: expected at least {SENT_AHEAD}, which one bot takes"
        )
    return limits


def _facts(login: Login) -> dict[str, Any]:
    keys = [{"nkey": key.nkey, "since": key.since, "until": key.until} for key in login.keys]
    return {
        "name": login.name,
        "kind": login.kind,
        "exchange": login.exchange,
        "limits": login.limits,
        "keys": keys,
    }
