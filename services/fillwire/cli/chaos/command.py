"""`fillwire chaos`: break the running system in every way we can name, and count what became of each execution."""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from fillwire.cli.chaos.faults import FAULTS
from fillwire.cli.chaos.performance import EpisodeResult
from fillwire.cli.chaos.plan import choose, plan
from fillwire.cli.chaos.report import Report
from fillwire.cli.chaos.run import PATIENCE_S, Run
from fillwire.cli.selecting import partitions_option
from fillwire.domain import defaults
from fillwire.domain.errors import ConfigError
from fillwire.runtime.lifecycle import Stop, run
from fillwire.simulator.registry import SIMULATORS

_WIDTH = 140


@click.command("chaos")
@click.option("--exchange", default=defaults.EXCHANGE, show_default=True, help="Which venue is simulated.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides everything.")
@click.option(
    "--executions", type=click.IntRange(1), default=20_000, show_default=True, help="How many, altogether."
)
@click.option(
    "--faults",
    "names",
    default="all",
    show_default=True,
    metavar="NAME,NAME…",
    help=f"The classes of fault: {', '.join(FAULTS)}.",
)
@click.option("--episode", type=click.IntRange(1), help="Play only this one of the plan.")
@click.option(
    "--patience",
    "patience_s",
    type=click.FloatRange(min=1),
    default=PATIENCE_S,
    show_default=True,
    help="Seconds that everything may take to arrive after an episode's last fault.",
)
@partitions_option
@click.option("--fast-lane", is_flag=True, help="Run the bots with the fast lane.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--plan", "only_plan", is_flag=True, help="Print the plan as JSON, and do nothing.")
@click.option(
    "--write",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PAGE.md",
    help="Write the ledger into this page, between its marks, and the report as JSON beside it.",
)
@click.pass_context
def command(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    exchange: str,
    seed: int,
    executions: int,
    names: str,
    episode: int | None,
    patience_s: float,
    partitions: int,
    fast_lane: bool,
    as_json: bool,
    only_plan: bool,
    page: Path | None,
) -> None:
    """Break the running system in every way we can name, and count what became of each execution.

    Starts broker, simulated exchange, gateway and bots as processes of their own, has the exchange emit executions, and
    meanwhile kills, cuts, stalls, corrupts and throttles by a plan that the seed decides. Exit status: 0 if every
    execution reached the log and each bot once and in order, 1 if not; then it says how to run it again. 2 if an option cannot
    be used.
    """
    if exchange not in SIMULATORS:
        raise ConfigError(f"exchange: expected {' or '.join(SIMULATORS)}, found {exchange!r}")
    demo = SIMULATORS[exchange].demo
    chosen = choose([] if names == "all" else [name.strip() for name in names.split(",")], demo.lacks)
    episodes = plan(seed, executions, chosen, peak_per_s=demo.peak_per_s)
    if episode is not None:
        if episode > len(episodes):
            raise ConfigError(f"episode {episode}: the plan has {len(episodes)}")
        episodes = (episodes[episode - 1],)
    if only_plan:
        click.echo(json.dumps([each.to_dict() for each in episodes], indent=2))
        return
    options = [] if partitions == 1 else ["--partitions", str(partitions)]
    options += ["--fast-lane"] if fast_lane else []
    again = _command(exchange, seed, executions, names, episode, options)
    directory = Path(tempfile.mkdtemp(prefix="fillwire-chaos-"))
    tell = _Teller(len(episodes)).tell
    player = Run(
        directory, exchange, seed, tell, patience_s=patience_s, fast_lane=fast_lane, partitions=partitions
    )

    async def play(stop: Stop) -> None:
        await player.play_until(stop, episodes)

    code = run(play)
    report = Report(seed=seed, executions=executions, command=again, result=player.result)
    _tell(report, as_json=as_json)
    if page is not None:
        report.write(page)
    is_clean = code == 0 and player.result.is_clean
    if is_clean:
        shutil.rmtree(directory)
    else:
        _complain(report, directory)
    ctx.exit(code or int(not is_clean))


class _Teller:
    """Says in a line what became of each episode."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._told = 0

    def tell(self, result: EpisodeResult) -> None:
        """Say it on standard error."""
        self._told += 1
        episode = result.episode
        faults = " + ".join(dict.fromkeys(stroke.fault.name for stroke in episode.strokes))
        times = [stroke.recovery_s for stroke in result.strokes if stroke.recovery_s is not None]
        recovered = f"recovered in {max(times):.2f} s" if times else "nothing was emitted meanwhile"
        word = "ok" if result.is_clean else "NOT CLEAN"
        click.echo(
            f"{self._told:>4}/{self._count} {word}  {faults}: {episode.executions:,} executions, {recovered}",
            err=True,
        )


def _tell(report: Report, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        console = Console(width=None if sys.stdout.isatty() else _WIDTH)
        console.print(report.table())
        if (orders := report.order_table()) is not None:
            console.print(orders)


def _complain(report: Report, directory: Path) -> None:
    for defect in report.defects():
        click.echo(f"fillwire: {defect}", err=True)
    click.echo(f"fillwire: logs and recordings are in {directory}", err=True)
    click.echo(f"fillwire: run it again with: {report.command}", err=True)


def _command(  # noqa: PLR0913, PLR0917 - the options
    exchange: str, seed: int, executions: int, names: str, episode: int | None, options: Sequence[str]
) -> str:
    words = [
        "fillwire",
        "chaos",
        "--exchange",
        exchange,
        "--seed",
        str(seed),
        "--executions",
        str(executions),
    ]
    chosen = [] if names == "all" else ["--faults", names]
    only = [] if episode is None else ["--episode", str(episode)]
    return " ".join([*words, *chosen, *only, *options])
