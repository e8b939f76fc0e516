"""`fillwire quarantine`: the frames that gateways could not accept: list, show, replay, discard."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from fillwire.bus.connection import Bus
from fillwire.bus.decisions import Decisions, KeptDecision
from fillwire.bus.errors import RevisionConflict
from fillwire.cli.moments import moment_ns
from fillwire.cli.refused_frames import KeptFrame, Selection, read_frames
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
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.readings import ReadingOutcome, ReadingRequest
from fillwire.runtime.logs import get_log
from fillwire.runtime.redaction import printable, redacted_text
from fillwire.runtime.settings import Settings
from fillwire.wire.commands import READ_AGAIN, decode_frame_reading, encode_command
from fillwire.wire.decisions import Decision, Verdict
from fillwire.wire.subjects import command_subject

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
        decided = await _decided(bus, frames)
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
        (kept,) = await _chosen(bus, Selection(sequences=frozenset({number})), [number])
        facts = document(kept, (await _decided(bus, [kept])).get(number))
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
        return await _decide(bus, settings, frames, _read_again, as_json=as_json)

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

        async def give_up(_bus: Bus, _kept: KeptFrame) -> tuple[Verdict | None, str | None]:
            return Verdict.DISCARDED, reason

        return await _decide(bus, settings, frames, give_up, as_json=as_json)

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


def frame_text(frame: bytes) -> str:
    """Return a frame as text that a terminal may be given: no control characters, and no keys."""
    return redacted_text(printable(frame.decode("utf-8", "backslashreplace")))


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
) -> Selection:
    return Selection(
        since_ns=moment_ns(since, "--since") or 0,
        until_ns=moment_ns(until, "--until"),
        sequences=frozenset(numbers) or None,
        **filters,
    )


async def _chosen(bus: Bus, selection: Selection, numbers: Sequence[int]) -> list[KeptFrame]:
    frames = await read_frames(bus, selection)
    require_all(_WHAT, numbers, [kept.sequence for kept in frames])
    return frames


async def _decided(bus: Bus, frames: Sequence[KeptFrame]) -> dict[int, KeptDecision]:
    found = await Decisions(bus).about(f"{NAME}.>")
    return {kept.sequence: found[kept.key] for kept in frames if kept.key in found}


Act = Callable[[Bus, KeptFrame], Awaitable[tuple[Verdict | None, str | None]]]
"""Does what is decided to one frame; returns the verdict, None if it was not to be done, and a sentence."""


async def _read_again(bus: Bus, kept: KeptFrame) -> tuple[Verdict | None, str | None]:
    request = encode_command(ReadingRequest(sequence=kept.sequence))
    try:
        answer = await bus.request(command_subject(kept.account, READ_AGAIN), request, _READING_DEADLINE_S)
        reading = decode_frame_reading(answer)
    except (BrokerError, DecodeError) as error:
        return (
            None,
            f"no gateway holds {kept.account}: expected a running one, and a bot that listens ({error})",
        )
    if reading.outcome is not ReadingOutcome.READ:
        return None, f"{reading.outcome}: {reading.reason}"
    if reading.waiting_count:  # in the gateway's memory: not done before the log has them
        reason = f"{reading.waiting_count} waiting for earlier executions of the order, which the exchange is asked for"
        return None, f"{reason}: replay it again"
    counts = ((reading.published_count, "published"), (reading.known_count, "known already"))
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    return Verdict.REPLAYED, told or "it tells of no order"


async def _decide(
    bus: Bus, settings: Settings, frames: Sequence[KeptFrame], act: Act, *, as_json: bool
) -> int:
    """Act on one frame after another and keep what was decided; frames that are decided already are passed over."""
    decisions = Decisions(bus, settings.nats.replicas)
    await decisions.prepare()
    by, told, is_all_done = operator(), [], True
    before = await _decided(bus, frames)
    for kept in frames:
        if kept.sequence in before:
            told.append((kept.sequence, "decided_before", f"already {before[kept.sequence].decision}"))
            continue
        verdict, reason = await act(bus, kept)
        if verdict is None:
            is_all_done = False
            told.append((kept.sequence, "not_done", reason or ""))
            continue
        decision = Decision(verdict=verdict, by=by, time_ns=time.time_ns(), reason=reason)
        try:
            await decisions.decide(kept.key, decision)
        except RevisionConflict:  # somebody else, at this moment; the gateway publishes nothing twice
            told.append((kept.sequence, "decided_before", "decided by somebody else at this moment"))
            continue
        _log.warning(
            f"frame_{verdict}",
            frame=kept.sequence,
            account=str(kept.account),
            code=kept.said.code,
            by=by,
            reason=reason,
        )
        told.append((kept.sequence, "done", str(decision)))
    if as_json:
        names = ("number", "outcome", "reason")
        click.echo(json.dumps([dict(zip(names, line, strict=True)) for line in told], indent=2))
    else:
        for number, _, reason in told:
            click.echo(printable(f"{number}  {reason}"))
    return 0 if is_all_done else NOT_ALL
