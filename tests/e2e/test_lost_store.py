"""A broker that comes back with an empty store while a gateway and a bot run on: nobody has to do anything to be told again."""

import shutil
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from fillwire.bus.buckets import PLACEMENTS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.lookup import newest_message
from fillwire.bus.restored import restored_ns
from fillwire.cli.recordings import RecordingReader
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.domain.alert_names import STORE_LOST
from fillwire.wire.subjects import alert_subject
from support import countering_bot
from support.eventually import eventually
from support.recording import stream_ids

BEFORE, AWAY, AFTER = 40, 12, 6
SYMBOLS = ["BTCUSDT", "ETHUSDT"]
# Of which the restart of the client's connection takes 0.3 s; the rest is for a machine that does ten other things.
FIRST_TOLD_S = 15.0


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_broker_that_lost_its_store_gets_its_streams_anew(tmp_path: Path) -> None:
    """The gateway makes them; what the venue executed meanwhile is told within seconds, once, and no order is placed twice."""
    recording = tmp_path / "recording.jsonl"
    async with aiohttp.ClientSession() as session, Stack(tmp_path) as stack:
        venue = await SimulatedVenue.start(stack, session, "--market-interval", "0")
        await stack.spawn("gateway", "gateway", "--exchange", "binance")
        await stack.spawn("host", "run", str(countering_bot.__file__), "--param", f"path={recording}")
        await venue.wait_receiving(stack.broker.url)
        reader = RecordingReader(recording)
        lines: list[dict[str, str]] = []

        def is_told(count: int) -> bool:
            lines.extend(reader.new_lines())
            return len(lines) >= count

        async def is_countered() -> bool:
            return {venue.name_of(line["client_order_id"]) for line in lines} <= set(await venue.orders())

        await venue.emit(SYMBOLS, rate=200, count=BEFORE, orders=8)
        await eventually(lambda: is_told(BEFORE), 60)
        await eventually(is_countered, 60)
        await stack.broker.kill()
        shutil.rmtree(stack.broker.data_dir / "jetstream")
        await venue.emit(SYMBOLS, rate=400, count=AWAY, orders=4)
        await stack.broker.start()
        began_s = time.monotonic()
        await eventually(lambda: is_told(BEFORE + 1), FIRST_TOLD_S, "the first fill after the loss")
        print(f"told {time.monotonic() - began_s:.2f} s after the broker was back")  # noqa: T201 - for who reads the run
        await venue.emit(SYMBOLS, rate=200, count=AFTER, orders=2)
        await eventually(lambda: is_told(BEFORE + AWAY + AFTER), 60)
        await eventually(is_countered, 60)
        emitted = [each["event_id"] for each in await venue.executions()]
        placed = Counter(await venue.orders())
        async with await Bus.connect(stack.broker.url, name="judge") as bus:
            stored = [each for each in await stream_ids(bus) if each in set(emitted)]
            assert await restored_ns(Bucket(bus, PLACEMENTS)) > 0
            assert await newest_message(bus, "ALERTS", alert_subject(venue.account, STORE_LOST)) is not None
    assert sorted(line["event_id"] for line in lines) == sorted(emitted)
    assert sorted(stored) == sorted(emitted[BEFORE:])
    ids = [venue.name_of(line["client_order_id"]) for line in lines]
    assert [placed[order_id] for order_id in ids] == [1] * len(ids)
