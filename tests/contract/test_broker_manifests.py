"""What deploy/nats tells the broker equals what the services ask of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from fillwire.bus.buckets import BUCKETS, bucket_manifests
from fillwire.bus.manifests import PRODUCTION_REPLICAS
from fillwire.bus.server import MAX_FILE_BYTES
from fillwire.bus.streams import STREAMS, stream_manifests
from fillwire.wire.subjects import ADDRESSES, BOTS, COMMANDS

DIRECTORY = Path(__file__).parents[2] / "deploy" / "nats"


@pytest.mark.parametrize(
    ("name", "manifests"),
    [
        ("streams.json", stream_manifests(PRODUCTION_REPLICAS)),
        ("buckets.json", bucket_manifests(PRODUCTION_REPLICAS)),
    ],
)
def test_manifests_are_those_of_the_code(name: str, manifests: list[dict[str, Any]]) -> None:
    """Regenerate with `python -m fillwire.bus.manifests deploy/nats` after a change of a definition."""
    assert json.loads((DIRECTORY / name).read_text()) == manifests


def test_every_channel_of_events_has_a_stream_and_requests_have_none() -> None:
    """An event nobody keeps could be lost; a request that somebody keeps could be carried out twice."""
    kept = {subject.removesuffix(".>") for definition in STREAMS for subject in definition.subjects}
    assert kept == set(ADDRESSES) - {COMMANDS, BOTS}


def test_embedded_broker_has_room_for_everything() -> None:
    """The broker reserves every stream's bytes: their sum must fit the embedded broker's limit."""
    reserved = sum(definition.max_bytes for definition in (*STREAMS, *BUCKETS))
    assert reserved <= MAX_FILE_BYTES


@pytest.mark.parametrize(
    "manifest", [*stream_manifests(), *bucket_manifests()], ids=lambda manifest: manifest["name"]
)
def test_nothing_grows_without_limit(manifest: dict[str, Any]) -> None:
    """Bytes, message size and consumers are bounded everywhere, and what is remembered of ids fits the age."""
    assert manifest["max_bytes"] > 0
    assert 0 < manifest["max_msg_size"] <= 1 << 20
    assert manifest["max_consumers"] > 0
    assert manifest["max_age"] == 0 or manifest["duplicate_window"] <= manifest["max_age"]
