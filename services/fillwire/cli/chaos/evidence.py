"""Gathers what the judge needs: the venue's own record, the bots' recordings, and the stream of order events."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import orjson

from fillwire.bus.durables import StartAtSequence
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.cli.chaos import bots
from fillwire.cli.chaos.counters import Counters
from fillwire.cli.chaos.judge import LOG, Emitted, Heard, Judge
from fillwire.cli.chaos.stage import Stage, braked_pair
from fillwire.cli.recordings import RecordingReader

BOTS = (bots.EVERYTHING, bots.BRAKED, bots.QUICK)
_READ_DEADLINE_S = 120.0


def listeners(exchange: str) -> dict[str, str | None]:
    """Return who is told of executions, and of which pair, None for all."""
    braked = braked_pair(exchange)
    return {bots.EVERYTHING: None, bots.BRAKED: braked, bots.QUICK: braked, LOG: None}


class Evidence:
    """What was emitted, told and stored since the last look; each look goes on from the one before.

    Args:
        stage: where to look.
        judge: whom to tell of executions.
        counters: whom to tell of counter-orders.
    """

    def __init__(self, stage: Stage, judge: Judge, counters: Counters) -> None:
        self._stage = stage
        self._judge = judge
        self._counters = counters
        self._countering = RecordingReader(bots.recording_path(stage.directory, bots.COUNTERING))
        self._orders_seen = 0
        self._readers = {name: RecordingReader(bots.recording_path(stage.directory, name)) for name in BOTS}
        self._sequences = dict.fromkeys(stage.bus.partitions.streams, 0)

    async def look(self) -> None:
        """Take what the bots were told, and before it what the venue emitted."""
        told = {name: reader.new_lines() for name, reader in self._readers.items()}
        self._judge.emit(await self._emitted())
        for name, lines in told.items():
            self._judge.hear(name, _calls(lines))
        await self._look_at_orders()

    async def _look_at_orders(self) -> None:
        """Take which orders the venue has, and then what was wanted: that is written down before anything is sent."""
        venue = self._stage.venue
        names = await venue.orders(self._orders_seen)
        self._orders_seen += len(names)
        self._counters.place(names)
        for line in self._countering.new_lines():
            if line["step"] == "wanted":
                self._counters.want(line["event_id"], venue.name_of(line["client_order_id"]))
            elif line["step"] == "answered":
                self._counters.answer(line["event_id"])

    async def read_log(self) -> None:
        """Take what was stored since.

        Raises:
            BrokerError: it could not be read; nothing was taken.
        """
        stored: list[Heard] = []
        sequences = dict(self._sequences)

        def take(stream: str, message: Message) -> None:
            sequences[stream] = message.sequence
            if (heard := _stored(message.data)) is not None:
                stored.append(heard)

        for stream, sequence in self._sequences.items():
            begin = StartAtSequence(sequence + 1)
            await read_stream(
                self._stage.bus,
                stream,
                "orders.>",
                begin,
                partial(take, stream),
                deadline_s=_READ_DEADLINE_S,
            )
        self._sequences = sequences
        self._judge.emit(await self._emitted())
        self._judge.hear(LOG, stored)

    async def _emitted(self) -> list[Emitted]:
        return [
            Emitted(
                row["event_id"],
                row["order"],
                row["pair"],
                row["emitted_ns"],
                _plain(row["price"]),
                _plain(row["quantity"]),
            )
            for row in await self._stage.venue.executions(self._judge.emitted_count)
        ]


def _calls(lines: Iterable[dict[str, Any]]) -> Iterable[Heard]:
    return (Heard(line["event_id"], line["run"], line["called_ns"]) for line in lines)


def _stored(data: bytes) -> Heard | None:
    """Return the execution that an event of the log tells of, None if it tells of none."""
    event = orjson.loads(data)
    fill = event["last_fill"]
    if fill is None:
        return None
    return Heard(event["event_id"], LOG, event["received_time_ns"], fill["price"], fill["quantity"])


def _plain(amount: str) -> str:
    """Return a decimal string as events write it: without trailing zeros."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount
