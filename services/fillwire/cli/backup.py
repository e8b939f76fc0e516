"""`fillwire backup` and `fillwire restore`: all streams and buckets into a directory, and from there into an empty broker."""

import importlib.metadata
import sys
import time
from functools import partial
from pathlib import Path
from typing import Self

import click

from fillwire.bus.backups import Backup, make_backup, read_backup, restore_backup
from fillwire.bus.buckets import PLACEMENTS, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.restored import mark_restored
from fillwire.cli.selecting import broker_options, with_broker
from fillwire.cli.showing import time_text
from fillwire.runtime.settings import Settings

_MIB = 1 << 20
_SHOWN_EVERY_S = 0.2

_directory = click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")


@click.command("backup")
@_directory
@broker_options
@click.pass_context
def backup(ctx: click.Context, *, directory: Path, config: Path | None, nats: str | None) -> None:
    """Write all streams and buckets of the broker into DIR, which is made, while everything goes on.

    DIR is there when all of it is written and on disk, or not at all. It holds trades and what bots are, but no keys.
    """

    async def act(bus: Bus, _settings: Settings) -> int:
        with _Progress("read") as progress:
            version = importlib.metadata.version("fillwire")
            made = await make_backup(bus, directory, version, progress)
        click.echo(f"backup {directory}: {_contents(made)}")
        return 0

    with_broker(ctx, config, nats, "backup", act)


@click.command("restore")
@_directory
@broker_options
@click.pass_context
def restore(ctx: click.Context, *, directory: Path, config: Path | None, nats: str | None) -> None:
    """Make the streams and buckets of the backup in DIR on a broker that has none of them.

    All of the backup is read and compared with its checksums before the broker is touched. Stop all services first, and
    start them afterwards: gateways ask the exchanges for what was executed since the backup.
    """
    with _Progress("checked") as progress:
        chosen = read_backup(directory, progress)

    async def act(bus: Bus, settings: Settings) -> int:
        replicas = settings.nats.replicas
        with _Progress("restored") as progress:
            await restore_backup(bus, chosen, replicas, partial(_mark, bus, replicas), progress)
        click.echo(f"restored {directory} of {time_text(chosen.made_ns)} UTC: {_contents(chosen)}")
        return 0

    with_broker(ctx, config, nats, "restore", act)


async def _mark(bus: Bus, replicas: int) -> None:
    """Have gateways ask the exchange before they send an order, and the log before they send an event again."""
    await ensure_buckets(bus, replicas, (PLACEMENTS,))
    await mark_restored(bus, time.time_ns())


def _contents(backup: Backup) -> str:
    size = sum(archive.size_bytes for archive in backup.archives) / _MIB
    log = backup.partitions.streams
    orders = sum(each.message_count for each in backup.archives if each.name in log)
    return f"{len(backup.archives)} streams and buckets, {orders} order events, {size:.1f} MiB"


class _Progress:
    """Says on a terminal how far it is, on one line that is cleared at the end; elsewhere nothing."""

    def __init__(self, done: str) -> None:
        self._done = done
        self._is_shown = sys.stderr.isatty()
        self._shown_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown and self._shown_s:
            click.echo("\r\x1b[K", nl=False, err=True)

    def __call__(self, name: str, size_bytes: int) -> None:
        now_s = time.monotonic()
        if self._is_shown and now_s >= self._shown_s + _SHOWN_EVERY_S:
            self._shown_s = now_s
            click.echo(f"\r\x1b[K{name}: {size_bytes / _MIB:.1f} MiB {self._done}", nl=False, err=True)
