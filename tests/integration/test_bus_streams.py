"""Streams and buckets are made from their definitions, by whoever starts first, and brought up to them later."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from fillwire.bus import api
from fillwire.bus.buckets import BUCKETS, bucket_manifests, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import STREAMS, StreamDefinition, ensure_manifest, ensure_streams, stream_manifests
from fillwire.domain.errors import ConfigError
from support.broker import ConnectBus

SMALL = StreamDefinition(
    name="SMALL", subjects=("small.>",), description="", max_age_s=600, max_bytes=1 << 20
)


async def _config(bus: Bus, stream: str) -> dict[str, object]:
    config: dict[str, object] = (await api.call(bus, f"STREAM.INFO.{stream}"))["config"]
    return config


async def test_every_definition_is_in_force_as_written(bus: Bus) -> None:
    """What the broker has is what the manifest says, field by field."""
    for manifest in [*stream_manifests(), *bucket_manifests()]:
        config = await _config(bus, manifest["name"])
        absent = {"deny_delete": False, "deny_purge": False}
        assert {key: config.get(key, absent.get(key)) for key in manifest} == manifest


async def test_making_them_again_changes_nothing(bus: Bus) -> None:
    """Any number of processes may do it, also at once."""
    before = [await api.call(bus, f"STREAM.INFO.{definition.name}") for definition in STREAMS]
    await asyncio.gather(*(ensure_streams(bus) for _ in range(5)), *(ensure_buckets(bus) for _ in range(5)))
    after = [await api.call(bus, f"STREAM.INFO.{definition.name}") for definition in STREAMS]
    assert [info["created"] for info in before] == [info["created"] for info in after]
    assert [info["config"] for info in before] == [info["config"] for info in after]


async def test_processes_that_start_together_do_not_disturb_each_other(connect_bus: ConnectBus) -> None:
    """On an empty broker the race to make the streams has no loser."""
    buses = [await connect_bus(f"racer-{number}") for number in range(4)]
    await asyncio.gather(*(ensure_streams(bus) for bus in buses), *(ensure_buckets(bus) for bus in buses))
    names = (await api.call(buses[0], "STREAM.NAMES"))["streams"]
    expected = {definition.name for definition in STREAMS} | {definition.stream for definition in BUCKETS}
    assert set(names) == expected


async def test_changed_definition_updates_the_stream_and_keeps_what_it_does_not_name(bus: Bus) -> None:
    """A new limit is taken over; a field that only the operator set stays."""
    await ensure_manifest(bus, SMALL.manifest() | {"metadata": {"operator": "kept"}})
    await ensure_streams(bus, definitions=[replace(SMALL, max_age_s=1200, duplicate_window_s=60)])
    config = await _config(bus, "SMALL")
    assert config["max_age"] == 1200 * 10**9
    assert config["duplicate_window"] == 60 * 10**9
    metadata = config["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["operator"] == "kept"


async def test_only_who_publishes_order_events_says_how_many_are_kept(bus: Bus) -> None:
    """A gateway's settings decide about the log's window and size; a bot's host, which has none, leaves both as they are."""
    await ensure_streams(bus, duplicate_window_s=60, log_max_bytes=3 << 30)
    await ensure_streams(bus)
    config = await _config(bus, "ORDERS")
    assert (config["duplicate_window"], config["max_bytes"]) == (60 * 10**9, 3 << 30)
    await ensure_streams(bus, log_max_bytes=2 << 30)
    config = await _config(bus, "ORDERS")
    assert (config["duplicate_window"], config["max_bytes"]) == (60 * 10**9, 2 << 30)
    assert (await _config(bus, "CONNECTIONS"))["max_bytes"] == 512 << 20


async def test_definition_that_conflicts_is_a_configuration_error(bus: Bus) -> None:
    """Subjects that belong to another stream are refused in a sentence that names the stream."""
    with pytest.raises(
        ConfigError, match="stream SMALL cannot be brought up to its definition: subjects overlap"
    ):
        await ensure_streams(bus, definitions=[replace(SMALL, subjects=("orders.alice.>",))])
    await ensure_streams(bus, definitions=[SMALL])
    with pytest.raises(ConfigError, match="stream SMALL"):
        await ensure_manifest(bus, SMALL.manifest() | {"storage": "memory"})


async def test_broker_without_room_is_a_configuration_error(tmp_path: Path) -> None:
    """The broker reserves `max_bytes`; too little storage shows at the start, not when the disk is full."""
    limits = (
        "accounts { A { jetstream { max_file: 1G }, users: [ { user: a, password: a } ] } }\nno_auth_user: a"
    )
    async with (
        EmbeddedServer(tmp_path, extra_config=limits) as server,
        await Bus.connect(server.url, name="test") as bus,
    ):
        with pytest.raises(ConfigError, match="stream ORDERS cannot be brought up to its definition"):
            await ensure_streams(bus)


async def test_log_cannot_be_rewritten(bus: Bus) -> None:
    """Deleting and purging are denied on the event log: it is the evidence."""
    stored = await bus.js.publish("orders.alice.x", b"evidence")
    for operation in ("STREAM.PURGE.ORDERS", "STREAM.MSG.DELETE.ORDERS"):
        with pytest.raises(ApiRefused):
            await api.call(bus, operation, {"seq": stored.seq})
    assert (await bus.js.get_msg("ORDERS", seq=stored.seq)).data == b"evidence"
