"""Where the tests' broker comes from: an address, the binary beside the interpreter, or a container."""

import asyncio
import os

import nats
import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import BrokerError
from fillwire.runtime.ports import free_ports
from support.shared_broker import BINARY, CONTAINER, SharedBroker, choice, container, obstacle_to_container
from support.variables import taken

AWAY = "no Docker answers"


@pytest.mark.parametrize(
    ("wanted", "has_binary", "obstacle", "chosen"),
    [
        ("", True, AWAY, BINARY),
        ("", True, None, BINARY),
        ("", False, None, CONTAINER),
        ("container", True, None, CONTAINER),
        ("binary", True, None, BINARY),
        ("nats://elsewhere:4222", True, None, "nats://elsewhere:4222"),
        ("nats://elsewhere:4222", False, AWAY, "nats://elsewhere:4222"),
    ],
)
def test_the_first_that_is_to_be_had_is_taken(
    wanted: str, has_binary: bool, obstacle: str | None, chosen: str
) -> None:
    """What is asked for is taken, else the binary, else a container."""
    assert choice(wanted, lambda: has_binary, lambda: obstacle) == chosen


@pytest.mark.parametrize(
    ("wanted", "has_binary", "words"),
    [
        ("", False, AWAY),
        ("container", True, AWAY),
        ("binary", False, "no nats-server"),
        ("docker", True, "'docker'"),
    ],
)
def test_what_cannot_be_had_is_said(wanted: str, has_binary: bool, words: str) -> None:
    """Nothing else is taken in the place of what was asked for."""
    with pytest.raises(LookupError, match=words):
        choice(wanted, lambda: has_binary, lambda: AWAY)


def test_a_variable_is_for_the_tests_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test starts does not see it, and a process of a parallel run, which begins with what is left, does."""
    monkeypatch.setenv("FILLWIRE_TEST_OF_VARIABLES", "given")
    monkeypatch.delenv("_FILLWIRE_TEST_OF_VARIABLES", raising=False)
    assert taken("FILLWIRE_TEST_OF_VARIABLES") == "given"
    assert "FILLWIRE_TEST_OF_VARIABLES" not in os.environ
    assert taken("FILLWIRE_TEST_OF_VARIABLES") == "given"
    monkeypatch.delenv("_FILLWIRE_TEST_OF_VARIABLES")
    assert taken("FILLWIRE_TEST_OF_VARIABLES") == ""


async def test_a_given_broker_is_empty_for_each_test(broker: EmbeddedServer) -> None:
    """What the test before has stored is gone, whatever its streams refuse."""
    async with await Bus.connect(broker.url, name="before") as before:
        await ensure_streams(before)
        await before.publish("orders.alice.binance.live.BTC-USDT.filled", b"{}")
    async with SharedBroker(broker.url) as given:
        client = await nats.connect(given.url)
        try:
            assert await client.jetstream().streams_info() == []
        finally:
            await client.close()


async def test_who_needs_a_broker_of_its_own_says_so(broker: EmbeddedServer) -> None:
    """A test that kills, stops or signals a broker that was given is skipped with the reason."""
    given = SharedBroker(broker.url)
    for attempt in (given.kill, given.stop):
        with pytest.raises(pytest.skip.Exception, match="needs one of its own"):
            await attempt()
    with pytest.raises(pytest.skip.Exception, match=f"signals a broker.*{broker.url}"):
        _ = given.pid


async def test_a_given_broker_that_is_not_there_is_named() -> None:
    """The address is in the error, not a time-out somewhere in a test."""
    (port,) = free_ports(1)
    with pytest.raises(BrokerError, match=f"no broker answers at nats://127.0.0.1:{port}"):
        await SharedBroker(f"nats://127.0.0.1:{port}").empty()


async def test_a_container_stores_events() -> None:
    """The image of the compose file, started with its configuration, takes every stream."""
    obstacle = obstacle_to_container()
    if obstacle is not None:
        pytest.skip(obstacle)
    started = container()
    url = await asyncio.to_thread(started.__enter__)
    try:
        async with SharedBroker(url), await Bus.connect(url, name="contained") as bus:
            await ensure_streams(bus)
            await bus.publish("orders.alice.binance.live.BTC-USDT.filled", b"{}")
    finally:
        await asyncio.to_thread(started.__exit__, None, None, None)
