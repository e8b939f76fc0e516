"""The demo's console, and a link that logs in to it once."""

import json
import os
import secrets
import sys
import webbrowser

import click

from fillwire.cli.stack import Stack

_TOKEN_VARIABLE = "DEMO_CONSOLE_TOKEN"  # noqa: S105 - a name


async def start_console(stack: Stack, database: str) -> str:
    """Start the console and return the link.

    Args:
        stack: what it is a part of.
        database: where trades are recorded.

    Raises:
        ChildError: it did not start.
    """
    token = secrets.token_urlsafe(24)
    user = {"user": "demo", "role": "admin", "token": f"env:{_TOKEN_VARIABLE}", "once": True}
    stack.environ.update(
        {
            _TOKEN_VARIABLE: token,
            "FILLWIRE_CONSOLE__PORT": "0",
            "FILLWIRE_CONSOLE__USERS": json.dumps([user]),
            "FILLWIRE_RECORDER__DATABASE": database,
        }
    )
    console = await stack.spawn("console", "console")
    return f"{console.ready['console']}/#token={token}"


def offer(link: str) -> None:
    """Print the link, and open it where a person sits before a screen."""
    click.echo(f"fillwire: the console, for one login: {link}", err=True)
    has_screen = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if sys.stderr.isatty() and has_screen and not os.environ.get("CI"):
        webbrowser.open(link)
