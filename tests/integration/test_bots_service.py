"""The manager asked by NATS: every verb, by several managers, by users who may manage their own bots only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from fillwire.bots.client import BotClient
from fillwire.bots.errors import BotError
from fillwire.bots.manager import BotManager
from fillwire.bots.service import ManagerService
from fillwire.bus.connection import Bus, Credentials
from fillwire.bus.errors import NoResponder
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.bots import BotOutcome, BotState
from fillwire.domain.errors import BrokerError
from fillwire.wire.subjects import bot_subject
from support.broker import ConnectBus
from support.eventually import eventually
from support.managed_bots import ManagedBots, managed_bots

pytestmark = pytest.mark.usefixtures("positions")


@pytest.fixture
async def bots(bus: Bus, connect_bus: ConnectBus, tmp_path: Path) -> AsyncIterator[ManagedBots]:  # noqa: ARG001 - the broker has streams and buckets
    """A host, and a manager that answers."""
    async with managed_bots(connect_bus, tmp_path / "bots") as made:
        await made.host("a")
        async with ManagerService(await connect_bus("service"), made.manager):
            yield made


async def test_every_verb_does_what_the_manager_does(bots: ManagedBots, bus: Bus) -> None:
    """A bot's whole life by request and reply."""
    client = BotClient.on(bus, "alice")
    created = await client.create(bots.creation())
    assert (created.bot, created.state) == ("teller", BotState.RUNNING)

    async def both_say_the_same() -> bool:  # unless the host has said more between the two
        return list(await client.list()) == await bots.manager.list("alice") != []

    await eventually(both_say_the_same)
    assert await BotClient.on(bus, "bob").list() == ()
    assert (await client.pause("teller")).state is BotState.PAUSED
    assert (await client.resume("teller")).state is BotState.RUNNING
    changed = await client.change("teller", parameters={**created.parameters, "mark": "x"})
    assert changed.parameters["mark"] == "x"
    assert (await client.stop("teller")).bots[0].state is BotState.STOPPED
    assert (await client.start("teller")).state is BotState.RUNNING
    with pytest.raises(BotError, match="expected to stop it first") as error:
        await client.remove("teller")
    assert error.value.outcome is BotOutcome.REFUSED
    await client.remove("teller", force=True)
    with pytest.raises(BotError, match="alice has no bot teller") as error:
        await client.show("teller")
    assert error.value.outcome is BotOutcome.MISSING


