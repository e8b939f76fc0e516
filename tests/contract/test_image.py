"""The Dockerfile: linted, held to the lock file, and made of nothing that the build does not name."""

import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import sbom
from deploy.images import DOCKERFILE, ROOT, build_arguments
from support.processes import python

TEXT = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text(encoding="utf-8"))
INSTRUCTIONS = [
    (words[0], words[1])
    for line in TEXT.splitlines()
    if not line.startswith("#") and len(words := line.split(maxsplit=1)) == 2
]
LOCKED = {
    package["name"]: package.get("version")
    for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
}


def _last_stage(target: str) -> list[tuple[str, str]]:
    start = next(
        number
        for number, (name, words) in enumerate(INSTRUCTIONS)
        if name == "FROM" and words.endswith(f" AS {target}")
    )
    end = next(
        (number for number, (name, _) in enumerate(INSTRUCTIONS[start + 1 :], start + 1) if name == "FROM"),
        None,
    )
    return INSTRUCTIONS[start:end]


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile is what its linter recommends; an exception carries its reason above the line."""
    linted = subprocess.run(  # noqa: S603 - of the environment
        [Path(sys.executable).with_name("hadolint"), "--no-color", DOCKERFILE],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize(("argument", "package"), [("UV_VERSION", "uv"), ("MATURIN_VERSION", "maturin")])
def test_what_builds_is_what_is_locked(argument: str, package: str) -> None:
    """The image is built by the same versions as a checkout."""
    assert build_arguments()[argument] == LOCKED[package]


def test_bases_are_pinned_to_a_patch_and_a_release_of_debian() -> None:
    """A tag that moves would make another image of the same sources."""
    bases = {name: value for name, value in build_arguments().items() if name.endswith("_IMAGE")}
    assert set(bases) == {"PYTHON_IMAGE", "RUST_IMAGE"}
    for base in bases.values():
        assert re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+-slim-trixie", base), base


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_a_service_is_no_root_and_gets_its_signals(target: str) -> None:
    """The user is a number, and the entry point no shell, which would keep SIGTERM to itself."""
    assert dict(_last_stage("base"))["USER"] == "10001:10001"
    stage = dict(_last_stage(target))
    assert "USER" not in stage
    assert "RUN" not in stage
    assert json.loads(stage["ENTRYPOINT"])[-1] == "fillwire"


def _is_sent(path: str) -> bool:
    """Return whether `.dockerignore` lets a path through: its last pattern that matches decides."""
    is_sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        parents = [path, *map(str, Path(path).parents)]
        shapes = (pattern, pattern.removeprefix("**/"))
        if any(
            fnmatch(Path(part).name if "**" in pattern else part, shape)
            for part in parents
            for shape in shapes
        ):
            is_sent = line.startswith("!")
    return is_sent


def test_what_is_copied_is_sent_to_the_build_and_nothing_else() -> None:
    """No secret, no test and no local build can get into a layer."""
    copied = [
        source
        for name, words in INSTRUCTIONS
        if name == "COPY" and "--from" not in words
        for source in words.split()[:-1]
        if not source.startswith("--")
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert _is_sent(source), source
    for kept in (
        ".git",
        "tests",
        ".venv",
        "deploy/compose/secrets",
        "services/fillwire/_fastparse.abi3.so",
        "target",
    ):
        assert not _is_sent(kept), kept


def test_the_crates_of_the_image_are_read_from_cargos_tree() -> None:
    """Our own crate is the product itself; marks of repetition and of macros are no licences."""
    lines = [
        "fastparse v0.1.0 (/app/fastparse) Apache-2.0",
        "itoa v1.0.18 MIT OR Apache-2.0",
        "pyo3-macros v0.30.0 (proc-macro) MIT OR Apache-2.0",
        "itoa v1.0.18 (*) MIT OR Apache-2.0",
    ]
    found = list(sbom.crate_components(lines))
    assert [each["purl"] for each in found] == [
        "pkg:cargo/itoa@1.0.18",
        "pkg:cargo/pyo3-macros@0.30.0",
        "pkg:cargo/itoa@1.0.18",
    ]
    assert {each["licenses"][0]["license"]["name"] for each in found} == {"MIT OR Apache-2.0"}


def test_what_is_not_installed_is_not_in_the_image() -> None:
    """Debian's list also names what was removed."""
    status = (
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\n"
        "Description: a library\n more of it: text\nVersion: 2.41-12+deb13u1\n"
    )
    (found,) = sbom.debian_components(status)
    assert found["purl"] == "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64"


async def test_the_bill_of_materials_names_what_is_installed(tmp_path: Path) -> None:
    """Run as the build runs it, it tells this environment's packages with their versions, twice the same."""
    crates = tmp_path / "crates.txt"
    crates.write_text("itoa v1.0.18 MIT OR Apache-2.0\n")
    texts = []
    for _ in range(2):
        async with python(ROOT / "deploy" / "image" / "sbom.py", crates) as process:
            assert await process.ended() == 0, process.errors
            texts.append("\n".join(process.lines))
    assert texts[0] == texts[1]
    document = json.loads(texts[0])
    assert document["metadata"]["component"]["name"] == "fillwire"
    versions = {each["name"].lower(): each["version"] for each in document["components"]}
    assert versions["itoa"] == "1.0.18"
    for package in ("aiohttp", "nats-py", "uvloop"):
        assert versions[package] == LOCKED[package]
