"""`fillwire recorder`: executions and order states into a database, exactly once."""

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import click

from fillwire.bus.measuring import broker_source
from fillwire.cli.broker import connect, with_nats
from fillwire.cli.databases import chosen_database, database_option
from fillwire.cli.selecting import broker_options, json_option
from fillwire.cli.showing import facts_table, show
from fillwire.recorder.book import TradeBook
from fillwire.recorder.progress import Position
from fillwire.recorder.service import Recorder
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import LEVEL_VARIABLE, configure_logs
from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.runtime.redaction import printable
from fillwire.runtime.settings import load_settings

_NAME = "recorder"
_Above = tuple[str | None, Path | None, str | None]  # options that stand before the subcommand


@click.group(_NAME, invoke_without_command=True)
@database_option
@broker_options
@click.pass_context
def command(ctx: click.Context, *, database: str | None, config: Path | None, nats: str | None) -> None:
    """Record every execution and order state into a database, until interrupted.

    The tables are made, or brought up to this version, by the start. One recorder writes into a database at a time; a
    second one waits until the first has gone.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = (database, config, nats)
        return
    follow_parent()

    async def record(recorder: Recorder, stop: Stop) -> None:
        await recorder.run(stop)

    ctx.exit(_run(database, config, nats, record))


@command.command("rebuild")
@database_option
@broker_options
@click.pass_context
def rebuild(ctx: click.Context, *, database: str | None, config: Path | None, nats: str | None) -> None:
    """Read the stream once more from its first message up to its end, into the same database or a fresh one.

    What the stream does not hold any more stays as it is. A recorder that runs is waited for: stop it first.
    """
    above: _Above = ctx.obj

    async def read_again(recorder: Recorder, stop: Stop) -> None:
        await recorder.rebuild(stop)
        click.echo(f"rebuilt: {recorder.recorded_count} events that the database did not have", err=True)

    ctx.exit(_run(database or above[0], config or above[1], nats or above[2], read_again))


@command.command("status")
@database_option
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings, as JSON.")
@json_option
@click.pass_obj
def status(above: _Above, *, database: str | None, config: Path | None, as_json: bool) -> None:
    """Show how far the stream is recorded, what it had dropped before it was read, and what could not be read."""
    configure_logs({LEVEL_VARIABLE: "error"} | os.environ)
    with TradeBook(chosen_database(load_settings(config or above[1]), database or above[0])) as book:
        found = book.status()
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    for stream in found.streams:
        show(facts_table(asdict(stream)))
    for stream_id, gap in found.gaps:
        first, last = gap.first_sequence, gap.last_sequence
        click.echo(f"missing: {first} to {last} of stream {stream_id}: {printable(gap.reason)}")
    for kept in found.unreadable:
        place = f"{kept.sequence} of stream {kept.stream_id} on {printable(kept.subject)}"
        click.echo(f"unreadable: {place}: {printable(kept.reason)}")


def _run(
    address: str | None,
    config: Path | None,
    nats: str | None,
    act: Callable[[Recorder, Stop], Awaitable[None]],
) -> int:
    async def main(stop: Stop) -> None:
        configure_logs()
        settings = with_nats(load_settings(config), nats)
        database = chosen_database(settings, address)
        partitions = settings.nats.partitions
        sequences: dict[str, int] = {}
        monitoring: str | None = None

        def announce(position: Position) -> None:
            if len(sequences) == partitions:
                return  # it is known
            sequences[position.name] = position.sequence
            if len(sequences) == partitions:
                where = position.sequence if partitions == 1 else sequences
                announce_ready(database=str(database), sequence=where, monitoring=monitoring)

        async with await connect(settings, name=_NAME, inbox=_NAME) as bus:
            recorder = Recorder(bus, database, replicas=settings.nats.replicas, on_ready=announce)
            ready = {"broker": bus.obstacle, "recorder": recorder.obstacle}
            metrics = Metrics(broker_source(bus), recorder.measure)
            async with monitored(settings.monitoring, metrics, ready=ready) as monitoring:
                await act(recorder, stop)

    return run(main)
