"""`fillwire trades`: what the recorder has written: trades, realised profit, fees, open positions, export."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.table import Table
from rich.text import Text

from fillwire.cli.databases import chosen_database, database_option
from fillwire.cli.moments import moment_ns
from fillwire.cli.selecting import all_of, json_option
from fillwire.cli.showing import show, time_text
from fillwire.domain.enums import Side
from fillwire.domain.errors import ConfigError
from fillwire.recorder.book import TradeBook
from fillwire.recorder.documents import fees_document, position_document, profit_document, trade_document
from fillwire.recorder.exporting import write_csv, write_csv_file, write_parquet
from fillwire.recorder.reports import BY_BOT_AND_PAIR, By, Group
from fillwire.recorder.trades import PageMark, Trade, TradeFilter
from fillwire.runtime.logs import LEVEL_VARIABLE, configure_logs
from fillwire.runtime.redaction import printable
from fillwire.runtime.settings import load_settings
from fillwire.wire.decimals import decimal_text

Command = TypeVar("Command", bound=Callable[..., Any])

_SHOWN = 100

_options = all_of(
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
    click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings, as JSON."),
)


@click.group("trades")
def command() -> None:
    """Ask the database of recorded trades; it may be written to meanwhile."""


@command.command("list")
@_options
@click.option("--side", type=click.Choice([str(side) for side in Side]), help="Only these.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=_SHOWN, show_default=True, help="The newest so many."
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


def _by_option(*default: By) -> Callable[[Command], Command]:
    choices = ", ".join(By)

    def read(_ctx: click.Context, _parameter: click.Parameter, text: str) -> tuple[By, ...]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        unknown = [name for name in names if name not in set(By)]
        if unknown:
            raise click.BadParameter(f"expected some of {choices}, found {unknown[0]!r}")
        return tuple(By(name) for name in names)

    return click.option(
        "--by",
        callback=read,
        default=",".join(default),
        show_default=True,
        metavar="LIST",
        help=f"What to tell apart, with commas: {choices}.",
    )


def _zone(_ctx: click.Context, _parameter: click.Parameter, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"expected a time zone such as Europe/Berlin, found {name!r}") from None


_zone_option = click.option(
    "--zone", callback=_zone, default="UTC", show_default=True, help="Where a day begins at midnight."
)
_inventory_options = (
    click.option("--across-bots", is_flag=True, help="Bots of an account sell what others of it bought."),
    click.option(
        "--shorts", is_flag=True, help="What is sold without having been bought is a short position."
    ),
)


@command.command("profit")
@_options
@_by_option(*BY_BOT_AND_PAIR)
@_zone_option
@_inventory_options[0]
@_inventory_options[1]
@json_option
def profit(
    *, by: Sequence[By], zone: ZoneInfo, across_bots: bool, shorts: bool, as_json: bool, **places: Any
) -> None:
    """Show realised profit, by first in, first out.

    Fees are not converted: those in the quote currency are subtracted, those in the base currency are part of the cost, and
    all others stand beside.
    """
    chosen = _chosen(**places)
    with _book(**places) as book:
        rows = book.profit(chosen, by=by, zone=zone, across_bots=across_bots, shorts=shorts)
    if as_json:
        click.echo(json.dumps([profit_document(group, row) for group, row in rows], indent=2))
        return
    columns = ("trades", "sold", "proceeds", "cost", "profit", "quote fees", "net", "other fees", "unmatched")
    table = _group_table(by, columns)
    for group, row in rows:
        others = " ".join(f"{_text(amount)} {name or '?'}" for name, amount in sorted(row.other_fees.items()))
        if row.unknown_fee_count:
            others += f" + {row.unknown_fee_count} unknown"
        _add(
            table,
            group,
            by,
            str(row.trade_count),
            _text(row.quantity),
            *map(_text, (row.proceeds, row.cost, row.profit, row.quote_fees, row.net_profit)),
            others.strip(" +") or "-",
            _text(row.unmatched_quantity if row.unmatched_quantity is not None else row.unmatched_value),
        )
    show(table)
    unmatched = sum(1 for _, row in rows if row.unmatched_value or row.unmatched_quantity)
    if unmatched:
        click.echo(
            f"{unmatched} rows have sales without a recorded purchase: what these brought is in no profit; "
            "see --across-bots, --shorts and docs/recorder.md",
            err=True,
        )


@command.command("fees")
@_options
@_by_option()
@_zone_option
@json_option
def fees(*, by: Sequence[By], zone: ZoneInfo, as_json: bool, **places: Any) -> None:
    """Show fees, by the currency in which they were taken."""
    chosen = _chosen(**places)
    with _book(**places) as book:
        rows = book.fees(chosen, by=by, zone=zone)
    if as_json:
        click.echo(json.dumps([fees_document(group, row) for group, row in rows], indent=2))
        return
    table = _group_table(by, ("trades", "fees", "not told"))
    for group, row in rows:
        _add(table, group, by, str(row.trade_count), _text(row.amount), str(row.unknown_count or "-"))
    show(table)


@command.command("positions")
@_options
@_inventory_options[0]
@_inventory_options[1]
@json_option
def positions(*, across_bots: bool, shorts: bool, as_json: bool, **places: Any) -> None:
    """Show what is held by the recorded trades alone, and what it cost."""
    chosen = _chosen(**places)
    with _book(**places) as book:
        rows = book.positions(chosen, across_bots=across_bots, shorts=shorts)
    if as_json:
        click.echo(json.dumps([position_document(row) for row in rows], indent=2))
        return
    table = _columns(("account", "bot", "pair"), ("quantity", "value", "average", "lots"), ("since (UTC)",))
    for row in rows:
        amounts = map(_text, (row.quantity, row.value, row.average_price))
        table.add_row(
            *_safe(
                str(row.account),
                row.bot or "-",
                row.pair,
                *amounts,
                str(row.lot_count),
                time_text(row.opened_ns),
            )
        )
    show(table)


@command.command("export")
@_options
@click.option("--side", type=click.Choice([str(side) for side in Side]), help="Only these.")
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), help="[default: by the file's name]")
@click.option("--text-amounts", is_flag=True, help="Amounts of Parquet as text, for any size.")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
def export(*, side: str | None, form: str | None, text_amounts: bool, file: Path, **places: Any) -> None:
    """Write trades to a file, oldest first, as CSV or Parquet; `-` is standard output, as CSV."""
    chosen = _chosen(side=side, **places)
    form = form or ("parquet" if file.suffix == ".parquet" else "csv")
    with _book(**places) as book:
        trades = book.trades(chosen)
        try:
            if str(file) == "-":
                if form != "csv":
                    raise ConfigError("standard output takes CSV: expected a file for Parquet")
                count = write_csv(trades, sys.stdout)
            elif form == "csv":
                count = write_csv_file(trades, file)
            else:
                count = write_parquet(trades, file, text_amounts=text_amounts)
        except OSError as error:
            raise ConfigError(f"cannot write {file}: {error.strerror}") from None
    click.echo(f"{count} trades", err=True)


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
    table = _columns(
        ("time (UTC)", "account", "pair", "bot", "side"), ("quantity", "price", "fee"), ("order", "trade")
    )
    for trade in trades:
        fee = "?" if trade.fee is None else f"{_text(trade.fee)} {trade.fee_currency or ''}"
        table.add_row(
            *_safe(
                time_text(trade.transaction_time_ns),
                str(trade.account),
                trade.pair,
                trade.bot or "-",
                trade.side,
                _text(trade.quantity),
                _text(trade.price),
                fee,
                trade.order_id,
                trade.trade_id,
            )
        )
    return table


def _columns(left: Sequence[str], right: Sequence[str], more: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    for name in more:
        table.add_column(name)
    return table


def _group_table(by: Sequence[By], numbers: Sequence[str]) -> Table:
    return _columns((*by, "environment", "currency"), numbers)


def _add(table: Table, group: Group, by: Sequence[By], *numbers: str) -> None:
    place = (getattr(group, name) or "-" for name in by)
    table.add_row(*_safe(*place, group.environment, group.currency or "?", *numbers))


def _safe(*texts: str) -> list[Text]:
    return [Text(printable(text)) for text in texts]


def _text(amount: Decimal | None) -> str:
    return "-" if amount is None else decimal_text(amount)
