"""`fillwire dlq`: the events that bots could not handle: list, show, replay, discard."""

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
from fillwire.domain.errors import DecodeError
from fillwire.runtime.redaction import printable
from fillwire.runtime.settings import Settings
from fillwire.sdk.kept_letters import KeptLetter
from fillwire.sdk.replaying import (
    LetterBox,
    Outcome,
    Result,
    Selection,
    decisions_about,
    read_dead_letters,
)
from fillwire.wire.subjects import parse_order_subject

NAME = "dlq"
NOT_ALL = 3
_WHAT = "dead letter"

_user = click.option("--user", help="Of this user's bots.")
_bot = click.option("--bot", help="Of the bot of this name.")


@click.group(NAME)
def command() -> None:
    """List, show, replay and discard dead letters: events that a bot's callback could not handle."""


@command.command("list")
@_user
@_bot
@time_options
@list_options
@json_option
@broker_options
@click.pass_context
def list_letters(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    user: str | None,
    bot: str | None,
    since: str | None,
    until: str | None,
    with_decided: bool,
    limit: int,
    as_json: bool,
    config: Path | None,
    nats: str | None,
) -> None:
    """List the letters that wait for a decision, oldest first."""
    selection = _selection(user, bot, since, until)

    async def act(bus: Bus, _settings: Settings) -> int:
        letters = await read_dead_letters(bus, selection, with_bodies=as_json)
        decided = await decisions_about(bus, letters, selection)
        if not with_decided:
            letters = [kept for kept in letters if kept.sequence not in decided]
        shown = letters[-limit:]
        if as_json:
            click.echo(json.dumps([document(kept, decided.get(kept.sequence)) for kept in shown], indent=2))
            return 0
        if shown:
            show(table(shown, decided))
        click.echo(_count_text(len(shown), len(letters), with_decided), err=True)
        return 0

    with_broker(ctx, config, nats, NAME, act)


@command.command("show")
@click.argument("number", type=click.IntRange(min=1))
@json_option
@broker_options
@click.pass_context
def show_letter(
    ctx: click.Context, *, number: int, as_json: bool, config: Path | None, nats: str | None
) -> None:
    """Show one letter whole: the event, what the bot raised, and what was decided."""

    async def act(bus: Bus, _settings: Settings) -> int:
        selection = Selection(sequences=frozenset({number}))
        (kept,) = await _chosen(bus, selection, [number])
        decided = (await decisions_about(bus, [kept], selection)).get(number)
        facts = document(kept, decided)
        if as_json:
            click.echo(json.dumps(facts, indent=2))
        else:
            show(facts_table(facts))
        return 0

    with_broker(ctx, config, nats, NAME, act)


@command.command("replay")
@numbers_argument
@_user
@_bot
@time_options
@yes_option
@json_option
@broker_options
@click.pass_context
def replay(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    numbers: Sequence[int],
    user: str | None,
    bot: str | None,
    since: str | None,
    until: str | None,
    yes: bool,
    as_json: bool,
    config: Path | None,
    nats: str | None,
) -> None:
    """Give letters back to the bot that could not handle them, in their order, each once.

    An event goes to that bot alone and to the callback that raised. The bot acts on it as on any other: it may trade.

    A letter is decided once: one that was replayed or discarded before stays so. Exit status: 3 if one is refused.
    """
    require_choice(_WHAT, numbers, user, bot, since, until)
    selection = _selection(user, bot, since, until, numbers)

    async def act(bus: Bus, settings: Settings) -> int:
        letters = await _chosen(bus, selection, numbers)
        if letters and not numbers:
            agree(f"Replay {_bots_text(letters)}?", yes=yes)
        box = LetterBox(bus, operator(), replicas=settings.nats.replicas)
        return _tell(await box.replay(letters), as_json=as_json)

    with_broker(ctx, config, nats, NAME, act)


