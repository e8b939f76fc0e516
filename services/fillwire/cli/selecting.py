"""What `fillwire dlq` and `fillwire quarantine` share: which of the things set aside are meant, and who decides."""

import getpass
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from fillwire.bus.connection import Bus
from fillwire.bus.partitions import MOST
from fillwire.cli.broker import connect, with_nats
from fillwire.domain.errors import ConfigError
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import LEVEL_VARIABLE, configure_logs
from fillwire.runtime.settings import Settings, load_settings

SHOWN = 100
_CONNECT_DEADLINE_S = 3.0

Command = TypeVar("Command", bound=Callable[..., Any])


def all_of(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return what gives a command all of these options, in this order."""

    def decorate(command: Command) -> Command:
        decorated: Command = reduce(lambda inner, option: option(inner), reversed(options), command)
        return decorated

    return decorate


broker_options = all_of(
    click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings, as JSON."),
    click.option("--nats", metavar="URL", help="The broker; overrides the settings."),
)
partitions_option = click.option(
    "--partitions",
    type=click.IntRange(1, MOST),
    default=1,
    show_default=True,
    envvar="FILLWIRE_NATS__PARTITIONS",
    help="Into how many streams the broker divides the log.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
numbers_argument = click.argument("numbers", nargs=-1, type=click.IntRange(min=1), metavar="[NUMBER]...")
time_options = all_of(
    click.option(
        "--since", metavar="WHEN", help="Stored since then: a time with its zone, or an age as 2h or 7d."
    ),
    click.option("--until", metavar="WHEN", help="Stored before then, likewise."),
)
list_options = all_of(
    click.option("--all", "with_decided", is_flag=True, help="Also those that were replayed or discarded."),
    click.option(
        "--limit", type=click.IntRange(min=1), default=SHOWN, show_default=True, help="The newest so many."
    ),
)


def operator() -> str:
    """Return who is at the keyboard, as `name@machine`, for the record."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container without names
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"


def require_choice(what: str, numbers: Sequence[int], *filters: object) -> None:
    """Let no decision be made about everything by an empty command line.

    Raises:
        ConfigError: neither a number nor a filter is given.
    """
    if not numbers and all(value is None for value in filters):
        raise ConfigError(
            f"no {what} is chosen: expected numbers as `list` shows them, or a filter such as --user"
        )


def require_all(what: str, wanted: Sequence[int], found: Sequence[int]) -> None:
    """Let nobody believe that a number was dealt with which does not exist.

    Raises:
        ConfigError: one of the numbers was not found.
    """
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise ConfigError(f"no {what} {missing[0]}: expected a number as `list --all` shows it")


def agree(question: str, *, yes: bool) -> None:
    """Ask, unless told not to; without a person to ask, end the command.

    Raises:
        ConfigError: nobody is there to be asked.
        click.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} nobody is there to be asked: expected --yes")
    click.confirm(question, abort=True, err=True)


def with_broker(
    ctx: click.Context,
    config: Path | None,
    nats: str | None,
    name: str,
    act: Callable[[Bus, Settings], Awaitable[int]],
) -> None:
    """Connect, act, and end the command with the exit status that `act` returns."""
    # A decision leaves a line; the attempts on the way to a sentence are of interest to few.
    configure_logs({LEVEL_VARIABLE: "error,fillwire.sdk=warning,fillwire.cli=warning"} | os.environ)
    answer = 0

    async def main(_stop: Stop) -> None:
        nonlocal answer
        settings = with_nats(load_settings(config), nats)
        async with await connect(settings, name=name, inbox=name, deadline_s=_CONNECT_DEADLINE_S) as bus:
            answer = await act(bus, settings)

    ctx.exit(run(main) or answer)
