"""`fillwire trades`: what the recorder has written: trades, realised profit, fees, open positions, export."""

import json
import os
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table
from rich.text import Text

from fillwire.cli.databases import chosen_database, database_option
from fillwire.cli.selecting import SHOWN, json_option, moment_ns
from fillwire.cli.showing import show, time_text
from fillwire.domain.enums import Side
from fillwire.recorder.book import TradeBook
from fillwire.recorder.documents import trade_document
from fillwire.recorder.trades import PageMark, Trade, TradeFilter
from fillwire.runtime.logs import LEVEL_VARIABLE, configure_logs
from fillwire.runtime.redaction import printable
from fillwire.runtime.settings import load_settings
from fillwire.wire.decimals import decimal_text

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(command: Command) -> Command:
    options = (
        click.option("--user", help="Of this user."),
        click.option("--exchange", help="At this exchange."),
        click.option("--environment", help="In this environment, such as live."),
        click.option("--pair", help="Of this pair."),
        click.option("--bot", help="By the bot of this name, or of this label."),
        click.option(
            "--since", metavar="WHEN", help="Made since then: a time with its zone, or an age as 2h or 7d."
        ),
        click.option("--until", metavar="WHEN", help="Made before then, likewise."),
        database_option,
        click.option(
            "--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings, as JSON."
        ),
    )
    decorated: Command = reduce(lambda inner, option: option(inner), reversed(options), command)
    return decorated


@click.group("trades")
def command() -> None:
    """Ask the database of recorded trades; it may be written to meanwhile."""


@command.command("list")
@_options
@click.option("--side", type=click.Choice([str(side) for side in Side]), help="Only these.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=SHOWN, show_default=True, help="The newest so many."
)
@click.option("--after", metavar="MARK", help="The next page: the mark that the one before ended with.")
@json_option
def list_trades(*, side: str | None, limit: int, after: str | None, as_json: bool, **places: Any) -> None:
    """List trades, newest first."""
    chosen = _chosen(side=side, **places)
    mark = None if after is None else PageMark.parse(after)
    with _book(**places) as book:
        page = book.page(chosen, limit=limit, after=mark)
    if as_json:
        documents = [trade_document(trade) for trade in page.trades]
        click.echo(json.dumps({"trades": documents, "next": page.next and str(page.next)}, indent=2))
        return
    if page.trades:
        show(_trades_table(page.trades))
    if page.next is None:
        click.echo(f"{len(page.trades)} trades", err=True)
    else:
        click.echo(f"{len(page.trades)} trades; more with --after '{page.next}'", err=True)


def _chosen(*, side: str | None = None, **places: Any) -> TradeFilter:
    return TradeFilter(
        user=places["user"],
        exchange=places["exchange"],
        environment=places["environment"],
        pair=places["pair"],
        bot=places["bot"],
        side=None if side is None else Side(side),
        since_ns=moment_ns(places["since"], "--since"),
        until_ns=moment_ns(places["until"], "--until"),
    )


def _book(*, database: str | None, config: Path | None, **_: Any) -> TradeBook:
    configure_logs({LEVEL_VARIABLE: "error"} | os.environ)
    return TradeBook(chosen_database(load_settings(config), database))


def _trades_table(trades: Sequence[Trade]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("time (UTC)", "account", "pair", "bot", "side"):
        table.add_column(name)
    for name in ("quantity", "price", "fee"):
        table.add_column(name, justify="right")
    for name in ("order", "trade"):
        table.add_column(name)
    for trade in trades:
        fee = "?" if trade.fee is None else f"{decimal_text(trade.fee)} {trade.fee_currency or ''}"
        table.add_row(
            *(
                Text(printable(text))
                for text in (
                    time_text(trade.transaction_time_ns),
                    str(trade.account),
                    trade.pair,
                    trade.bot or "-",
                    trade.side,
                    decimal_text(trade.quantity),
                    decimal_text(trade.price),
                    fee,
                    trade.order_id,
                    trade.trade_id,
                )
            )
        )
    return table
