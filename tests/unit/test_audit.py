"""What Fillwire is made of, held to the policy; and each thing that the audit is there for, planted and found."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import advisories
import licences
import sources
from components import Component
from policy import Policy

ROOT = Path(__file__).parents[2]
POLICY = Policy.load(ROOT / "deploy" / "audit" / "policy.toml")
NEEDED = [
    Component(ecosystem="PyPI", name=name, version="1", licence=licence, is_shipped=True)
    for name, licence in POLICY.exceptions.items()
]


def _component(licence: str | None, *, is_shipped: bool = True, name: str = "planted") -> Component:
    return Component(ecosystem="PyPI", name=name, version="1.0", licence=licence, is_shipped=is_shipped)


def _complaints(*components: Component) -> list[str]:
    return list(licences.complaints([*NEEDED, *components], POLICY))


@pytest.mark.parametrize(
    ("expression", "is_permitted"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT AND Apache-2.0", True),
        ("GPL-3.0-only AND MIT OR Apache-2.0", True),
        ("GPL-3.0-only AND (MIT OR Apache-2.0)", False),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
        ("(MIT OR GPL-2.0-only) AND (GPL-2.0-only OR ISC)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT AND Apache-2.0 WITH LLVM-exception", True),
    ],
)
def test_an_expression_permits_what_one_may_choose(expression: str, is_permitted: bool) -> None:
    """OR is a choice, AND is both, WITH belongs to what stands before it."""
    assert licences.permits(expression, POLICY.shipped) == is_permitted


@pytest.mark.parametrize("expression", ["", "BSD", "MIT OR", "MIT License", "(MIT", "GPL"])
def test_what_is_no_expression_is_said(expression: str) -> None:
    """A word that SPDX does not know allows nothing."""
    with pytest.raises(ValueError, match="SPDX"):
        licences.permits(expression, POLICY.shipped)


@pytest.mark.parametrize(
    ("component", "complaint"),
    [
        (
            _component("GPL-3.0-or-later"),
            "planted 1.0 (PyPI): GPL-3.0-or-later is not among the licences that what runs may have",
        ),
        (
            _component("AGPL-3.0-only", is_shipped=False),
            "planted 1.0 (PyPI): AGPL-3.0-only is not among the licences that what builds and tests may have",
        ),
        (_component("NCSA"), "planted 1.0 (PyPI): NCSA is not among the licences that what runs may have"),
        (
            _component("LGPL-3.0-only"),
            "planted 1.0 (PyPI): LGPL-3.0-only is not among the licences that what runs may have",
        ),
        (
            _component(None),
            "planted 1.0 (PyPI): expected a licence in its metadata, found none that SPDX has a word for",
        ),
    ],
)
def test_a_planted_package_is_found(component: Component, complaint: str) -> None:
    """A licence that is not allowed where the package is used, or none."""
    assert _complaints(_component("MIT"), _component("NCSA", is_shipped=False)) == []
    assert _complaints(component) == [complaint]


def test_an_exception_is_for_one_package_with_one_licence_and_ends_with_it() -> None:
    """Psycopg may be LGPL; were it GPL, or not there any more, the exception helps nobody."""
    assert _complaints() == []
    changed = [_component("GPL-3.0-only", name="psycopg"), *NEEDED[1:]]
    assert list(licences.complaints(changed, POLICY)) == [
        "psycopg 1.0 (PyPI): GPL-3.0-only is not among the licences that what runs may have",
        "psycopg: expected a package with the licence that an exception is made for, found none",
    ]


def _package(**changes: Any) -> dict[str, Any]:
    file = {"url": "https://a.example/x.whl", "hash": "sha256:00"}
    return {
        "name": "x",
        "version": "1",
        "source": {"registry": "https://a.example"},
        "wheels": [file],
    } | changes


@pytest.mark.parametrize(
    ("package", "complaint"),
    [
        (
            _package(source={"git": "https://b.example/x"}),
            "uv.lock: x: expected a registry as its source, found git",
        ),
        (
            _package(source={"registry": "https://b.example"}),
            "uv.lock: expected one registry, found 2: https://a.example, https://b.example",
        ),
        (
            _package(wheels=[{"url": "https://a.example/x.whl"}]),
            "uv.lock: x: expected the SHA-256 of each file, found one without",
        ),
        (_package(wheels=[]), "uv.lock: x: expected the SHA-256 of each file, found one without"),
    ],
)
def test_a_python_package_from_elsewhere_is_found(package: Mapping[str, Any], complaint: str) -> None:
    """No repository, no second registry, no file that could be another one tomorrow."""
    ours = {"name": "fillwire", "version": "0.1.0", "source": {"editable": "."}}
    assert list(sources.python_complaints({"package": [ours, _package()]})) == []
    assert list(sources.python_complaints({"package": [ours, _package(), package]})) == [complaint]


@pytest.mark.parametrize(
    ("crate", "complaint"),
    [
        ({"source": "git+https://b.example/x#1"}, "expected a registry as its source, found git+"),
        ({"source": "registry+https://b.example", "checksum": "0" * 64}, "expected one registry, found 2"),
        ({"source": "registry+https://a.example"}, "expected its checksum, found none"),
    ],
)
def test_a_crate_from_elsewhere_is_found(crate: Mapping[str, str], complaint: str) -> None:
    """As for Python; a crate without source is our own."""
    sound = [
        {"name": "fastparse"},
        {"name": "y", "source": "registry+https://a.example", "checksum": "0" * 64},
    ]
    assert list(sources.rust_complaints({"package": sound}, "Cargo.lock")) == []
    (found,) = sources.rust_complaints({"package": [*sound, {"name": "x", **crate}]}, "Cargo.lock")
    assert complaint in found


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("app.js", 'import { x } from "https://cdn.example/x.js";', "found https://cdn.example/x.js"),
        ("app.js", 'const x = await import("lodash");', "found lodash"),
        ("app.js", "/*! jQuery v3 | (c) somebody */", "found somebody's licence in it"),
        ("index.html", '<script src="//cdn.example/x.js"></script>', "found //cdn.example/x.js"),
        ("package.json", "{}", "expected no package of JavaScript"),
    ],
)
def test_a_script_from_elsewhere_is_found(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    """Whoever brings JavaScript in has to bring its audit, too."""
    (tmp_path / "own.js").write_text('import { y } from "./app.js";')
    assert list(sources.script_complaints(tmp_path)) == []
    (tmp_path / name).write_text(text)
    (found,) = sources.script_complaints(tmp_path)
    assert complaint in found


def test_everything_locked_comes_from_where_it_should() -> None:
    """This checkout as it stands."""
    assert list(sources.complaints(ROOT)) == []


def test_a_known_vulnerability_is_said_unless_it_is_accepted_for_now() -> None:
    """Acceptance ends on its day, and with the vulnerability."""
    found, today = {"x 1 (PyPI)": ["GHSA-1", "PYSEC-2"]}, date(2026, 6, 1)
    assert advisories.complaints(found, {"GHSA-1": date(2026, 7, 1)}, today) == [
        "x 1 (PyPI): known vulnerability PYSEC-2"
    ]
    assert advisories.complaints(found, {"GHSA-1": today, "PYSEC-2": date(2026, 7, 1)}, today) == [
        "x 1 (PyPI): known vulnerability GHSA-1, which was accepted until 2026-06-01"
    ]
    assert advisories.complaints({}, {"GHSA-1": date(2026, 7, 1)}, today) == [
        "GHSA-1: accepted, and not known of anything any more"
    ]


def _names(specifiers: list[Any]) -> set[str]:
    names = {re.split(r"[\[<>=~!; ]", each, maxsplit=1)[0] for each in specifiers if isinstance(each, str)}
    return {name.lower() for name in names}


def test_each_direct_dependency_has_its_reason() -> None:
    """docs/dependencies.md names what pyproject.toml and the manifests of Rust ask for, and nothing else at run time."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = _names(project["project"]["dependencies"])
    extras = set[str]().union(*map(_names, project["project"]["optional-dependencies"].values()))
    built_with = _names([*project["dependency-groups"]["dev"], *project["build-system"]["requires"]])
    crate = tomllib.loads((ROOT / "fastparse" / "Cargo.toml").read_text(encoding="utf-8"))
    fuzz = tomllib.loads((ROOT / "fastparse" / "fuzz" / "Cargo.toml").read_text(encoding="utf-8"))
    crates = {*crate["dependencies"], *crate["dev-dependencies"], *fuzz["dependencies"]} - {"fastparse"}
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    runtime, _, development = page.partition("## For development")
    rows = re.findall(r"^\| (`.+?) \| .+ \| .+ \|$", runtime, re.MULTILINE)
    named = {name.partition("[")[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert named - set(project["project"]["optional-dependencies"]) == shipped | extras
    mentioned = set(re.findall(r"`([\w.-]+)`", development)) | set(re.findall(r"`([\w.-]+)`", runtime))
    assert (built_with | crates) - mentioned == set()
