"""What the console's sections answer: to each user their own, of bots, of what was set aside, of ways and of trades."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fillwire.bots.service import ManagerService
from fillwire.bus.buckets import BOT_STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.cli.console import sections
from fillwire.console import scope
from fillwire.console.facts import Facts
from fillwire.console.ways import WaysSection
from fillwire.domain.bots import BotAnswer, BotOutcome, BotState, BotStatus
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.recorder.database import Database
from fillwire.runtime.settings import RecorderSettings, Settings
from fillwire.wire.bots import encode_bot
from support.asides import keep_frame, keep_letter
from support.broker import ConnectBus
from support.console import ADMIN_TOKEN, ALICE_TOKEN, BOB_TOKEN, Visitor, console, visitor
from support.eventually import eventually
from support.listeners import Listener, running
from support.managed_bots import managed_bots
from support.order_events import ALICE, order_event
from support.publishing import publish
from support.recording import recorded_ids, recording

BOB = Account("bob", "binance", "live")


class Visitors:
    """Alice, bob and an administrator, logged in."""

    def __init__(self, alice: Visitor, bob: Visitor, admin: Visitor) -> None:
        self.alice = alice
        self.bob = bob
        self.admin = admin


@asynccontextmanager
async def visited(bus: Bus, tmp_path: Path) -> AsyncIterator[Visitors]:
    """A console with all its sections, and visitors."""
    settings = Settings(recorder=RecorderSettings(database=f"sqlite:///{tmp_path}/trades.sqlite"))
    async with AsyncExitStack() as exits:
        made = await exits.enter_async_context(console(bus, sections(bus, settings)))
        tokens = (ALICE_TOKEN, BOB_TOKEN, ADMIN_TOKEN)
        yield Visitors(*[await exits.enter_async_context(visitor(made, token)) for token in tokens])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/bots"),
        ("POST", "/api/bots/alice/teller/stop"),
        ("GET", "/api/letters"),
        ("GET", "/api/letters/1"),
        ("POST", "/api/letters/1/replay"),
        ("GET", "/api/frames"),
        ("GET", "/api/frames/1"),
        ("POST", "/api/frames/1/discard"),
        ("GET", "/api/way?id=a&pair=b&time_ms=1"),
        ("GET", "/api/trades"),
        ("GET", "/api/profit"),
    ],
)
async def test_every_question_wants_a_session_and_every_change_its_token(
    bus: Bus, tmp_path: Path, method: str, path: str
) -> None:
    """Without a session nothing is answered; with one, nothing changes without the token that only our page knows."""
    settings = Settings(recorder=RecorderSettings(database=f"sqlite:///{tmp_path}/trades.sqlite"))
    async with console(bus, sections(bus, settings)) as made, visitor(made) as guest:
        asked = guest.get if method == "GET" else guest.post
        assert (await asked(path))[0] == 401
        await guest.log_in(ALICE_TOKEN)
        assert (await asked(path, headers={"Origin": "http://evil.example"}))[0] == 403
        if method == "POST":
            guest.csrf = ""
            assert (await guest.post(path))[0] == 403


async def test_bots_are_seen_and_turned_by_their_user_alone(
    bus: Bus, connect_bus: ConnectBus, tmp_path: Path
) -> None:
    """Alice pauses and resumes hers; bob neither sees it nor can stop it; the administrator sees it."""
    async with (
        managed_bots(connect_bus, tmp_path) as bots,
        ManagerService(await connect_bus("service"), bots.manager),
        visited(bus, tmp_path) as who,
    ):
        await bots.host("h1")
        await bots.manager.create("alice", bots.creation())
        (seen,) = (await who.alice.get("/api/bots"))[1]["bots"]
        assert (seen["bot"], seen["state"], seen["user"]) == ("teller", "running", "alice")
        assert (await who.bob.get("/api/bots"))[1]["bots"] == []
        assert [bot["bot"] for bot in (await who.admin.get("/api/bots"))[1]["bots"]] == ["teller"]
        for verb in ("stop", "pause"):
            assert (await who.bob.post(f"/api/bots/alice/teller/{verb}"))[0] == 404
        assert (await who.bob.post("/api/bots/bob/teller/stop"))[0] == 409  # bob has none of that name
        assert (await who.alice.post("/api/bots/alice/teller/remove"))[0] == 404
        status, body = await who.alice.post("/api/bots/alice/teller/pause", {"revision": seen["revision"]})
        assert (status, body["bots"][0]["state"]) == (200, "paused")
        status, body = await who.alice.post("/api/bots/alice/teller/stop", {"revision": seen["revision"]})
        assert status == 409  # it was changed since it was looked at
        assert "changed" in body["error"]
        assert (await who.admin.post("/api/bots/alice/teller/resume"))[1]["bots"][0]["state"] == "running"


async def test_without_a_manager_a_sentence_says_so(bus: Bus, tmp_path: Path) -> None:
    """The answer names what is missing."""
    async with visited(bus, tmp_path) as who:
        status, body = await who.alice.get("/api/bots")
        assert status == 503
        assert "expected one that runs, as `fillwire manager`" in body["error"]


async def test_letters_are_seen_and_decided_by_their_user_alone(bus: Bus, tmp_path: Path) -> None:
    """Bob neither lists, reads, replays nor discards alice's letter; alice discards it once, with her name in the record."""
    await keep_letter(bus, "grid", order_event(order_id="7"))
    async with visited(bus, tmp_path) as who:
        listed = (await who.alice.get("/api/letters"))[1]
        assert listed["count"] == 1
        assert listed["shown"][0]["reason"] == "KeyError: no such level"
        assert (await who.bob.get("/api/letters"))[1] == {"count": 0, "shown": []}
        assert (await who.bob.get("/api/letters/1"))[0] == 404
        for verb in ("replay", "discard"):
            assert (await who.bob.post(f"/api/letters/1/{verb}"))[0] == 404
        assert (await who.alice.get("/api/letters/1"))[1]["event"]["order_id"] == "7"
        assert (await who.admin.get("/api/letters"))[1]["count"] == 1
        replayed = (await who.alice.post("/api/letters/1/replay"))[1]
        assert replayed["outcome"] == "refused"
        assert "must have run once" in replayed["reason"]
        done = (await who.alice.post("/api/letters/1/discard", {"reason": "handled by hand"}))[1]
        assert (done["outcome"], done["reason"]) == ("done", "discarded by alice@console: handled by hand")
        assert (await who.alice.post("/api/letters/1/discard"))[1]["outcome"] == "decided_before"
        assert (await who.alice.get("/api/letters"))[1]["count"] == 0