@pytest.mark.parametrize(
    ("verb", "body", "reason"),
    [
        ("explode", b"{}", "unknown verb explode: expected one of create, start, pause"),
        ("start", b"{", "cannot decode bot request at /: expected JSON"),
        ("start", b'{"v":1}', "cannot decode bot request at /bot: expected the name of a bot, was none"),
        (
            "start",
            b'{"v":1,"bot":7}',
            "cannot decode bot request at /bot: expected a string or null, was integer 7",
        ),
        ("create", b'{"v":1,"bot":"x"}', "cannot decode bot creation at /strategy: expected a value"),
        ("execute_order", b'{"v":1}', "cannot decode bot order at /bot: expected a value"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    bots: ManagedBots, bus: Bus, verb: str, body: bytes, reason: str
) -> None:
    """The answer names the field, what was found and what was expected."""
    assert await BotClient.on(bus, "alice").list() == ()  # the manager answers
    answer = orjson.loads(await bus.request(bot_subject("alice", verb), body, 5.0))
    assert answer["outcome"] == "refused"
    assert reason in answer["reason"]
    assert await bots.manager.list("alice") == []


async def test_any_of_several_managers_answers_and_none_is_missed(
    bots: ManagedBots, bus: Bus, connect_bus: ConnectBus
) -> None:
    """They keep nothing: each request is answered by one of them, also when one has gone."""
    client = BotClient.on(bus, "alice")
    async with AsyncExitStack() as second:
        other = await connect_bus("second")
        manager = await second.enter_async_context(BotManager(other, bots.catalogue, lease_s=4.0))
        await second.enter_async_context(ManagerService(other, manager))
        await client.create(bots.creation())
        turns = [client.pause, client.resume, client.pause, client.resume, client.pause, client.resume]
        for turn in turns:
            await turn("teller")
        stops = await asyncio.gather(*(client.stop("teller") for _ in range(4)))
        assert {answer.outcome for answer in stops} == {BotOutcome.DONE}
        assert bots.told() == ["start", "stop"]
    assert (await client.start("teller")).state is BotState.RUNNING


async def test_changes_of_one_revision_are_made_once(bots: ManagedBots, bus: Bus) -> None:
    """What was seen can be made a condition; of two that want it one is told, by NATS as well."""
    client = BotClient.on(bus, "alice")
    seen = await client.create(bots.creation())
    done = await asyncio.gather(
        client.pause("teller", expected_revision=seen.revision),
        client.stop("teller", expected_revision=seen.revision),
        return_exceptions=True,
    )
    (error,) = [result for result in done if isinstance(result, BotError)]
    assert error.outcome is BotOutcome.CONFLICT
    with pytest.raises(BotError, match=f"expected revision {seen.revision}, found {seen.revision + 1}"):
        await client.start("teller", expected_revision=seen.revision)


USERS = """
authorization {
  users = [
    { user: service, password: s }
    { user: alice, password: a, permissions: { publish: ["bots.alice.>"], subscribe: ["_INBOX_alice.>"] } }
  ]
}
"""


async def test_a_user_manages_their_own_bots_only(tmp_path: Path) -> None:
    """With the rights of a tenant, which are a subject to ask on and an inbox, the bots of another cannot be touched."""
    async with EmbeddedServer(tmp_path / "broker", extra_config=USERS) as broker, AsyncExitStack() as stack:

        async def connect(name: str = "test", **_: object) -> Bus:
            bus = await Bus.connect(
                broker.url, name=name, credentials=Credentials(user="service", password="s")
            )
            return await stack.enter_async_context(bus)

        async with managed_bots(connect, tmp_path / "bots") as made:
            await made.host("a")
            async with ManagerService(await connect("service"), made.manager):
                await made.manager.create("bob", made.creation())
                credentials = Credentials(user="alice", password="a")
                async with BotClient(broker.url, user="alice", credentials=credentials) as client:
                    await client.create(made.creation("own"))
                    assert [bot.bot for bot in await client.list()] == ["own"]
                async with await Bus.connect(
                    broker.url, name="alice", credentials=credentials, inbox_prefix="_INBOX_alice"
                ) as bus:
                    with pytest.raises(BrokerError):
                        await bus.request(bot_subject("bob", "stop"), b'{"v":1,"bot":"teller"}', 0.5)
                assert (await made.manager.show("bob", "teller")).state is BotState.RUNNING


async def test_without_a_manager_that_is_said(bus: Bus) -> None:
    """Nobody answers at once, in words that say what to start."""
    with pytest.raises(
        NoResponder, match="no manager of bots answers: expected one that runs, as `fillwire manager`"
    ):
        await BotClient.on(bus, "alice").list()


async def test_a_manager_that_died_amid_a_stop_leaves_nothing_that_another_cannot_finish(
    bots: ManagedBots, bus: Bus, connect_bus: ConnectBus
) -> None:
    """The bot that it held is free when its session ends, and what it had begun is finished by asking again."""
    client = BotClient.on(bus, "alice")
    await client.create(bots.creation())
    dying = BotManager(await connect_bus("dying"), bots.catalogue, lease_s=2.0)
    await dying.__aenter__()
    stopped = await dying.stop("alice", "teller")
    assert await dying._holdings.take(stopped.bots[0].user + ".teller") is not None
    keeping = dying._holdings.session._task
    assert keeping is not None
    keeping.cancel()  # as if killed: the session is not renewed, and not given back
    removal = asyncio.create_task(client.remove("teller"))
    await eventually(removal.done, 15)
    assert (await removal).outcome is BotOutcome.DONE
    await dying._serving.stop()
