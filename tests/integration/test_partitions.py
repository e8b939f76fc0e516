"""The log in partitions at a real broker: who is where, and that no two divisions of it are ever mixed."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.dividing import require_mapping
from fillwire.bus.errors import ApiRefused, NoResponder
from fillwire.bus.lookup import newest_message
from fillwire.bus.partitions import LOG, Partitions
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams, stream_manifests
from fillwire.domain.enums import Kind
from fillwire.domain.errors import ConfigError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.gateway.account_log import AccountLog
from fillwire.wire.subjects import order_subject
from support.partitioned import ACCOUNTS, COUNT, PARTITIONS, USERS, divided_broker, divided_bus, events, held
from support.publishing import publish

# Characters of one, two, three and four bytes, escapes, and what is special in subjects.
ODD_USERS = (
    "a",
    "a b",
    "ä",
    "東京",
    "🙂",
    "a.b",
    "*",
    ">",
    "=",
    "$JS",
    "-",
    "A",
    *(f"user-{n}" for n in range(150)),
)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A broker that maps order events to three partitions."""
    async with divided_broker(tmp_path) as server:
        yield server


@pytest.fixture
async def bus(broker: EmbeddedServer) -> AsyncIterator[Bus]:
    """A connection to it, with all streams."""
    async with divided_bus(broker) as connected:
        yield connected


@pytest.mark.parametrize("count", [2, 3, 7, 100])
async def test_the_broker_puts_every_user_where_we_look(tmp_path: Path, count: int) -> None:
    """Whatever a user is called, and on whatever exchange and pair: the broker's function and ours are one."""
    async with (
        divided_broker(tmp_path, count) as server,
        await Bus.connect(server.url, name="test", partitions=count) as bus,
    ):
        await ensure_streams(bus)
        found: set[str] = set()
        for number, user in enumerate(ODD_USERS):
            for exchange in ("binance", "coin base"):
                account = Account(user, exchange, "live")
                subject = order_subject(account, f"P{number}-USDT", Kind.FILLED)
                answer = orjson.loads(await bus.request(subject, b"{}"))
                assert answer["stream"] == bus.partitions.stream_of(user) == bus.partitions.stream_at(subject)
                newest = await newest_message(bus, answer["stream"], subject)
                assert newest is not None
                assert newest.subject == subject
                found.add(answer["stream"])
        assert len(found) > count / 2


async def read_back(bus: Bus, account: Account) -> list[str]:
    """Return the identities of an account's events, as its gateway reads them."""
    found: list[str] = []

    def take(event: OrderEvent, _: bytes) -> None:
        found.append(event.event_id)

    await AccountLog(bus, account).since(0, take)
    return found


async def test_every_event_is_stored_once_and_each_account_in_one_stream(bus: Bus) -> None:
    """What is sent again is a double there too, and a gateway reads its account's events from where they are."""
    sent = events(1, 120)
    await publish(bus, *sent, *sent[:60])
    stored = await held(bus)
    assert sorted(name for names in stored.values() for name in names) == sorted(
        event.event_id for event in sent
    )
    assert all(stored.values())
    for account in ACCOUNTS:
        mine = [event.event_id for event in sent if event.account == account]
        assert await read_back(bus, account) == mine
        assert set(mine) <= set(stored[PARTITIONS.stream_of(account.user)])


async def test_a_log_that_holds_events_is_not_divided_otherwise(bus: Bus, broker: EmbeddedServer) -> None:
    """Neither undivided nor into another number: the sentence says what is there; nothing was changed."""
    await publish(bus, *events(1, 5))
    before = await held(bus)
    for count in (1, 2, 4):
        async with await Bus.connect(broker.url, name="other", partitions=count) as other:
            with pytest.raises(ConfigError) as caught:
                await ensure_streams(other)
        assert str(caught.value).startswith(
            f"nats.partitions is {count}, and the broker has streams ORDERS_0 to ORDERS_2, which 5 order events "
            "were stored in: expected 3"
        )
    assert await held(bus) == before
    names = (await api.call(bus, "STREAM.NAMES"))["streams"]
    assert sorted(name for name in names if name.startswith(LOG)) == list(PARTITIONS.streams)


async def test_an_undivided_log_that_holds_events_is_not_divided(tmp_path: Path) -> None:
    """As on the day when somebody sets `nats.partitions`."""
    async with EmbeddedServer(tmp_path / "broker") as server:
        async with await Bus.connect(server.url, name="before") as bus:
            await ensure_streams(bus)
            await publish(bus, *events(1, 5))
        async with await Bus.connect(server.url, name="after", partitions=COUNT) as bus:
            with pytest.raises(ConfigError, match=r"is 3, and the broker has stream ORDERS, .* expected 1, "):
                await ensure_streams(bus)


async def test_a_log_that_never_held_an_event_is_divided_anew(broker: EmbeddedServer) -> None:
    """There is nothing to lose in it: whoever starts with another number has its streams, and no others stay."""
    for count in (1, 3, 4, 2, 1):
        async with await Bus.connect(broker.url, name="test", partitions=count) as bus:
            await ensure_streams(bus)
            await ensure_streams(bus)
            names = (await api.call(bus, "STREAM.NAMES"))["streams"]
            assert sorted(name for name in names if name.startswith(LOG)) == list(Partitions(count).streams)


async def test_the_broker_itself_refuses_to_have_both(bus: Bus) -> None:
    """Two processes that start at the same time with two opinions cannot make two logs."""
    (undivided,) = [manifest for manifest in stream_manifests() if manifest["name"] == LOG]
    with pytest.raises(ApiRefused, match="subjects overlap with an existing stream"):
        # Smaller, so that the room of the broker is no reason to refuse it.
        await api.call(bus, f"STREAM.CREATE.{LOG}", undivided | {"max_bytes": 1 << 20})


async def test_nobody_publishes_by_a_broker_that_maps_otherwise(tmp_path: Path) -> None:
    """Without a mapping, or with one for another number, an event is stored nowhere, and a gateway says so at its start."""
    for count in (1, 4):
        async with (
            divided_broker(tmp_path / str(count), count) as server,
            await Bus.connect(server.url, name="test", partitions=COUNT) as bus,
        ):
            await ensure_streams(bus)
            with pytest.raises(NoResponder):
                await bus.request(order_subject(ACCOUNTS[0], "BTC-USDT", Kind.NEW), b"{}")
            with pytest.raises(
                ConfigError, match=r"does not map order events so: expected in its configuration.*"
            ):
                await require_mapping(bus, "binance", deadline_s=0.5)


async def test_asking_for_the_mapping_stores_nothing(bus: Bus) -> None:
    """It is there: no stream has anything by having been asked."""
    await require_mapping(bus, "binance")
    assert not any((await held(bus)).values())


def test_users_of_these_tests_are_in_all_partitions() -> None:
    """Else they would show nothing."""
    assert {PARTITIONS.stream_of(user) for user in USERS} == set(PARTITIONS.streams)
