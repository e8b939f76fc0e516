"""Giving dead letters back, where it goes wrong in between: each is applied once all the same."""

import asyncio
import time

import pytest

from fillwire.bus.buckets import DECISIONS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.decisions import Decisions
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.kept_letters import KeptLetter
from fillwire.sdk.replaying import LetterBox, Outcome, Selection, read_dead_letters
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.strategy import Strategy
from fillwire.wire.dead_letters import REPLAY_FOR
from fillwire.wire.decisions import Decision, Verdict
from support.eventually import eventually
from support.order_events import ALICE, order_event
from support.publishing import publish

HOUR_NS = 3600 * 10**9

pytestmark = pytest.mark.usefixtures("positions")


class Fails(Strategy):
    """Fails in both callbacks of an execution."""

    pairs = ("BTC-USDT",)

    def on_fill(self, order: OrderEvent) -> None:
        """Fail."""
        raise ValueError(order.order_id)

    def on_order_filled(self, order: OrderEvent) -> None:
        """Fail."""
        raise LookupError(order.order_id)


async def failed(bus: Bus, count: int = 1) -> list[KeptLetter]:
    """Return the letters of a bot that failed on so many events."""
    async with Host(bus, retry=RetryPolicy(attempts=1)) as host:
        running = await host.add(bot_of(Fails(), ALICE))
        await publish(bus, *(order_event(order_id=str(number), trade=number) for number in range(count)))
        await eventually(lambda: running.worker.handled_count == count)
    return await read_dead_letters(bus, Selection(user="alice", bot="fails"))


async def replays(bus: Bus) -> list[tuple[str, str]]:
    """Return whom the replays in the log are for, and the callback."""
    found: list[tuple[str, str]] = []

    def take(message: Message) -> None:
        if REPLAY_FOR in message.headers:
            found.append((message.headers[REPLAY_FOR], message.headers["Fillwire-Callback"]))

    await read_stream(bus, "ORDERS", "orders.>", "all", take)
    return found


async def test_each_callback_that_fails_on_an_event_leaves_a_letter(bus: Bus) -> None:
    """Two callbacks of one event fail: each has its letter, and each is given back for itself."""
    letters = await failed(bus)
    assert [kept.letter.callback for kept in letters] == ["on_fill", "on_order_filled"]
    results = await LetterBox(bus, "ann@desk").replay(letters)
    assert [result.outcome for result in results] == [Outcome.DONE] * 2
    assert await replays(bus) == [("alice==fails", "on_fill"), ("alice==fails", "on_order_filled")]


async def test_many_people_at_once_give_a_letter_back_once(bus: Bus) -> None:
    """Whoever is first does it; the others are told who."""
    letters = await failed(bus, 10)
    boxes = [LetterBox(bus, f"person-{number}@desk") for number in range(5)]
    results = await asyncio.gather(*(box.replay(letters) for box in boxes))
    assert len(await replays(bus)) == len(letters) == 20
    for of_letter in zip(*results, strict=True):
        assert all("by person-" in result.reason for result in of_letter)


@pytest.mark.parametrize("age_ns", [0, HOUR_NS])
@pytest.mark.parametrize("was_stored", [False, True])
async def test_a_replay_that_somebody_began_is_finished_by_the_next(
    bus: Bus, age_ns: int, was_stored: bool
) -> None:
    """The one who claimed the letter died before or after storing it, lately or long ago: it is stored once."""
    (kept, _) = await failed(bus)
    box, decisions = LetterBox(bus, "ann@desk"), Decisions(bus)
    if was_stored:
        await box.replay([kept])
        await Bucket(bus, DECISIONS).delete(kept.key)
        revision = await Bucket(bus, DECISIONS).revision(kept.key)
    else:
        revision = 0
    claim = Decision(verdict=Verdict.REPLAYING, by="bob@gone", time_ns=time.time_ns() - age_ns)
    await decisions.decide(kept.key, claim, revision)
    (result,) = await box.replay([kept])
    assert len(await replays(bus)) == 1
    assert result.outcome is (Outcome.DECIDED_BEFORE if was_stored else Outcome.DONE)
    found = await decisions.find(kept.key)
    assert found is not None
    assert found.decision.verdict is Verdict.REPLAYED


async def test_a_bot_without_a_place_in_the_log_is_given_nothing(bus: Bus) -> None:
    """Nothing would ever take the replay: it is refused, and the letter waits on."""
    letters = await failed(bus)
    async with Host(bus) as host:
        bot = bot_of(Fails(), ALICE)
        await host.add(bot)
        await host.remove(bot, forget=True)
    results = await LetterBox(bus, "ann@desk").replay(letters)
    assert {result.outcome for result in results} == {Outcome.REFUSED}
    assert "must have run once" in results[0].reason
    assert await replays(bus) == []
    assert await Decisions(bus).about(">") == {}


async def test_a_decision_stands(bus: Bus) -> None:
    """What was discarded is not replayed, and what was replayed is not discarded; both say who decided."""
    first, second = await failed(bus)
    ann, bob = LetterBox(bus, "ann@desk"), LetterBox(bus, "bob@desk")
    assert [result.outcome for result in await ann.discard([first], "no longer open")] == [Outcome.DONE]
    await ann.replay([second])
    results = [*await bob.replay([first]), *await bob.discard([second])]
    assert [result.outcome for result in results] == [Outcome.DECIDED_BEFORE] * 2
    assert [result.reason for result in results] == [
        "discarded by ann@desk: no longer open",
        "replayed by ann@desk",
    ]
