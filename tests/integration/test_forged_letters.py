"""Dead letters that a tenant writes by hand: no replay of them reaches what the tenant could not reach."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from fillwire.bus.buckets import DECISIONS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.cli.console import sections
from fillwire.cli.users.registry import Kind
from fillwire.domain.identifiers import Account
from fillwire.runtime.settings import RecorderSettings, Settings
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.replaying import LetterBox, Outcome, Selection, read_dead_letters
from fillwire.wire.codec import encode_order
from fillwire.wire.headers import MESSAGE_ID
from support.console import ALICE_TOKEN, Visitor, console, visitor
from support.eventually import eventually
from support.listeners import QUICK, Listener
from support.order_events import ALICE, order_event
from support.publishing import publish
from support.tenancy import Tenancy, tenancy

BOB = Account("bob", "binance", "live")
OWN, BOBS = "orders.alice.binance.live.BTC-USDT.filled", "orders.bob.binance.live.BTC-USDT.filled"
MINE, HIS = order_event(order_id="forged"), order_event(account=BOB, order_id="forged")

# What differs from a letter of alice's bot `grid`: its headers, and its body.
FORGERIES: list[tuple[dict[str, str], bytes]] = [
    ({"Fillwire-Original-Subject": "bots.bob.stop"}, b"{}"),
    ({"Fillwire-Original-Subject": "bots.alice.stop"}, b"{}"),
    ({"Fillwire-Original-Subject": "commands.bob.binance.live.place_order"}, b"{}"),
    ({"Fillwire-Original-Subject": BOBS}, encode_order(HIS)),
    ({"Fillwire-Original-Subject": BOBS, "Fillwire-Bot": "grid"}, encode_order(MINE)),
    ({"Fillwire-Original-Subject": "$KV.DECISIONS.dlq.bob.grid.1"}, b"{}"),
    ({"Fillwire-Original-Subject": "$KV.BOTS.bob.grid"}, b"{}"),
    ({}, encode_order(HIS)),
    ({"Fillwire-Event-Id": HIS.event_id}, encode_order(MINE)),
    ({"Fillwire-Original-Subject": "orders.alice.binance.live.ETH-USDT.filled"}, encode_order(MINE)),
    ({MESSAGE_ID: "bob==grid:7:on_fill"}, encode_order(MINE)),
    ({MESSAGE_ID: "x" * 8_000}, encode_order(MINE)),
    ({"Fillwire-Bot": "other"}, encode_order(MINE)),
]


def headers(number: int, said: dict[str, str]) -> dict[str, str]:
    """Return the headers of a letter as alice's host would write it, but for what is said in it."""
    return {
        MESSAGE_ID: f"alice==grid:{number}:on_fill",
        "Fillwire-Bot": "grid",
        "Fillwire-Reason": "no such level",
        "Fillwire-Exception": "KeyError",
        "Fillwire-Callback": "on_fill",
        "Fillwire-Attempts": "1",
        "Fillwire-Original-Subject": OWN,
        "Fillwire-Original-Sequence": str(number),
    } | said


@pytest.fixture
async def alices(tmp_path: Path) -> AsyncIterator[Tenancy]:
    """Alice and bob are tenants, and there is a console."""
    kinds = {"alice": Kind.TENANT, "bob": Kind.TENANT, "console": Kind.CONSOLE}
    async with tenancy(tmp_path, kinds) as made:
        yield made


async def keep(alice: Bus, *forgeries: tuple[dict[str, str], bytes]) -> None:
    """Write letters as the tenant may."""
    for number, (said, body) in enumerate(forgeries, 1000):
        answer = await alice.request_message("dlq.alice.grid", body, 5.0, headers(number, said))
        assert b'"error"' not in answer.data, answer.data


async def logged(bus: Bus) -> list[str]:
    """Return the message ids of the log."""
    found: list[str] = []
    await read_stream(
        bus, "ORDERS", "orders.>", "all", lambda message: found.append(message.header(MESSAGE_ID) or "")
    )
    return found


async def listed(who: Visitor) -> list[int]:
    """Return the numbers of the letters that wait for a decision, oldest first."""
    status, body = await who.get("/api/letters")
    assert status == 200, body
    return sorted(letter["number"] for letter in body["shown"])


