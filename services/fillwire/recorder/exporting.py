"""Trades into files: CSV with amounts as text, and Parquet with decimals that are exact or not written at all."""

import contextlib
import csv
import itertools
import os
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from pathlib import Path
from typing import IO, Any, Final

from fillwire.domain.errors import ConfigError, FillwireError
from fillwire.recorder.documents import TRADE_FIELDS, iso_time, plain
from fillwire.recorder.trades import Trade

COLUMNS: Final = ("time", *TRADE_FIELDS)
PRECISION: Final = 38
SCALE: Final = 18
_AMOUNTS: Final = ("price", "quantity", "quote", "fee", "cumulative_quantity")
_ROWS_AT_ONCE: Final = 20_000
_WIDE: Final = Context(prec=400)


class NotExact(FillwireError):
    """An amount does not fit into the decimals of a file without being rounded."""


def write_csv(trades: Iterable[Trade], file: IO[str]) -> int:
    """Write trades as CSV with a header; return how many there were. What is not known is empty."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for trade in trades:
        values = (plain(getattr(trade, name)) for name in TRADE_FIELDS)
        writer.writerow((iso_time(trade.transaction_time_ns), *values))
        count += 1
    return count


def write_csv_file(trades: Iterable[Trade], path: Path) -> int:
    """Write trades as a CSV file, whole or not at all; return how many there were.

    Raises:
        OSError: the file cannot be written.
    """
    with _aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        return write_csv(trades, file)


@contextlib.contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to, which takes its place when the block ends well."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_parquet(trades: Iterable[Trade], path: Path, *, text_amounts: bool = False) -> int:
    """Write trades as a Parquet file, whole or not at all; return how many there were.

    Amounts are `decimal128(38, 18)`, times `timestamp[ns, UTC]`.

    Args:
        trades: what to write.
        path: of the file, which is replaced.
        text_amounts: amounts as decimal strings instead, of any size.

    Raises:
        ConfigError: pyarrow is not installed.
        NotExact: an amount has more than 18 decimals or 20 digits before them.
        OSError: the file cannot be written.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - as large as all else together, and an extra
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError:
        raise ConfigError("Parquet needs pyarrow: expected `pip install 'fillwire[parquet]'`") from None
    amount = pa.string() if text_amounts else pa.decimal128(PRECISION, SCALE)
    types = dict.fromkeys(TRADE_FIELDS, pa.string()) | dict.fromkeys(_AMOUNTS, amount)
    types |= {"time": pa.timestamp("ns", tz="UTC"), "transaction_time_ns": pa.int64()}
    schema = pa.schema([(name, types[name]) for name in COLUMNS])
    count = 0
    with _aside(path) as aside, parquet.ParquetWriter(aside, schema, compression="zstd") as writer:
        for batch in _batches(trades):
            columns = {"time": [trade.transaction_time_ns for trade in batch]} | {
                name: [_cell(trade, name, text_amounts=text_amounts) for trade in batch]
                for name in TRADE_FIELDS
            }
            writer.write_table(pa.table(columns, schema=schema))
            count += len(batch)
    return count


def _cell(trade: Trade, name: str, *, text_amounts: bool) -> Any:
    value = getattr(trade, name)
    if not isinstance(value, Decimal):
        return value
    if text_amounts:
        return plain(value)
    _, digits, exponent = value.normalize(_WIDE).as_tuple()
    if not isinstance(exponent, int) or -exponent > SCALE or len(digits) + exponent > PRECISION - SCALE:
        raise NotExact(
            f"{name} {plain(value)} of trade {trade.event_id} does not fit decimal128({PRECISION}, {SCALE}): "
            "expected amounts as text"
        )
    return value


def _batches(trades: Iterable[Trade]) -> Iterator[list[Trade]]:
    iterator = iter(trades)
    while batch := list(itertools.islice(iterator, _ROWS_AT_ONCE)):
        yield batch