async def test_frames_are_seen_and_decided_by_their_user_alone(bus: Bus, tmp_path: Path) -> None:
    """As with letters; what looks like a key in a frame is not shown."""
    await keep_frame(bus, ALICE, b'{"e":"surprise","signature":"0123456789abcdef0123456789abcdef"}')
    async with visited(bus, tmp_path) as who:
        assert (await who.alice.get("/api/frames"))[1]["shown"][0]["code"] == "unknown_event"
        assert (await who.bob.get("/api/frames"))[1] == {"count": 0, "shown": []}
        assert (await who.bob.get("/api/frames/1"))[0] == 404
        for verb in ("replay", "discard"):
            assert (await who.bob.post(f"/api/frames/1/{verb}"))[0] == 404
        shown = (await who.alice.get("/api/frames/1"))[1]["frame"]
        assert "surprise" in shown
        assert "0123456789abcdef" not in shown
        refused = (await who.alice.post("/api/frames/1/replay"))[1]
        assert refused["outcome"] == "not_done"
        assert "no gateway holds" in refused["reason"]
        assert (await who.admin.post("/api/frames/1/discard"))[1]["outcome"] == "done"
        assert (await who.alice.get("/api/frames"))[1]["count"] == 0


async def test_the_way_of_a_fill_is_told_to_its_user_alone(bus: Bus, tmp_path: Path) -> None:
    """Alice is told the steps by the log; for bob there is no such fill, whatever he asks for."""
    event = order_event(received_time_ns=time.time_ns())
    await publish(bus, event)
    path = f"/api/way?id={event.event_id}&pair={event.pair}&time_ms={event.received_time_ns // 10**6}"
    async with visited(bus, tmp_path) as who:
        status, way = await who.alice.get(path)
        assert status == 200
        assert way["event_id"] == event.event_id
        assert way["steps"][0]["depth"] == 0
        status, body = await who.bob.get(path)
        assert status == 422
        assert "the log has no such fill of BTC-USDT between" in body["error"]
        assert "--" not in body["error"]
        assert (await who.admin.get(path))[0] == 200
        for bad in (
            "",
            "?id=a&pair=b&time_ms=x",
            f"?id=a&pair=b&time_ms={'9' * 40}",
            f"?id={'a' * 2000}&pair=b&time_ms=1",
        ):
            assert (await who.alice.get(f"/api/way{bad}"))[0] == 400


