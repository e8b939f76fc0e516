"""What Fillwire is made of: each locked package, what its own metadata say of its licence, and where it comes from."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from policy import Policy

PYTHON: Final = "PyPI"
RUST: Final = "crates.io"
_OURS: Final = frozenset({"fillwire", "fastparse"})
_CLASSIFIER: Final = "License :: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A locked package.

    Attributes:
        ecosystem: `PyPI` or `crates.io`.
        licence: what its metadata say, None if nothing that SPDX has a word for.
        is_shipped: whether Fillwire needs it when it runs.
    """

    ecosystem: str
    name: str
    version: str
    licence: str | None
    is_shipped: bool

    def __str__(self) -> str:
        """Return it as people read it, `aiohttp 3.14.0 (PyPI)`."""
        return f"{self.name} {self.version} ({self.ecosystem})"


# -- Python


def python_components(lock: Path, policy: Policy) -> list[Component]:
    """Return the packages of a `uv.lock`, with the licences of those that are installed here.

    Raises:
        ValueError: one that belongs here is not installed, or in another version.
    """
    # One package may be locked in several versions, for several versions of Python.
    packages: dict[str, list[dict[str, Any]]] = {}
    for each in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]:
        packages.setdefault(each["name"], []).append(each)
    shipped = _closure("fillwire", packages)
    components: list[Component] = []
    for name, locked in packages.items():
        if name in _OURS or name in policy.elsewhere:
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise ValueError(f"{name} is locked and not installed: expected `make setup` before") from None
        versions = [package["version"] for package in locked]
        if found.version not in versions:
            raise ValueError(f"{name}: expected {' or '.join(versions)} as locked, found {found.version}")
        licence = python_licence(found, policy)
        components += (
            Component(
                ecosystem=PYTHON, name=name, version=version, licence=licence, is_shipped=name in shipped
            )
            for version in versions
        )
    return components


def _closure(root: str, packages: Mapping[str, Iterable[Mapping[str, Any]]]) -> set[str]:
    """Return what a package needs when it runs, with all of its extras."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        for package in packages[waiting.pop()]:
            lists: list[Iterable[Mapping[str, Any]]] = [package.get("dependencies", [])]
            lists += package.get("optional-dependencies", {}).values()
            for dependency in (each for dependencies in lists for each in dependencies):
                if dependency["name"] not in found:
                    found.add(dependency["name"])
                    waiting.append(dependency["name"])
    return found


def python_licence(found: Distribution, policy: Policy) -> str | None:
    """Return an installed package's licence in SPDX's words: the expression, the older field, the classifiers, the file."""
    metadata = found.metadata
    for expression in metadata.get_all("License-Expression") or ():
        return str(expression)
    stated = "".join(map(str, metadata.get_all("License") or ()))
    if stated in policy.words or re.fullmatch(r"[\w.+-]+", stated):
        return policy.words.get(stated, stated)
    names = [
        each.rpartition(" :: ")[2]
        for each in metadata.get_all("Classifier") or ()
        if each.startswith(_CLASSIFIER)
    ]
    known = sorted({policy.words[name] for name in names if name in policy.words})
    if known and len(known) == len(names):
        return " AND ".join(known)
    licence, says = policy.read.get(metadata["Name"].lower(), (None, ""))
    return licence if licence is not None and says in _licence_text(found) else None


def _licence_text(found: Distribution) -> str:
    return "\n".join(
        file.read_text(encoding="utf-8")
        for file in found.files or ()
        if file.suffix in {"", ".txt", ".md"} and re.match(r"(?i)licen[cs]e|copying", file.name)
    )


# -- Rust


def rust_components(root: Path, policy: Policy) -> list[Component]:
    """Return the crates that the workspace's lock names, tests and benchmarks included.

    Raises:
        ValueError: cargo cannot say; the message is its own.
    """
    document = _cargo_metadata(root)
    shipped = _linked(document)
    return [
        Component(
            ecosystem=RUST,
            name=package["name"],
            version=package["version"],
            licence=policy.words.get(package["license"], package["license"]),
            is_shipped=package["id"] in shipped,
        )
        for package in document["packages"]
        if package["name"] not in _OURS
    ]


def _cargo_metadata(root: Path) -> dict[str, Any]:
    complaint = ""
    for options in (["--offline"], []):  # what is there already needs nobody's answer
        done = subprocess.run(  # noqa: S603 - our own words
            ["cargo", "metadata", "--format-version", "1", "--locked", *options],  # noqa: S607 - the cargo that builds
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            document: dict[str, Any] = json.loads(done.stdout)
            return document
        complaint = done.stderr.strip()
    raise ValueError(f"cargo metadata: {complaint}")


def _linked(document: Mapping[str, Any]) -> set[str]:
    """Return the ids of the crates that end up in the extension: neither tests', nor what only builds."""
    nodes = {node["id"]: node for node in document["resolve"]["nodes"]}
    waiting = list(document["workspace_members"])
    found = set(waiting)
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_linked and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return found