async def test_what_a_tenant_forges_is_not_replayed_and_can_be_discarded(
    alices: Tenancy, tmp_path: Path
) -> None:
    """Neither by the console nor by an operator's command; nothing arrives in bob's log, at his bots or in his decisions."""
    system = await alices.connect("control")
    heard: list[str] = []
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(Host(await alices.connect("control"), retry=QUICK))
        mine, his = Listener("grid"), Listener("grid")
        await host.add(bot_of(mine, ALICE))
        await host.add(bot_of(his, BOB))
        await keep(await alices.connect("alice"), *FORGERIES)

        async def are_taken() -> bool:
            return len(await read_dead_letters(system, Selection(user="alice"))) == len(FORGERIES)

        await eventually(are_taken)

        def hear(message: Message) -> None:
            heard.append(message.subject)

        for subject in ("bots.>", "commands.*.*.*.place_order", "orders.>", "$KV.BOTS.>", "$KV.DECISIONS.>"):
            await system.subscribe(subject, hear)
        assert await system.is_healthy()  # a round trip: the subscriptions are in place
        settings = Settings(recorder=RecorderSettings(database=f"sqlite:///{tmp_path}/trades.sqlite"))
        bus = await alices.connect("console")
        made = await stack.enter_async_context(console(bus, sections(bus, settings)))
        alice = await stack.enter_async_context(visitor(made, ALICE_TOKEN))
        numbers = await listed(alice)
        for number in numbers:
            status, answer = await alice.post(f"/api/letters/{number}/replay")
            assert (status, answer["outcome"]) == (200, "refused"), answer
            assert "expected" in answer["reason"] or "no order event" in answer["reason"]
        letters = await read_dead_letters(system, Selection(user="alice"))
        results = await LetterBox(system, "ann@desk").replay(letters)
        assert {result.outcome for result in results} == {Outcome.REFUSED}
        assert await listed(alice) == numbers  # they stay where they are
        events = [order_event(order_id="9"), order_event(account=BOB, order_id="9")]
        await publish(system, *events)
        await eventually(lambda: mine.told == his.told == ["9"])
        await eventually(lambda: heard == [OWN, BOBS])
        assert await logged(system) == [event.event_id for event in events]
        for number in numbers:
            assert (await alice.post(f"/api/letters/{number}/discard"))[1]["outcome"] == "done"
        assert await listed(alice) == []
        keys = await Bucket(system, DECISIONS).keys()
        assert len(keys) == len(FORGERIES)
        assert all(key.startswith("dlq.alice.grid.") for key in keys)


async def test_a_letter_that_cannot_be_listed_hides_no_other(alices: Tenancy, tmp_path: Path) -> None:
    """Numbers beyond what JSON holds, and names that no bot has, are left out; the others are listed."""
    system = await alices.connect("control")
    alice = await alices.connect("alice")
    await keep(
        alice,
        ({"Fillwire-Attempts": "9" * 40}, b"{}"),
        ({"Fillwire-Original-Sequence": "9" * 4000}, b"{}"),
        ({}, encode_order(MINE)),
    )
    for number, subject, more in (
        (7, b"dlq.alice.\xff", b""),
        (8, b"dlq.alice.grid", b"Fillwire-Event-Id: \xff\r\nFillwire-Callback: \xff\r\n"),
    ):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers(number, {}).items()).encode()
        block = b"NATS/1.0\r\n%b%b\r\n" % (lines, more)
        alice.write(b"HPUB %b %d %d\r\n%b{}\r\n" % (subject, len(block), len(block) + 2, block))
    assert await alice.is_healthy()
    settings = Settings(recorder=RecorderSettings(database=f"sqlite:///{tmp_path}/trades.sqlite"))
    bus = await alices.connect("console")
    async with console(bus, sections(bus, settings)) as made, visitor(made, ALICE_TOKEN) as who:

        async def is_listed() -> bool:
            return len(await listed(who)) == 2

        await eventually(is_listed)
        for number in await listed(who):
            assert (await who.get(f"/api/letters/{number}"))[0] == 200
            assert (await who.post(f"/api/letters/{number}/replay"))[1]["outcome"] == "refused"
            assert (await who.post(f"/api/letters/{number}/discard"))[1]["outcome"] == "done"
        assert len(await read_dead_letters(system, Selection())) == 2


async def test_a_letter_of_a_bot_that_a_tenant_runs_is_given_back_to_it(
    alices: Tenancy, tmp_path: Path
) -> None:
    """Its place is in the tenant's mirror of the log, which the console finds with its rights; the bot is told once."""
    broken = True

    def fail(_: object) -> None:
        if broken:
            raise KeyError("no such level")

    system = await alices.connect("control")
    failing, other = Listener("grid", fail), Listener("other")
    settings = Settings(recorder=RecorderSettings(database=f"sqlite:///{tmp_path}/trades.sqlite"))
    bus = await alices.connect("console")
    async with (
        Host(await alices.connect("alice"), retry=QUICK) as host,
        console(bus, sections(bus, settings)) as made,
        visitor(made, ALICE_TOKEN) as who,
    ):
        for listener in (failing, other):
            await host.add(bot_of(listener, ALICE))
        await publish(system, order_event(order_id="1"))

        async def is_listed() -> bool:
            return bool(await listed(who))

        await eventually(is_listed)
        broken = False
        (number,) = await listed(who)
        status, answer = await who.post(f"/api/letters/{number}/replay")
        assert (status, answer["outcome"]) == (200, "done"), answer
        assert (await who.post(f"/api/letters/{number}/replay"))[1]["outcome"] == "decided_before"
        await eventually(lambda: failing.told == ["1"])
        await publish(system, order_event(order_id="2", trade=2))
        await eventually(lambda: (failing.told, other.told) == (["1", "2"], ["1", "2"]))
        # One that never ran in the tenant's account has no place there either.
        await (await alices.connect("alice")).request_message(
            "dlq.alice.never",
            encode_order(order_event()),
            5.0,
            headers(1, {MESSAGE_ID: "alice==never:1:on_fill", "Fillwire-Bot": "never"}),
        )
        await eventually(is_listed)
        (number,) = await listed(who)
        answer = (await who.post(f"/api/letters/{number}/replay"))[1]
        assert answer["outcome"] == "refused"
        assert "must have run once" in answer["reason"]
