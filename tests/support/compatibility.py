"""What differs between a released schema and today's, and whom that breaks while both releases run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from support.schemas import follow, load

_SAYS_NOTHING = frozenset(
    {"$schema", "$id", "$defs", "title", "description", "examples", "default", "format", "writeOnly"}
)
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "ge", "gt")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "le", "lt")
_SETS = ("enum", "required", "properties")


class Breaks(StrEnum):
    """Who is broken by a change."""

    FORMER_READERS = "former readers"
    """Today's programs may write what a reader of the former release refuses or misses."""
    FORMER_WRITERS = "former writers"
    """Writers of the former release may send what today's programs refuse."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One difference that breaks somebody.

    Attributes:
        place: JSON pointer into the schema, references followed.
        what: what became of it.
        breaks: whom.
    """

    place: str
    what: str
    breaks: Breaks

    def __str__(self) -> str:
        """Return the change in a sentence."""
        return f"{self.place or '/'} {self.what}, which breaks {self.breaks}"


def resolved(path: Path, schema: Any) -> Any:
    """Return a schema of the file `path` with every reference replaced by what stands behind it."""
    if isinstance(schema, list):
        return [resolved(path, each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target_path, target = follow(path, schema)
        return resolved(target_path, target) | resolved(path, beside)
    return {key: resolved(path, value) for key, value in schema.items() if key != "$defs"}


def breaking_changes(former: Path, today: Path) -> list[Change]:
    """Return what breaks between two files that describe the same message, sorted by place."""
    return sorted(compared(resolved(former, load(former)), resolved(today, load(today))))


def compared(former: Any, today: Any, place: str = "") -> Iterator[Change]:
    """Yield what breaks between two schemas without references.

    An optional property more breaks nobody, since readers pass over what they do not know. Of what this module does not
    understand, such as rules between properties, every difference counts as breaking both.
    """
    former, today = _without_null(former), _without_null(today)
    if former["nullable"] != today["nullable"]:
        yield from _may_be(place, "null", is_new=today["nullable"])
    former, today = former["schema"], today["schema"]
    yield from _words(former, today, place)
    yield from _bounds(former, today, place)
    yield from _properties(former, today, place)
    known = {*_SETS, *_LOWER_BOUNDS, *_UPPER_BOUNDS}
    for key in sorted(former.keys() | today.keys()):
        if key in known:
            continue
        before, after = former.get(key), today.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from compared(before, after, f"{place}/{key}")
        elif before != after:
            yield from _differs(f"{place}/{key}", before, after)


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether a schema takes null, and what it says of all else."""
    said = {key: value for key, value in schema.items() if key not in _SAYS_NOTHING and key[:2] != "x-"}
    nullable = False
    if "anyOf" in said:
        others = [each for each in said["anyOf"] if each.get("type") != "null"]
        nullable = len(others) < len(said["anyOf"])
        if len(others) == 1:
            del said["anyOf"]
            inner = _without_null(others[0])
            return {"nullable": nullable or inner["nullable"], "schema": inner["schema"] | said}
        said["anyOf"] = others
    if "enum" in said and None in said["enum"]:
        nullable = True
        said["enum"] = [word for word in said["enum"] if word is not None]
    if isinstance(said.get("type"), list) and "null" in said["type"]:
        nullable = True
        said["type"] = [word for word in said["type"] if word != "null"]
        if len(said["type"]) == 1:
            (said["type"],) = said["type"]
    return {"nullable": nullable, "schema": said}


def _may_be(place: str, value: str, *, is_new: bool) -> Iterator[Change]:
    if is_new:
        yield Change(place, f"may be {value}", Breaks.FORMER_READERS)
    else:
        yield Change(place, f"may not be {value} any more", Breaks.FORMER_WRITERS)


def _differs(place: str, before: Any, after: Any) -> Iterator[Change]:
    for breaks in Breaks:
        yield Change(place, f"was {before!r} and is {after!r}", breaks)


def _words(former: Mapping[str, Any], today: Mapping[str, Any], place: str) -> Iterator[Change]:
    if ("enum" in former) != ("enum" in today):
        yield from _differs(f"{place}/enum", former.get("enum"), today.get("enum"))
        return
    before, after = former.get("enum", ()), today.get("enum", ())
    for word in [*before, *after]:
        if (word in before) != (word in after):
            yield from _may_be(place, repr(word), is_new=word in after)


def _bounds(former: Mapping[str, Any], today: Mapping[str, Any], place: str) -> Iterator[Change]:
    for keys, is_lower in ((_LOWER_BOUNDS, True), (_UPPER_BOUNDS, False)):
        for key in keys:
            before, after = former.get(key), today.get(key)
            if before == after:
                continue
            is_tighter = before is None or (
                after is not None and (after > before if is_lower else after < before)
            )
            breaks = Breaks.FORMER_WRITERS if is_tighter else Breaks.FORMER_READERS
            yield Change(f"{place}/{key}", f"was {before!r} and is {after!r}", breaks)


def _properties(former: Mapping[str, Any], today: Mapping[str, Any], place: str) -> Iterator[Change]:
    before, after = former.get("properties", {}), today.get("properties", {})
    for name in before.keys() - after.keys():
        for breaks in Breaks:
            yield Change(f"{place}/properties/{name}", "is gone", breaks)
    for name in before.keys() & after.keys():
        yield from compared(before[name], after[name], f"{place}/properties/{name}")
    for name in set(former.get("required", ())) ^ set(today.get("required", ())):
        if name in today.get("required", ()):
            yield Change(f"{place}/properties/{name}", "is required now", Breaks.FORMER_WRITERS)
        elif name in after:
            yield Change(f"{place}/properties/{name}", "may be absent now", Breaks.FORMER_READERS)
