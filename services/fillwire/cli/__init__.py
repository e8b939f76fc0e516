"""The `fillwire` command: a group whose commands are imported when they are called, so that each starts fast."""

import importlib
import sys
from typing import Any

import click

from fillwire.domain.errors import ConfigError, FillwireError

# Name of the command -> module and attribute, and the line that `fillwire --help` shows without importing it.
COMMANDS: dict[str, tuple[str, str]] = {
    "backup": ("fillwire.cli.backup:backup", "Write all streams and buckets into a directory."),
    "bots": (
        "fillwire.cli.bots:command",
        "Create, look at, start, pause, stop and remove bots.",
    ),
    "chaos": (
        "fillwire.cli.chaos.command:command",
        "Break the running system, and count what became of each execution.",
    ),
    "console": ("fillwire.cli.console:command", "Serve the web page for operators and users."),
    "demo": (
        "fillwire.cli.demo:command",
        "Run everything on this machine: broker, exchange, gateway and bots.",
    ),
    "dlq": (
        "fillwire.cli.dlq:command",
        "List, show, replay and discard events that bots could not handle.",
    ),
    "doctor": (
        "fillwire.cli.doctor.command:command",
        "Examine an account: say what is wrong with it and what to do.",
    ),
    "gateway": (
        "fillwire.cli.gateway:command",
        "Hold an exchange's connections and publish its order events.",
    ),
    "door": ("fillwire.cli.door:command", "Make the consumers that tenants' bots need."),
    "host": ("fillwire.cli.host:command", "Run a share of the bots that were created."),
    "manager": ("fillwire.cli.manager:command", "Answer what users ask about their bots."),
    "notify": ("fillwire.cli.notify:command", "Tell a webhook of every alert."),
    "parse": ("fillwire.cli.parse:command", "Parse venue frames from standard input to order events."),
    "quarantine": (
        "fillwire.cli.quarantine:command",
        "List, show, replay and discard frames that could not be accepted.",
    ),
    "recorder": (
        "fillwire.cli.recorder:command",
        "Record executions and order states into a database.",
    ),
    "restore": (
        "fillwire.cli.backup:restore",
        "Make the streams and buckets of a backup, on an empty broker.",
    ),
    "run": ("fillwire.cli.run:command", "Run bots until interrupted."),
    "simulate": ("fillwire.cli.simulate:command", "Simulate an exchange, with faults on demand."),
    "trace": (
        "fillwire.cli.trace.command:command",
        "Show the way of a fill or an order, step by step with its times.",
    ),
    "status": ("fillwire.cli.status:command", "Show what the connections to exchanges are doing."),
    "trades": (
        "fillwire.cli.trades:command",
        "Recorded trades: list, realised profit, fees, positions, export.",
    ),
    "users": (
        "fillwire.cli.users.command:command",
        "Say who may log in to the broker, and write its accounts.",
    ),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and says an error of ours in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command, imported; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, without importing one."""
        rows = [(name, COMMANDS[name][1]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `FillwireError` becomes one line on standard error, and the exit status as `lifecycle.run` has it."""
        try:
            return super().invoke(ctx)
        except FillwireError as error:
            from fillwire.runtime.lifecycle import ExitCode  # noqa: PLC0415 - help does without an event loop

            print(f"fillwire: {error}", file=sys.stderr)
            ctx.exit(ExitCode.CONFIG if isinstance(error, ConfigError) else ExitCode.FAILED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fillwire")
def main() -> None:
    """Tell trading bots that their orders were filled: at once, exactly once, in order, with a trace."""
