"""`fillwire parse`: venue frames on standard input, one per line, to one JSON line each on standard output."""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol, cast

import click
import orjson

from fillwire.domain.errors import ConfigError, FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import MAX_FRAME_BYTES, BinanceParser, Control

EXCHANGES = ("binance",)
_CHUNK_BYTES = 1 << 16


class ByteSource(Protocol):
    """Where the frames come from."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, at most `size` bytes; wait only if nothing is; nothing at the end."""


def batches(source: ByteSource, limit: int = MAX_FRAME_BYTES) -> Iterator[list[bytes]]:
    """Yield the lines of `source` without their line ends, as many at a time as have arrived.

    A line longer than `limit` bytes is cut to `limit + 1` bytes, which the parser refuses; its rest is thrown away
    as it arrives, so that no input takes more memory than that.
    """
    kept = bytearray()
    while chunk := source.read1(_CHUNK_BYTES):
        *ends, rest = chunk.split(b"\n")
        lines = []
        for end in ends:
            kept += end
            lines.append(bytes(kept[: limit + 1]))
            kept.clear()
        kept += rest
        del kept[limit + 1 :]
        yield lines
    if kept:
        yield [bytes(kept)]


def result_line(parser: BinanceParser, frame: bytes, received_time_ns: int) -> bytes:
    """Return what `frame` says, or what is wrong with it, as one line of JSON."""
    try:
        reports = parser.parse(frame, received_time_ns)
    except FrameError as error:
        facts = {
            "class": error.error_class,
            "code": error.code,
            "field": error.field,
            "offset": error.offset,
            "message": error.message,
        }
        return orjson.dumps({"error": facts}) + b"\n"
    match reports:
        case [Control() as control]:
            return b'{"control":' + control.json + b"}\n"
        case _:
            return b'{"events":[' + b",".join(report.json for report in reports) + b"]}\n"


def read_symbols(path: Path) -> dict[str, str]:
    """Return symbol to pair from a file holding the venue's answer to `exchangeInfo`.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read symbols from {path}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"cannot read symbols from {path}: expected JSON, {error}") from error
    try:
        rows = [(row["symbol"], f"{row['baseAsset']}-{row['quoteAsset']}") for row in document["symbols"]]
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"cannot read symbols from {path}: expected an exchangeInfo, "
            "an object whose symbols each have symbol, baseAsset and quoteAsset"
        ) from error
    return _checked(rows, path)


def _checked(rows: list[tuple[object, str]], path: Path) -> dict[str, str]:
    symbols = {symbol: pair for symbol, pair in rows if isinstance(symbol, str)}
    if not symbols or len(symbols) != len(rows):
        raise ConfigError(
            f"cannot read symbols from {path}: expected an exchangeInfo, each symbol a string, once"
        )
    return symbols


def _parser(
    exchange: str, account: Account, symbols: Mapping[str, str] | None, *, microseconds: bool
) -> BinanceParser:
    if exchange not in EXCHANGES:
        raise ConfigError(f"unknown exchange {exchange!r}: expected one of {', '.join(EXCHANGES)}")
    try:
        return BinanceParser(account, symbols, microseconds=microseconds)
    except UnicodeEncodeError as error:
        raise ConfigError(f"cannot use {error.object!r} as a name: expected UTF-8") from error


@click.command()
@click.option("--exchange", required=True, help=f"Whose frames they are: {', '.join(EXCHANGES)}.")
@click.option("--user", default="user", show_default=True, help="Owner of the account, for the events.")
@click.option(
    "--environment", default="live", show_default=True, help="Environment of the account, for the events."
)
@click.option(
    "--symbols",
    "symbols_path",
    type=click.Path(path_type=Path),
    help="File with the venue's exchangeInfo. Without it pairs are guessed by the ends of symbols.",
)
@click.option("--microseconds", is_flag=True, help="The connection was opened with timeUnit=MICROSECOND.")
def command(
    *, exchange: str, user: str, environment: str, symbols_path: Path | None, microseconds: bool
) -> None:
    """Parse venue frames from standard input to order events.

    Each line is one frame and gives one line of JSON: {"events":[…]}, {"control":{…}} or {"error":{…}}, in order.
    The exit status is 0 whatever the frames are.
    """
    symbols = None if symbols_path is None else read_symbols(symbols_path)
    account = Account(user, exchange, environment)
    parser = _parser(exchange, account, symbols, microseconds=microseconds)
    for lines in batches(cast("ByteSource", sys.stdin.buffer)):
        received_time_ns = time.time_ns()
        sys.stdout.buffer.writelines(result_line(parser, line, received_time_ns) for line in lines)
        sys.stdout.buffer.flush()
