"""Whether this version and the released ones can run side by side: schemas, channels, streams, buckets, settings."""

import json
import runpy
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from fillwire.bus.buckets import BUCKETS, bucket_manifests
from fillwire.bus.streams import stream_manifests
from fillwire.gateway.placements import Earlier
from fillwire.runtime.settings import Settings
from support.bucket_documents import DIRECTORY, READERS, documents
from support.compatibility import Breaks, Change, breaking_changes, compared, resolved
from support.schemas import SCHEMAS, load

RELEASES = sorted((SCHEMAS / "released").iterdir())
LATEST = RELEASES[-1]
freeze: Callable[..., Path] = runpy.run_path(str(SCHEMAS / "freeze.py"))["freeze"]
CHANGELOG = (SCHEMAS.parent / "CHANGELOG.md").read_text(encoding="utf-8")
FROZEN = sorted(path for release in RELEASES for path in release.glob("*/*/v*.json"))


def release_of(path: Path) -> Path:
    """Return the folder of the release that a frozen schema is of."""
    return path.parents[2]


def widened(path: Path) -> set[Change]:
    """Return what has been added to closed sets since the release of a frozen schema, as its folder says it.

    Only before 1.0, and each with its line in the changelog.
    """
    release = release_of(path)
    listed = [entry for entry in load(release / "widened.json") if entry["schema"] == name_of(path)]
    assert not listed or release.name.startswith("0.")
    assert [entry for entry in listed if entry["since"] not in CHANGELOG] == []
    return {
        Change(entry["place"], f"may be {'null' if word is None else repr(word)}", Breaks.FORMER_READERS)
        for entry in listed
        for word in entry["words"]
    }


def name_of(path: Path) -> str:
    """Return a frozen schema's path inside its release, which is also its path of today."""
    return path.relative_to(release_of(path)).as_posix()


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: f"{release_of(path).name}/{path.parent.name}")
def test_nothing_breaks_the_released_schema(path: Path) -> None:
    """Both ways, since in a rolling upgrade either side may be the former: a message more is a new version's, on subjects of its own."""
    today = SCHEMAS / name_of(path)
    assert today.is_file(), "a version that was released is kept as long as its subjects are served"
    assert set(breaking_changes(path, today)) == widened(path)


ORDER = resolved(SCHEMAS / "events/order/v1.json", load(SCHEMAS / "events/order/v1.json"))


def _without_a_property(schema: Any) -> None:
    del schema["properties"]["reject_reason"]


def _without_a_required_word(schema: Any) -> None:
    schema["required"].remove("reject_reason")


def _with_a_required_property(schema: Any) -> None:
    schema["properties"]["fee_tier"] = {"type": "string"}
    schema["required"].append("fee_tier")


def _with_a_narrower_set(schema: Any) -> None:
    schema["properties"]["kind"]["enum"].remove("replaced")


def _with_a_wider_set(schema: Any) -> None:
    schema["properties"]["kind"]["enum"].append("suspended")


def _with_another_type(schema: Any) -> None:
    schema["properties"]["venue_status"]["type"] = "integer"


def _with_null(schema: Any) -> None:
    schema["properties"]["kind"]["enum"].append(None)


def _without_null(schema: Any) -> None:
    schema["properties"]["price"] = schema["properties"]["price"]["anyOf"][0]


def _with_another_pattern(schema: Any) -> None:
    schema["properties"]["pair"]["pattern"] = "^.*$"


def _with_a_bound(schema: Any) -> None:
    schema["properties"]["venue_status"]["maxLength"] = 8


def _within_the_fill(schema: Any) -> None:
    fill = next(each for each in schema["properties"]["last_fill"]["anyOf"] if "properties" in each)
    del fill["properties"]["liquidity"]


def _without_a_rule(schema: Any) -> None:
    schema["allOf"].pop()


@pytest.mark.parametrize(
    ("change", "place", "breaks"),
    [
        (_without_a_property, "/properties/reject_reason", set(Breaks)),
        (_without_a_required_word, "/properties/reject_reason", {Breaks.FORMER_READERS}),
        (_with_a_required_property, "/properties/fee_tier", {Breaks.FORMER_WRITERS}),
        (_with_a_narrower_set, "/properties/kind", {Breaks.FORMER_WRITERS}),
        (_with_a_wider_set, "/properties/kind", {Breaks.FORMER_READERS}),
        (_with_another_type, "/properties/venue_status/type", set(Breaks)),
        (_with_null, "/properties/kind", {Breaks.FORMER_READERS}),
        (_without_null, "/properties/price", {Breaks.FORMER_WRITERS}),
        (_with_another_pattern, "/properties/pair/pattern", set(Breaks)),
        (_with_a_bound, "/properties/venue_status/maxLength", {Breaks.FORMER_WRITERS}),
        (_within_the_fill, "/properties/last_fill/properties/liquidity", set(Breaks)),
        (_without_a_rule, "/allOf", set(Breaks)),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_breaking_change_is_noticed(change: Callable[[Any], None], place: str, breaks: set[Breaks]) -> None:
    """Each kind of change that is no new optional property is found, in its place and with whom it breaks."""
    changed = deepcopy(ORDER)
    change(changed)
    found = [each for each in compared(ORDER, changed) if each.place == place]
    assert {each.breaks for each in found} == breaks
    assert {each.breaks for each in compared(ORDER, changed)} == breaks


def test_an_optional_property_breaks_nobody() -> None:
    """What may be absent may be added, and what people read may be said better."""
    changed = deepcopy(ORDER)
    changed["properties"]["fee_tier"] = {"type": "string", "description": "Of the account."}
    changed["properties"]["kind"]["description"] = "Said better."
    assert list(compared(ORDER, changed)) == []


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_released_channels_are_served(release: Path) -> None:
    """Every subject pattern of a release is a subject pattern of today."""
    former = yaml.safe_load((release / "asyncapi.yaml").read_text(encoding="utf-8"))["channels"]
    today = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))["channels"]
    assert former
    assert {name: channel["address"] for name, channel in former.items()}.items() <= {
        name: channel["address"] for name, channel in today.items()
    }.items()


