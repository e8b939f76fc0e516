"""The bots of `bench_isolation`: some quiet ones that measure, and a colleague that behaves as it is told."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

from fillwire.domain.events import OrderEvent
from fillwire.sdk.strategy import Strategy

SLOW_S = 1.0
HOG_S = 0.02
HOG_EVERY = 20  # fills: a fifth of a second in each, at the rate of the benchmark


class Quiet(Strategy):
    """Notes how long each fill took to come, and writes it down when it stops."""

    pairs = ("BTC-USDT",)

    def __init__(self, out: Path) -> None:
        self.out = out
        self.latencies_ns: dict[str, int] = {}

    async def on_fill(self, order: OrderEvent) -> None:
        """Note the way from the publisher to here."""
        self.latencies_ns[order.order_id] = time.time_ns() - order.received_time_ns

    def on_stop(self) -> None:
        """Write down what was noted."""
        (self.out / f"{self.name}.json").write_text(json.dumps(self.latencies_ns))


class Quiet1(Quiet):
    """The first of them."""


class Quiet2(Quiet):
    """The second."""


class Quiet3(Quiet):
    """The third."""


class Quiet4(Quiet):
    """The fourth."""


class Colleague(Strategy):
    """Does with each fill what `mode` says."""

    pairs = ("BTC-USDT",)

    def __init__(self, mode: str, label: str) -> None:
        self.name = label  # a new one in each block, so that it begins with an empty inbox
        self.mode = mode
        self.fills = 0
        self.blocking = mode == "blocks"

    def on_fill(self, order: OrderEvent) -> Awaitable[object] | None:
        """Behave."""
        match self.mode:
            case "raises":
                raise ValueError(order.order_id)
            case "is slow":
                return asyncio.sleep(SLOW_S)  # its work, done waiting
            case "blocks":
                time.sleep(SLOW_S)  # its work, done in a thread
            case "hogs":  # the mistake that `blocking` is there for
                self.fills += 1
                if self.fills % HOG_EVERY == 0:
                    time.sleep(HOG_S)  # its work, done in the loop
            case "exits":
                sys.exit(1)
            case "crashes":
                os._exit(1)
            case _:
                pass
        return None
