"""The broker is away while the venue goes on: nothing that was read is lost, and what is read is bounded."""

import asyncio
from pathlib import Path

import pytest

from fillwire.domain.enums import ConnectionState
from fillwire.gateway import service
from fillwire.gateway.valve import Outlet, Valve
from support.eventually import eventually
from support.gateway_rig import Rig, rig

CAPACITY = 2000  # more than one read of a socket holds


async def _stored(it: Rig) -> list[str]:
    """Return the event ids of the executions in the log, in its order."""
    return [event.event_id for event in await it.logged() if event.last_fill is not None]


async def _holds(it: Rig, event_ids: list[str]) -> bool:
    return sorted(await _stored(it)) == sorted(event_ids)


def _by_order(event_ids: list[str]) -> dict[str, list[str]]:
    orders: dict[str, list[str]] = {}
    for event_id in event_ids:
        orders.setdefault(event_id.rpartition(":")[0], []).append(event_id)
    return orders


async def test_a_broker_that_restarts_costs_no_fill(tmp_path: Path) -> None:
    """Fills that come while the broker is down are kept, and stored once and in each order's order when it is back."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT", "ETH-USDT")
        await it.receiving()
        await it.emit(50, symbols=["BTCUSDT", "ETHUSDT"], orders=10)
        await it.broker.kill()
        await it.emit(200, symbols=["BTCUSDT", "ETHUSDT"], orders=10)
        await it.broker.start()
        emitted = await it.executions()
        await eventually(lambda: _holds(it, emitted), 20.0, "every fill stored, once")
        assert _by_order(await _stored(it)) == _by_order(emitted)


async def test_a_full_publisher_stops_reading_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for little the socket is paused, what waits is bounded, and after the broker's return nothing is missing."""
    valves: list[Valve] = []

    def make_valve(outlet: Outlet) -> Valve:
        valves.append(Valve(outlet))
        return valves[-1]

    monkeypatch.setattr(service, "Valve", make_valve)
    async with rig(tmp_path, capacity=CAPACITY) as it:
        await it.wish("*")
        await it.receiving()
        (valve,) = valves
        await it.broker.kill()
        emitting = asyncio.create_task(it.emit(4 * CAPACITY, symbols=["BTCUSDT", "ETHUSDT"], orders=50))
        await eventually(lambda: not valve.is_open, what="reading paused")

        def has_nowhere_to_go() -> bool:
            # What is unread fits the sockets' buffers or does not, as the system likes; then the venue waits.
            return emitting.done() or any(open_.is_full for open_ in it.simulator.core.connections)

        await eventually(has_nowhere_to_go, 30.0, "all emitted, or the venue waiting for its socket")
        # One read of the socket may hold more than the rest of the room; beyond that nothing is read.
        assert CAPACITY <= valve._outlet.queued_count < 2 * CAPACITY
        await it.broker.start()
        await eventually(lambda: valve.is_open, 20.0, "reading resumed")
        await emitting
        emitted = await it.executions()
        await eventually(lambda: _holds(it, emitted), 30.0, "every fill stored, once")
        assert _by_order(await _stored(it)) == _by_order(emitted)
        assert it.connections[-1].state is ConnectionState.RECEIVING


async def test_stopping_stores_what_was_read(tmp_path: Path) -> None:
    """The gateway is told to stop in the middle of a burst: everything it had read is in the log when it has stopped."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(2000, orders=100)
        await it.stop()
        stored = await _stored(it)
        assert len(stored) == len(set(stored))
        emitted = _by_order(await it.executions())
        for scope, of_order in _by_order(stored).items():
            assert of_order == emitted[scope][: len(of_order)]  # nothing missing in between
        told = await it.state(ConnectionState.DISCONNECTED)
        assert told.reason == "the gateway stopped"


async def test_stopping_without_broker_ends_at_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker is gone for good: the end is not waited for longer than said."""
    monkeypatch.setattr(service, "PUBLISH_DEADLINE_S", 0.2)
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.broker.kill()
        await it.emit(10)
        async with asyncio.timeout(20):
            await it.stop()
        assert await it.sockets() == []
        await it.broker.start()  # for the rig's own end
