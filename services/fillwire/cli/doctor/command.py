"""`fillwire doctor`: examine one account and show what was found, as a table, as lines or as JSON."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fillwire.cli.broker import with_nats
from fillwire.cli.doctor.case import Case
from fillwire.cli.doctor.examination import CHECKS, examine
from fillwire.cli.doctor.findings import Finding, Outcome, exit_code
from fillwire.domain import defaults
from fillwire.domain.identifiers import Account
from fillwire.runtime.lifecycle import ExitCode, Stop, run
from fillwire.runtime.logs import LEVEL_VARIABLE, configure_logs
from fillwire.runtime.settings import Settings, load_settings
from fillwire.runtime.supervision import unless_stopped
from fillwire.wire.subjects import account_tokens

_STYLES = {
    Outcome.OK: "green",
    Outcome.WARNING: "yellow",
    Outcome.FAILED: "bold red",
    Outcome.SKIPPED: "dim",
}


@click.command("doctor")
@click.option("--exchange", required=True, help=f"At which exchange, such as {defaults.EXCHANGE}.")
@click.option("--user", required=True, help="Whose account.")
@click.option("--environment", default="live", show_default=True, help="In which environment.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings, as JSON.")
@click.option("--nats", metavar="URL", help="The broker; overrides the settings.")
@click.pass_context
def command(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    exchange: str,
    user: str,
    environment: str,
    as_json: bool,
    config: Path | None,
    nats: str | None,
) -> None:
    """Look at all that must be right for an account's fills to be detected, and say what is wrong and what to do.

    Configuration, key, broker, the exchange's REST interface, clock, symbols, whether the key is accepted and what it may
    do, and the stream. Nothing is changed, and no order is placed. If a gateway receives for the account, it is left alone.

    Exit status: 0 if nothing failed, 1 if something did, 2 if the configuration cannot be used.
    """
    configure_logs({LEVEL_VARIABLE: "off"} | os.environ)  # what went wrong is said by the findings
    account = _account(user, exchange, environment)
    findings: list[Finding] = []

    def load() -> Settings:
        return with_nats(load_settings(config), nats)

    async def main(stop: Stop) -> None:
        with _told(as_json=as_json) as show:

            def tell(finding: Finding) -> None:
                findings.append(finding)
                show(finding)

            await _unless_stopped(stop, account, load, tell)
        if as_json:
            click.echo(json.dumps(document(account, findings), indent=2))

    status = run(main)
    is_whole = len(findings) == len(CHECKS)
    ctx.exit(status or (exit_code(findings) if is_whole else ExitCode.FAILED))


def _account(user: str, exchange: str, environment: str) -> Account:
    account = Account(user, exchange, environment)
    try:
        account_tokens(account)
    except ValueError:
        raise click.BadParameter("expected names in UTF-8") from None
    return account


async def _unless_stopped(
    stop: Stop, account: Account, load: Callable[[], Settings], tell: Callable[[Finding], None]
) -> None:
    async with AsyncExitStack() as stack:
        case = Case(account=account, load=load, stack=stack)
        await unless_stopped(stop, examine(case, tell))


@contextmanager
def _told(*, as_json: bool) -> Iterator[Callable[[Finding], None]]:
    """Yield what shows a finding as soon as it is known: a row of a table on a terminal, else lines; nothing for JSON."""
    if as_json:
        yield lambda _finding: None
    elif sys.stdout.isatty():
        shown: list[Finding] = []
        with Live(table(shown), console=Console(), auto_refresh=False) as live:

            def grow(finding: Finding) -> None:
                shown.append(finding)
                live.update(table(shown), refresh=True)

            yield grow
    else:
        yield lambda finding: click.echo("\n".join(finding.lines()))


def document(account: Account, findings: Sequence[Finding]) -> dict[str, object]:
    """Return an examination as JSON."""
    return {
        "exchange": account.exchange,
        "environment": account.environment,
        "user": account.user,
        "is_healthy": all(finding.outcome is not Outcome.FAILED for finding in findings),
        "checks": [finding.document() for finding in findings],
    }


def table(findings: Sequence[Finding]) -> Table:
    """Return findings as a table; a check that is still to come is not in it."""
    found = Table("check", "", "found", box=None, header_style="dim")
    for finding in findings:
        text = Text(finding.found)
        if finding.advice is not None:
            text.append(f"\n→ {finding.advice}", "italic")
        found.add_row(finding.check, Text(finding.outcome, _STYLES[finding.outcome]), text)
    return found