class HeldWays:
    """Ways that are told when they are released; notes who asks."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.released = asyncio.Event()

    async def way(self, event_id: str, pair: str, time_ms: int, user: str | None) -> Facts:
        """Wait."""
        self.asked.append(user)
        await self.released.wait()
        return {"event_id": event_id, "pair": pair, "time_ms": time_ms}


async def test_one_viewer_who_asks_for_many_ways_keeps_nobody_waiting(bus: Bus) -> None:
    """One way of a viewer is looked for at a time, some wait, and more are refused; meanwhile bob is answered."""
    ways = HeldWays()
    async with (
        console(bus, {"ways": WaysSection(ways).routes}) as made,
        visitor(made, ALICE_TOKEN) as alice,
        visitor(made, BOB_TOKEN) as bob,
    ):
        path = "/api/way?id=a&pair=b&time_ms=1"
        asking = [asyncio.create_task(alice.get(path)) for _ in range(8)]
        await eventually(lambda: sum(task.done() for task in asking) == 4)
        assert {task.result()[0] for task in asking if task.done()} == {429}
        bobs = asyncio.create_task(bob.get(path))
        await eventually(lambda: ways.asked == ["alice", "bob"])
        ways.released.set()
        assert (await bobs)[0] == 200
        assert sorted([(await task)[0] for task in asking]) == [200] * 4 + [429] * 4
        assert (await alice.get(path))[0] == 200


async def test_a_way_is_looked_for_around_its_time_alone(bus: Bus, tmp_path: Path) -> None:
    """A time long before the fill has nothing of the log read but its beginning, and the same of one long after."""
    now_ns = time.time_ns()
    event = order_event(received_time_ns=now_ns)
    path = f"/api/way?id={event.event_id}&pair={event.pair}"
    await publish(bus, *(order_event(order_id=f"other {number}") for number in range(200)), event)
    async with visited(bus, tmp_path) as who:
        for time_ms in (0, now_ns // 10**6 - 11 * 60_000, now_ns // 10**6 + 61 * 60_000, 10**13 - 1):
            status, body = await who.alice.get(f"{path}&time_ms={time_ms}")
            assert status == 422, body
            assert "the log has no such fill of BTC-USDT between" in body["error"]
        for time_ms in (now_ns // 10**6 - 9 * 60_000, now_ns // 10**6):
            assert (await who.alice.get(f"{path}&time_ms={time_ms}"))[1]["event_id"] == event.event_id
        # What is no event id is the name of nothing, though a command would know it.
        assert (await who.alice.get(f"/api/way?id=1&pair=BTC-USDT&time_ms={now_ns // 10**6}"))[0] == 422


async def test_the_way_goes_on_to_the_bots_as_their_hosts_remember_it(
    bus: Bus, connect_bus: ConnectBus, tmp_path: Path
) -> None:
    """Delivery and calls of each bot stand below what the log tells, those that raised with what they raised."""
    failures = iter([KeyError("no such level")])

    def fail_once(_: OrderEvent) -> None:
        if (error := next(failures, None)) is not None:
            raise error

    grid, dca = Listener("grid", fail_once), Listener("dca")
    event = order_event(received_time_ns=time.time_ns())
    path = f"/api/way?id={event.event_id}&pair={event.pair}&time_ms={event.received_time_ns // 10**6}"
    async with visited(bus, tmp_path) as who:
        async with (
            running(await connect_bus("host"), grid, dca),
            running(await connect_bus(), Listener("other")),
        ):
            await publish(bus, event)
            await eventually(lambda: grid.told == dca.told == [event.order_id])
            status, way = await who.alice.get(path)
            assert status == 200
            assert (way["hosts"], way["calls"], way["left_out"]) == (2, 4, 0)
            found = [(step["depth"], step["name"].split()[0], step["error"]) for step in way["steps"]]
            assert found[:4] == [
                (0, "emit", None),
                (1, "receive", None),
                (2, "parse", None),
                (3, "publish", None),
            ]
            told = {step["name"]: number for number, step in enumerate(way["steps"])}
            of_grid, of_dca = told["deliver to grid"], told["deliver to dca"]
            assert found[of_grid : of_grid + 3] == [
                (4, "deliver", None),
                (5, "callback", "KeyError"),
                (5, "callback", None),
            ]
            assert way["steps"][of_grid + 1]["name"] == "callback on_fill"
            assert found[of_dca : of_dca + 2] == [(4, "deliver", None), (5, "callback", None)]
            assert (await who.bob.get(path))[0] == 422
            assert (await who.admin.get(path))[1]["calls"] == 4
        _, way = await who.alice.get(path)  # nobody is there any more who remembers it
        assert (way["hosts"], way["calls"], len(way["steps"])) == (0, 0, 4)


async def test_bots_without_a_manager_are_shown_to_their_user(
    bus: Bus, connect_bus: ConnectBus, tmp_path: Path
) -> None:
    """As their host says it: what each does and how far behind it is, that nobody manages it, and nothing once it has ended."""

    async def seen(visitor: Visitor) -> list[tuple[str, str, bool]]:
        status, body = await visitor.get("/api/bots")
        return (
            [(bot["bot"], bot["state"], bot["is_managed"]) for bot in body["bots"]] if status == 200 else []
        )

    async def is_shown() -> bool:
        return await seen(who.alice) == [("alone", "running", False)]

    async def refuse(_: Message) -> bytes:
        return encode_bot(BotAnswer(outcome=BotOutcome.REFUSED, reason="the manager rests"))

    async with visited(bus, tmp_path) as who:
        stream = await who.alice.listen()
        async with running(await connect_bus("host"), Listener("alone")):
            await eventually(is_shown)
            resting = await Responder.start(await connect_bus("resting"), "bots.alice.list", refuse)
            assert (await who.alice.get("/api/bots"))[1]["without_manager"] == "the manager rests"
            assert await seen(who.alice) == [("alone", "running", False)]
            await resting.stop()
            (bot,) = (await who.alice.get("/api/bots"))[1]["bots"]
            assert (bot["exchange"], bot["environment"], bot["pairs"]) == ("binance", "live", ["BTC-USDT"])
            assert (bot["strategy"], bot["desired"], bot["revision"]) == ("Listener", None, None)
            assert "no manager" in (await who.alice.get("/api/bots"))[1]["without_manager"]
            assert await seen(who.bob) == []
            assert await seen(who.admin) == [("alone", "running", False)]
            await eventually(lambda: {"what": ["bots"]} in stream.all("changed"))
            assert (await who.alice.post("/api/bots/alice/alone/stop"))[0] == 503
            async with (
                managed_bots(connect_bus, tmp_path) as bots,
                ManagerService(await connect_bus("service"), bots.manager),
            ):
                await bots.host("h1")
                await bots.manager.create("alice", bots.creation())
                assert await seen(who.alice) == [("alone", "running", False), ("teller", "running", True)]
                assert (await who.alice.get("/api/bots"))[1]["without_manager"] is None
                # The manager knows it not, and lets it be.
                assert (await who.alice.post("/api/bots/alice/alone/stop"))[0] == 409
        assert (await who.alice.get("/api/bots"))[0] == 503


async def test_a_page_is_told_at_once_what_a_bot_does_and_seldom_how_far_behind_it_is(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts say the latter of each bot all the time, and a page asks for all of its bots anew."""
    monkeypatch.setattr(scope, "_BOTS_PACE_S", 3_600.0)
    bucket, key = Bucket(bus, BOT_STATUS), "alice.grid"
    status = BotStatus(
        user="alice",
        bot="grid",
        creation="",
        revision=0,
        state=BotState.RUNNING,
        host="h",
        since_ns=1,
        error=None,
        restart_count=0,
        waiting_count=0,
        time_ns=1,
    )
    async with visited(bus, tmp_path) as who:
        stream = await who.alice.listen()
        await bucket.put(key, encode_bot(replace(status, waiting_count=None)))
        await eventually(lambda: len(stream.all("changed")) == 1)
        await bucket.put(key, encode_bot(status))  # known from now on
        await eventually(lambda: len(stream.all("changed")) == 2)
        for count in range(20):
            await bucket.put(key, encode_bot(replace(status, waiting_count=count, time_ns=count)))
        await publish(bus, order_event(order_id="behind them"))
        await eventually(lambda: len(stream.events) == 1)
        assert len(stream.all("changed")) == 2
        await bucket.put(key, encode_bot(replace(status, state=BotState.FAILED)))
        await eventually(lambda: len(stream.all("changed")) == 3)
        monkeypatch.setattr(scope, "_BOTS_PACE_S", 0.01)
    async with visited(bus, tmp_path) as who:
        stream = await who.alice.listen()
        await bucket.put(key, encode_bot(replace(status, state=BotState.FAILED, waiting_count=7)))
        await eventually(lambda: len(stream.all("changed")) == 1)