@command.command("discard")
@numbers_argument
@_user
@_bot
@time_options
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@yes_option
@json_option
@broker_options
@click.pass_context
def discard(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    numbers: Sequence[int],
    user: str | None,
    bot: str | None,
    since: str | None,
    until: str | None,
    reason: str | None,
    yes: bool,
    as_json: bool,
    config: Path | None,
    nats: str | None,
) -> None:
    """Decide that letters are not to be replayed. They stay readable until their age ends them.

    Who decided, when and why is kept beside the letter and written as a line of the log.
    """
    require_choice(_WHAT, numbers, user, bot, since, until)
    selection = _selection(user, bot, since, until, numbers)

    async def act(bus: Bus, settings: Settings) -> int:
        letters = await _chosen(bus, selection, numbers)
        if letters:
            agree(f"Discard {_bots_text(letters)}?", yes=yes)
        box = LetterBox(bus, operator(), replicas=settings.nats.replicas)
        return _tell(await box.discard(letters, reason), as_json=as_json)

    with_broker(ctx, config, nats, NAME, act)


def document(kept: KeptLetter, decided: KeptDecision | None) -> dict[str, Any]:
    """Return a letter as JSON."""
    try:
        event: Any = json.loads(kept.body)
    except ValueError:
        event = None
    return {
        "number": kept.sequence,
        "stored_ns": kept.stored_ns,
        "user": kept.user,
        **asdict(kept.letter),
        "bot": kept.bot,
        "event": event,
        "body": None if event is not None else kept.body.decode("utf-8", "backslashreplace"),
        "decision": None if decided is None else asdict(decided.decision),
    }


def table(letters: Sequence[KeptLetter], decided: Mapping[int, KeptDecision]) -> Table:
    """Return letters as a table, one a line."""
    found = Table("", box=None, header_style="dim")
    found.columns[0].header = "number"
    for name in ("stored (UTC)", "user", "bot", "pair", "kind", "callback", "tries"):
        found.add_column(name, no_wrap=name.startswith("stored"))
    found.add_column("what went wrong", overflow="fold")
    if decided:
        found.add_column("decided", overflow="fold")
    for kept in letters:
        letter = kept.letter
        decision = decided.get(kept.sequence)
        cells = [
            str(kept.sequence),
            time_text(kept.stored_ns),
            kept.user,
            kept.bot,
            *_pair_and_kind(letter.original_subject),
            letter.callback or "-",
            str(letter.attempts),
            f"{letter.exception}: {letter.reason}",
        ]
        if decided:
            cells.append("-" if decision is None else str(decision.decision))
        found.add_row(*(Text(printable(cell)) for cell in cells), style="dim" if decision else None)
    return found


def _selection(
    user: str | None, bot: str | None, since: str | None, until: str | None, numbers: Sequence[int] = ()
) -> Selection:
    return Selection(
        user=user,
        bot=bot,
        since_ns=moment_ns(since, "--since") or 0,
        until_ns=moment_ns(until, "--until"),
        sequences=frozenset(numbers) or None,
    )


async def _chosen(bus: Bus, selection: Selection, numbers: Sequence[int]) -> list[KeptLetter]:
    letters = await read_dead_letters(bus, selection)
    require_all(_WHAT, numbers, [kept.sequence for kept in letters])
    return letters


def _tell(results: Sequence[Result], *, as_json: bool) -> int:
    if as_json:
        told = [
            {"number": result.kept.sequence, "outcome": result.outcome, "reason": result.reason}
            for result in results
        ]
        click.echo(json.dumps(told, indent=2))
    else:
        for result in results:
            already = "already " if result.outcome is Outcome.DECIDED_BEFORE else ""
            refused = "refused: " if result.outcome is Outcome.REFUSED else ""
            click.echo(printable(f"{result.kept.sequence}  {already}{refused}{result.reason}"))
    return NOT_ALL if any(result.outcome is Outcome.REFUSED for result in results) else 0


def _bots_text(letters: Sequence[KeptLetter]) -> str:
    bots = sorted({f"{kept.bot} of {kept.user}" for kept in letters})
    named = ", ".join(bots[:3]) + (f" and {len(bots) - 3} more" if len(bots) > 3 else "")  # noqa: PLR2004 - enough to read
    return printable(f"{len(letters)} {_WHAT}{'s' if len(letters) > 1 else ''} of {named}")


def _count_text(shown: int, found: int, with_decided: bool) -> str:
    which = "kept" if with_decided else "waiting for a decision"
    newest = f", the newest {shown} shown" if shown < found else ""
    return f"{found} dead letter{'' if found == 1 else 's'} {which}{newest}"


def _pair_and_kind(subject: str) -> tuple[str, str]:
    try:
        parsed = parse_order_subject(subject)
    except DecodeError:
        return subject, "-"
    return parsed.pair, parsed.kind
