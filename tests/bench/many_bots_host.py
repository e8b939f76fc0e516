"""One process of `bench_many_bots`: a host with many bots, or the bare subscriptions that it is compared with.

python -m bench.many_bots_host KIND FIRST COUNT OUT   KIND is bots or subscriptions; the broker's address is in BENCH_BROKER

It announces itself when everything runs, with the seconds that took. When it is told to stop it writes into OUT, as
JSON by event id: how many bots were told, when the first was and when the last, and when the gateway had the event.
"""

import asyncio
import gc
import os
import sys
import time
from pathlib import Path

import orjson

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.sdk.bot import bot_of
from fillwire.sdk.desired import Wishes
from fillwire.sdk.host import Host
from fillwire.sdk.strategy import Strategy
from fillwire.wire.codec import decode_order
from fillwire.wire.headers import MESSAGE_ID
from fillwire.wire.subjects import order_filter

ACCOUNT = Account("demo", "binance", "simulated")
PAIR = "BTC-USDT"
_STARTS = 32  # at once: more than a host starts by itself, for nothing else runs here yet


class Tally:
    """What all bots of the process were told."""

    def __init__(self) -> None:
        self.told: dict[str, list[int]] = {}  # by event: count, first and last time, when the gateway had it

    def note(self, event_id: str, received_ns: int) -> None:
        """Note that one more bot was told."""
        now_ns = time.time_ns()
        entry = self.told.get(event_id)
        if entry is None:
            self.told[event_id] = [1, now_ns, now_ns, received_ns]
        else:
            entry[0] += 1
            entry[2] = now_ns


class Listener(Strategy):
    """Notes that it was told of an execution."""

    pairs = (PAIR,)

    def __init__(self, name: str, tally: Tally) -> None:
        self.name = name
        self._tally = tally

    async def on_fill(self, order: OrderEvent) -> None:
        """Note it."""
        self._tally.note(order.event_id, order.received_time_ns)


async def run_bots(bus: Bus, tally: Tally, first: int, count: int, stop: Stop) -> None:
    """Run bots until told to stop."""
    async with Host(bus, starts=_STARTS) as host:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(first, first + count):
                group.create_task(host.add(bot_of(Listener(f"bot-{number}", tally), ACCOUNT)))
        await _announce(time.perf_counter() - began, stop)


async def run_subscriptions(bus: Bus, tally: Tally, count: int, stop: Stop) -> None:
    """Hold as many plain subscriptions until told to stop; nothing is decoded but the first copy of an event."""

    def note(message: Message) -> None:
        event_id = message.header(MESSAGE_ID) or ""
        if event_id in tally.told:
            tally.note(event_id, 0)
        elif (event := decode_order(message.data)).last_fill is not None:
            tally.note(event_id, event.received_time_ns)

    wishes = Wishes(bus, "subscriptions")
    wishes.start()
    await wishes.want(ACCOUNT, [PAIR], count)
    began = time.perf_counter()
    for _ in range(count):
        await bus.subscribe(order_filter(ACCOUNT, PAIR), note)
    assert await bus.is_healthy()
    await _announce(time.perf_counter() - began, stop)
    await wishes.stop()


async def _announce(seconds: float, stop: Stop) -> None:
    gc.collect()
    gc.freeze()  # as `fillwire run` does
    announce_ready(started_s=seconds)
    await stop.wait()


async def serve(kind: str, first: int, count: int, out: Path, stop: Stop) -> None:
    """Run what was asked for, then write down what came."""
    tally = Tally()
    async with await Bus.connect(os.environ["BENCH_BROKER"], name=out.stem) as bus:
        if kind == "bots":
            await run_bots(bus, tally, first, count, stop)
        else:
            await run_subscriptions(bus, tally, count, stop)
    out.write_bytes(orjson.dumps(tally.told))  # noqa: ASYNC240 - nothing else runs any more


if __name__ == "__main__":
    follow_parent()
    _, asked_kind, first_bot, bot_count, out_path = sys.argv
    sys.exit(run(lambda stop: serve(asked_kind, int(first_bot), int(bot_count), Path(out_path), stop)))