_SHRUNK = {("0.1.0", "QUARANTINE", "max_msgs_per_subject"), ("0.1.0", "DLQ", "max_msgs_per_subject")}
"""Bounds that a flood was given since: what a subject has beyond them is dropped by the upgrade, oldest first."""
_SIZES = ("max_age", "max_bytes", "max_msgs", "max_msgs_per_subject", "max_msg_size", "max_consumers")
_WORDS = ("description", "duplicate_window")


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("file", "manifests"), [("streams", stream_manifests(3)), ("buckets", bucket_manifests(3))]
)
def test_released_streams_are_kept(release: Path, file: str, manifests: list[dict[str, Any]]) -> None:
    """No stream or bucket of a release is gone, takes less, keeps less or is of another kind."""
    today = {manifest["name"]: manifest for manifest in manifests}
    for former in load(release / f"{file}.json"):
        name = former["name"]
        assert set(former["subjects"]) <= set(today[name]["subjects"])
        for key, value in former.items():
            if key in _SIZES:
                is_less = _size(today[name][key]) < _size(value)
                assert is_less == ((release.name, name, key) in _SHRUNK), f"{name}: {key}"
            elif key not in {"subjects", *_WORDS}:
                assert today[name][key] == value, f"{name}: {key}"


def _size(value: int) -> float:
    return float("inf") if value <= 0 else value


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_released_settings_are_taken(release: Path) -> None:
    """What the settings of a release could say, they can say today: an unknown key would keep a service from starting."""
    former, today = _inlined(load(release / "settings.json")), _inlined(Settings.model_json_schema())
    changes = compared(former, today)
    assert [each for each in changes if each.breaks is Breaks.FORMER_WRITERS] == []


def _inlined(document: Any) -> Any:
    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(each) for each in node]
        if not isinstance(node, dict):
            return node
        beside = {key: walk(value) for key, value in node.items() if key not in {"$ref", "$defs"}}
        if "$ref" not in node:
            return beside
        return walk(document["$defs"][node["$ref"].rpartition("/")[2]]) | beside

    return walk(document)


def test_settings_that_are_gone_are_noticed() -> None:
    """A section that is left out breaks who has it in a file."""
    former = _inlined(Settings.model_json_schema())
    today = deepcopy(former)
    del today["properties"]["journal"]
    assert Change("/properties/journal", "is gone", Breaks.FORMER_WRITERS) in set(compared(former, today))


@pytest.mark.parametrize("bucket", sorted(READERS))
def test_what_buckets_held_is_read(bucket: str) -> None:
    """Every value that a build ever wrote into a bucket is read; a new form is a further line of the record."""
    found = [READERS[bucket](value) for value in documents(bucket)]
    assert found
    assert None not in found


def test_notes_of_placements_mean_the_same() -> None:
    """A note without a time may stand for an order under way; one with a time is over in the end, a refusal is none."""
    found = [READERS["PLACEMENTS"](note) for note in documents("PLACEMENTS")]
    assert found == [Earlier.UNDER_WAY, Earlier.UNDER_WAY, Earlier.OVER, Earlier.NONE, Earlier.OVER]


def test_every_bucket_is_on_record() -> None:
    """A bucket without a record could change its values unnoticed."""
    names = {definition.name for definition in BUCKETS}
    assert {path.stem for path in DIRECTORY.glob("*.jsonl")} == names
    assert set(READERS) == names - {"BOOKS"}


def test_a_release_is_frozen_once(tmp_path: Path) -> None:
    """The record of a release has all that is compared, and is not written a second time."""
    for folder in ("events", "commands", "common", "examples"):
        (tmp_path / folder).symlink_to(SCHEMAS / folder)
    (tmp_path / "asyncapi.yaml").symlink_to(SCHEMAS / "asyncapi.yaml")
    record = freeze("9.9.9", tmp_path)
    assert {path.name for path in LATEST.iterdir()} - {"widened.json"} <= {
        path.name for path in record.iterdir()
    }
    assert (record / "order.jsonl").read_bytes().count(b"\n") == len(
        list((SCHEMAS / "examples" / "order").glob("*.json"))
    )
    assert json.loads((record / "streams.json").read_bytes()) == stream_manifests(3)
    with pytest.raises(SystemExit, match="never edited"):
        freeze("9.9.9", tmp_path)
    with pytest.raises(SystemExit, match="expected three numbers"):
        freeze("next", tmp_path)
