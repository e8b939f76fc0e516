"""`fillwire parse`: venue frames on standard input, one per line, to one JSON line each on standard output."""

import sys
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Protocol, cast

import click
import orjson

from fillwire.domain.errors import ConfigError, FrameError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import EXCHANGES, MAX_FRAME_BYTES, Control, ExecutionReport, Parser
from fillwire.venues.registry import venue
from fillwire.venues.rest import HttpResponse

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


def result_line(parser: Parser, frame: bytes, received_time_ns: int) -> bytes:
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
    events = [report.json for report in reports if isinstance(report, ExecutionReport)]
    controls = [report.json for report in reports if isinstance(report, Control)]
    members = []
    if events or not controls:
        members.append(b'"events":[' + b",".join(events) + b"]")
    if len(controls) == 1:
        members.append(b'"control":' + controls[0])
    elif controls:
        members.append(b'"controls":[' + b",".join(controls) + b"]")
    return b"{" + b",".join(members) + b"}\n"


def read_symbols(exchange: str, path: Path) -> Mapping[str, str]:
    """Return symbol to pair from a file holding the venue's own answer to the question for its symbols.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read symbols from {path}: {error.strerror}") from error
    try:
        pairs = venue(exchange).read_symbols(HttpResponse(status=HTTPStatus.OK, body=body)).pairs
    except VenueError as error:
        raise ConfigError(
            f"cannot read symbols from {path}: expected the venue's answer to a question for them: {error}"
        ) from error
    if not pairs:
        raise ConfigError(f"cannot read symbols from {path}: expected at least one, found none")
    return pairs


def _parser(account: Account, symbols: Mapping[str, str] | None, *, microseconds: bool) -> Parser:
    try:
        return Parser(account, symbols, microseconds=microseconds)
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
    help="File with the venue's own list of its symbols. Without it pairs are guessed by their spelling.",
)
@click.option("--microseconds", is_flag=True, help="The connection was opened with timeUnit=MICROSECOND.")
def command(
    *, exchange: str, user: str, environment: str, symbols_path: Path | None, microseconds: bool
) -> None:
    """Parse venue frames from standard input to order events.

    Each line is one frame and gives one line of JSON: {"events":[…]}, {"control":{…}} or {"error":{…}}, in order; where a
    frame says several things that are no events, {"controls":[…]}, beside events if there are any.
    The exit status is 0 whatever the frames are.
    """
    if exchange not in EXCHANGES:
        raise ConfigError(f"unknown exchange {exchange!r}: expected one of {', '.join(EXCHANGES)}")
    symbols = None if symbols_path is None else read_symbols(exchange, symbols_path)
    parser = _parser(Account(user, exchange, environment), symbols, microseconds=microseconds)
    for lines in batches(cast("ByteSource", sys.stdin.buffer)):
        received_time_ns = time.time_ns()
        sys.stdout.buffer.writelines(result_line(parser, line, received_time_ns) for line in lines)
        sys.stdout.buffer.flush()