async def test_trades_and_profit_are_told_to_their_user_alone(bus: Bus, tmp_path: Path) -> None:
    """What the recorder has of each user is shown to that user; before there is a database, a sentence says so."""
    async with visited(bus, tmp_path) as who:
        status, body = await who.alice.get("/api/trades")
        assert status == 422
        assert "`fillwire recorder` makes it" in body["error"]
        database = Database.at(f"sqlite:///{tmp_path}/trades.sqlite", None)
        async with recording(bus, database):
            await publish(
                bus,
                order_event(order_id="1", trade=1, price="100", cumulative="1", quantity="1"),
                order_event(account=BOB, order_id="2", trade=2, price="50"),
            )
            await eventually(lambda: len(recorded_ids(database)) == 2)
            (trade,) = (await who.alice.get("/api/trades"))[1]["trades"]
            assert (trade["user"], trade["price"], trade["value"]) == ("alice", "100", "100")
            (other,) = (await who.bob.get("/api/trades"))[1]["trades"]
            assert other["user"] == "bob"
            assert len((await who.admin.get("/api/trades?limit=5"))[1]["trades"]) == 2
            for limit in ("100000", "0", "00000000100000", "x"):
                assert (await who.alice.get(f"/api/trades?limit={limit}"))[0] == 400
            profit = (await who.alice.get("/api/profit"))[1]
            assert [(of["pair"], of["trades"], of["fees"]) for of in profit["bots"]] == [
                ("BTC-USDT", 1, "1.28")
            ]
            assert profit["days"][-1]["cumulative"] == "-1.28"
            assert [(of["user"], of["trades"]) for of in profit["bots"]] == [(None, 1)]
            of_all = (await who.admin.get("/api/profit"))[1]["bots"]
            assert sorted((of["user"], of["trades"]) for of in of_all) == [("alice", 1), ("bob", 1)]


async def test_a_page_is_told_that_something_was_set_aside_and_only_its_own(bus: Bus, tmp_path: Path) -> None:
    """The stream says that letters and frames are to be asked for anew, to the user whose they are."""
    async with visited(bus, tmp_path) as who:
        alice, bob = await who.alice.listen(), await who.bob.listen()
        await keep_letter(bus, "grid", order_event(order_id="7"))
        await keep_frame(bus, ALICE, b"{}")

        def heard() -> set[str]:
            return {what for content in alice.all("changed") for what in content["what"]}

        await eventually(lambda: heard() >= {"letters", "frames"})
        alice.told.clear()
        assert (await who.admin.post("/api/letters/1/discard", {"reason": "old"}))[0] == 200
        await eventually(lambda: "letters" in heard())
        await publish(bus, order_event(account=BOB, order_id="b"))
        await eventually(lambda: len(bob.events) == 1)
        assert bob.all("changed") == []
