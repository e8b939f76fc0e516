"""What a host says of its bots, in a real bucket: with how far behind they are, and never later than the last word."""

import asyncio
from dataclasses import replace

import pytest

from fillwire.bus.buckets import BOT_STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.domain.bots import BotState, BotStatus
from fillwire.runtime.supervision import Supervisor
from fillwire.sdk.reports import Reports
from fillwire.wire.bots import decode_bot_status
from support.eventually import eventually

RUNS = BotStatus(
    user="alice",
    bot="grid",
    creation="",
    revision=0,
    state=BotState.RUNNING,
    host="h",
    since_ns=1,
    error=None,
    restart_count=0,
    waiting_count=None,
    time_ns=1,
)


async def test_what_is_said_while_it_is_counted_is_not_overtaken(bus: Bus) -> None:
    """The broker is asked how far behind a bot is; what is said of it meanwhile, for the last time too, stands."""
    asked, answer = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def count(_: str) -> int | None:
        asked.set()
        return int(await answer)

    bucket = Bucket(bus, BOT_STATUS)

    async def said(bot: str) -> BotStatus | None:
        entry = await bucket.get(f"alice.{bot}")
        return None if entry is None or entry.value is None else decode_bot_status(entry.value)

    reports, supervisor = Reports(bucket, 3_600.0, count), Supervisor()
    reports.start(supervisor)
    reports.say(RUNS)
    await asked.wait()
    await reports.say_last(replace(RUNS, state=BotState.STOPPED))
    reports.say(replace(RUNS, bot="other"))
    answer.set_result(7)

    async def is_written() -> bool:
        return await said("other") is not None

    await eventually(is_written)
    stopped, other = await said("grid"), await said("other")
    assert stopped is not None
    assert other is not None
    assert (stopped.state, other.state) == (BotState.STOPPED, BotState.RUNNING)
    assert (stopped.waiting_count, other.waiting_count) == (None, 7)
    await reports.stop()
    supervisor.close()


async def test_bots_of_which_the_broker_is_silent_keep_nobody_waiting(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first it is asked how far behind it is, for a moment; what the others do is said without."""
    monkeypatch.setattr("fillwire.sdk.reports._COUNTED_S", 0.05)
    asked = list[str]()

    async def count(key: str) -> int | None:
        asked.append(key)
        return int(await asyncio.get_running_loop().create_future())

    bucket = Bucket(bus, BOT_STATUS)
    reports, supervisor = Reports(bucket, 3_600.0, count), Supervisor()
    reports.start(supervisor)
    for number in range(100):
        reports.say(replace(RUNS, bot=f"silent-{number}"))
    reports.say(replace(RUNS, bot="other", waiting_count=1))

    async def is_written() -> bool:
        return await bucket.get("alice.other") is not None

    await eventually(is_written)
    assert asked == ["alice.silent-0"]
    entry = await bucket.get("alice.silent-0")
    assert entry is not None
    assert entry.value is not None
    assert decode_bot_status(entry.value).waiting_count is None
    await reports.stop()
    supervisor.close()
