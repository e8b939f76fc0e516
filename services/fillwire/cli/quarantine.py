"""`fillwire quarantine`: the frames that gateways could not accept: list, show, replay, discard."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from fillwire.bus.connection import Bus
from fillwire.bus.decisions import KeptDecision
from fillwire.cli.moments import moment_ns
from fillwire.cli.selecting import (
    agree,
    broker_options,
    json_option,
    list_options,
    numbers_argument,
    operator,
    require_all,
    require_choice,
    time_options,
    with_broker,
    yes_option,
)
from fillwire.cli.showing import facts_table, show, time_text
from fillwire.domain import defaults
from fillwire.runtime.logs import get_log
from fillwire.runtime.redaction import printable
from fillwire.runtime.settings import Settings
from fillwire.sdk.refused_frames import (
    FrameBox,
    FrameOutcome,
    FrameResult,
    FrameSelection,
    KeptFrame,
    frame_decisions,
    frame_text,
    read_frames,
)

_log = get_log(__name__)

NAME = "quarantine"
NOT_ALL = 3
_WHAT = "refused frame"
_READING_DEADLINE_S = 60.0  # a gateway may read the log of a pair for it


_user = click.option("--user", help="Of this user's accounts.")
_exchange = click.option("--exchange", help=f"Of this exchange, such as {defaults.EXCHANGE}.")
_environment = click.option("--environment", help="Of this environment, such as live.")
_code = click.option("--code", help="With this defect, such as unknown_symbol.")


@click.group(NAME)
def command() -> None:
    """List, show, replay and discard what exchanges sent and gateways could not accept."""


@command.command("list")
@_user
@_exchange
@_environment
@_code
@time_options
@list_options
@json_option
@broker_options
@click.pass_context
def list_frames(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    /,
    *,
    with_decided: bool,
    limit: int,
    as_json: bool,
    config: Path | None,
    nats: str | None,
    **filters: str | None,
) -> None:
    """List the frames that wait for a decision, oldest first."""
    selection = _selection(**filters)

    async def act(bus: Bus, _settings: Settings) -> int:
        frames = await read_frames(bus, selection)
        decided = await frame_decisions(bus, frames)
        if not with_decided:
            frames = [kept for kept in frames if kept.sequence not in decided]
        shown = frames[-limit:]
        if as_json:
            documents = [document(kept, decided.get(kept.sequence)) for kept in shown]
            click.echo(json.dumps(documents, indent=2))
            return 0
        if shown:
            show(table(shown, decided))
        which = "kept" if with_decided else "waiting for a decision"
        newest = f", the newest {len(shown)} shown" if len(shown) < len(frames) else ""
        click.echo(f"{len(frames)} {_WHAT}{'' if len(frames) == 1 else 's'} {which}{newest}", err=True)
        return 0

    with_broker(ctx, config, nats, NAME, act)


@command.command("show")
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the frame there, byte for byte."
)
@json_option
@broker_options
@click.pass_context
def show_frame(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    /,
    *,
    number: int,
    output: Path | None,
    as_json: bool,
    config: Path | None,
    nats: str | None,
) -> None:
    r"""Show one frame whole, and what is wrong with it where.

    Bytes that are no printable text are spelt out as \xNN, and what looks like a key or signature is masked; --output
    writes the frame as it came.
    """

    async def act(bus: Bus, _settings: Settings) -> int:
        (kept,) = await _chosen(bus, FrameSelection(sequences=frozenset({number})), [number])
        facts = document(kept, (await frame_decisions(bus, [kept])).get(number))
        if output is not None:
            await asyncio.to_thread(output.write_bytes, kept.frame)
        facts["frame"] = frame_text(kept.frame)
        if as_json:
            click.echo(json.dumps(facts, indent=2))
        else:
            show(facts_table(facts))
        return 0

    with_broker(ctx, config, nats, NAME, act)


@command.command("replay")
@numbers_argument
@_user
@_exchange
@_environment
@_code
@time_options
@yes_option
@json_option
@broker_options
@click.pass_context
def replay(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    /,
    *,
    numbers: Sequence[int],
    yes: bool,
    as_json: bool,
    config: Path | None,
    nats: str | None,
    **filters: str | None,
) -> None:
    """Have frames read again, in their order, by today's parser and symbols.

    The gateway that holds the account reads them and publishes what is sound and not in the log yet. Frames that are
    refused again wait on.

    Exit status: 3 if a frame is refused again, was not read, or waits for earlier executions of its order.
    """
    require_choice(_WHAT, numbers, *filters.values())
    selection = _selection(numbers, **filters)

    async def act(bus: Bus, settings: Settings) -> int:
        frames = await _chosen(bus, selection, numbers)
        if frames and not numbers:
            agree(f"Read {len(frames)} frames again?", yes=yes)
        box = FrameBox(bus, operator(), replicas=settings.nats.replicas)
        return _tell(await box.replay(frames), as_json=as_json)

    with_broker(ctx, config, nats, NAME, act)


@command.command("discard")
@numbers_argument
@_user
@_exchange
@_environment
@_code
@time_options
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@yes_option
@json_option
@broker_options
@click.pass_context
def discard(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    /,
    *,
    numbers: Sequence[int],
    reason: str | None,
    yes: bool,
    as_json: bool,
    config: Path | None,
    nats: str | None,
    **filters: str | None,
) -> None:
    """Decide that frames are not to be read again. They stay readable until their age ends them.

    Who decided, when and why is kept beside the frame and written as a line of the log.
    """
    require_choice(_WHAT, numbers, *filters.values())
    selection = _selection(numbers, **filters)

    async def act(bus: Bus, settings: Settings) -> int:
        frames = await _chosen(bus, selection, numbers)
        if frames:
            agree(f"Discard {len(frames)} {_WHAT}{'s' if len(frames) > 1 else ''}?", yes=yes)

        box = FrameBox(bus, operator(), replicas=settings.nats.replicas)
        return _tell(await box.discard(frames, reason), as_json=as_json)

    with_broker(ctx, config, nats, NAME, act)


def document(kept: KeptFrame, decided: KeptDecision | None) -> dict[str, Any]:
    """Return a frame as JSON, without its bytes."""
    return {
        "number": kept.sequence,
        "stored_ns": kept.stored_ns,
        **asdict(kept.account),
        "class": kept.error_class,
        **asdict(kept.said),
        "size_bytes": kept.size,
        "decision": None if decided is None else asdict(decided.decision),
    }


def table(frames: Sequence[KeptFrame], decided: Mapping[int, KeptDecision]) -> Table:
    """Return frames as a table, one a line."""
    found = Table("", box=None, header_style="dim")
    found.columns[0].header = "number"
    for name in ("received (UTC)", "account", "class", "code", "field", "offset", "bytes"):
        found.add_column(name, no_wrap=name.startswith("received"))
    found.add_column("what is wrong", overflow="fold")
    if decided:
        found.add_column("decided", overflow="fold")
    for kept in frames:
        said, decision = kept.said, decided.get(kept.sequence)
        cells = [
            str(kept.sequence),
            time_text(said.received_time_ns),
            str(kept.account),
            kept.error_class,
            said.code,
            said.field or "-",
            str(said.offset),
            str(kept.size),
            said.reason,
        ]
        if decided:
            cells.append("-" if decision is None else str(decision.decision))
        found.add_row(*(Text(printable(cell)) for cell in cells), style="dim" if decision else None)
    return found


def _selection(
    numbers: Sequence[int] = (), /, *, since: str | None, until: str | None, **filters: str | None
) -> FrameSelection:
    return FrameSelection(
        since_ns=moment_ns(since, "--since") or 0,
        until_ns=moment_ns(until, "--until"),
        sequences=frozenset(numbers) or None,
        **filters,
    )


async def _chosen(bus: Bus, selection: FrameSelection, numbers: Sequence[int]) -> list[KeptFrame]:
    frames = await read_frames(bus, selection)
    require_all(_WHAT, numbers, [kept.sequence for kept in frames])
    return frames


def _tell(results: Sequence[FrameResult], *, as_json: bool) -> int:
    """Print what became of each frame, and return the exit status."""
    if as_json:
        told = [
            {"number": result.kept.sequence, "outcome": result.outcome, "reason": result.reason}
            for result in results
        ]
        click.echo(json.dumps(told, indent=2))
    else:
        for result in results:
            click.echo(printable(f"{result.kept.sequence}  {result.reason}"))
    return NOT_ALL if any(result.outcome is FrameOutcome.NOT_DONE for result in results) else 0
