"""`fillwire trace`: where the time of a fill went, from the venue to the bot and its counter-order."""

import json
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import click
from rich.text import Text

from fillwire.bus.connection import Bus
from fillwire.cli.moments import moment_ns
from fillwire.cli.selecting import broker_options, json_option, with_broker
from fillwire.cli.showing import show
from fillwire.cli.trace.finding import Logged, Wanted, find
from fillwire.cli.trace.jaeger import Jaeger
from fillwire.cli.trace.view import JAEGER, LOG, Shown, document, waterfall
from fillwire.cli.trace.waterfall import logged_spans, rows
from fillwire.runtime.settings import Settings

_ALONE = "deliveries to bots and counter-orders are not in the log: ask Jaeger with --jaeger"
_NO_TRACE = "Jaeger has no such trace: it was not kept, has not been exported yet, or is forgotten; this is what the log tells"


@click.command("trace")
@click.argument("name", metavar="ID")
@click.option("--user", help="Only this user's.")
@click.option("--exchange", help="Only at this exchange.")
@click.option("--environment", help="Only there, such as live or testnet.")
@click.option("--pair", help="Only of this pair, such as BTC-USDT.")
@click.option(
    "--since",
    metavar="WHEN",
    default="24h",
    show_default=True,
    help="Look through the log from then on: a time with its zone, or an age as 2h or 30d.",
)
@click.option("--jaeger", metavar="URL", help="Jaeger's address, such as http://127.0.0.1:16686.")
@json_option
@broker_options
@click.pass_context
def command(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    name: str,
    user: str | None,
    exchange: str | None,
    environment: str | None,
    pair: str | None,
    since: str,
    jaeger: str | None,
    as_json: bool,
    config: Path | None,
    nats: str | None,
) -> None:
    """Show the way of a fill, step by step with its times.

    ID is a trade id; or an order id or client order id, for all that became of the order; or an event id.

    Without --jaeger it needs nothing but the log, and shows the steps from the exchange to the broker. With it, the
    deliveries to bots, their callbacks and the orders that these placed are shown too.

    Exit status: 0 if it was found, 1 if not, if there are several, or if there is no broker or no Jaeger, 2 if an option
    or the settings cannot be used.
    """

    async def act(bus: Bus, _settings: Settings) -> int:
        wanted = Wanted(
            name=name,
            user=user,
            exchange=exchange,
            environment=environment,
            pair=pair,
            since_ns=moment_ns(since, "--since"),
        )
        found = await _told(await find(bus, wanted), jaeger)
        if as_json:
            click.echo(json.dumps([document(one) for one in found], indent=2))
        else:
            for number, one in enumerate(found):
                show(*([] if number == 0 else [Text()]), waterfall(one))
            for note in dict.fromkeys(one.note for one in found if one.note is not None):
                show(Text(note, "dim"))
        return 0

    with_broker(ctx, config, nats, "trace", act)


async def _told(found: Sequence[Logged], jaeger: str | None) -> list[Shown]:
    """Return the steps of each event, as Jaeger tells them where it is asked and knows them, else as the log does."""
    if jaeger is None:
        return [Shown(logged, rows(logged_spans(logged)), LOG, _ALONE) for logged in found]
    async with aiohttp.ClientSession() as session:
        asked = Jaeger(session, jaeger)
        told = []
        for logged in found:
            spans = await asked.spans(logged.trace_id)
            told.append(
                Shown(logged, rows(spans), JAEGER)
                if spans
                else Shown(logged, rows(logged_spans(logged)), LOG, _NO_TRACE)
            )
    return told
