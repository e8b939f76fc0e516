"""The rules of who may import whom: kept by the package, and broken by each breach that is planted in a copy of it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
]
ONE_WAY, NO_IO, NO_EXCHANGE, NO_BROKER, DOMAIN_ALONE = CONTRACTS


class Breach(NamedTuple):
    """An import that must not be: where it is planted, what it is, and which contracts it breaks."""

    module: str
    statement: str
    broken: set[str]


BREACHES = [
    Breach("domain/enums.py", "import fillwire.wire.subjects", {ONE_WAY}),
    Breach("domain/enums.py", "import orjson", {DOMAIN_ALONE}),
    Breach("domain/enums.py", "import time", {NO_IO}),
    Breach("wire/codec.py", "import fillwire.runtime", {ONE_WAY}),
    Breach("wire/codec.py", "import asyncio", {NO_IO}),
    Breach("runtime/backoff.py", "import fillwire.wire.codec", {ONE_WAY}),
    Breach("venues/states.py", "import socket", {NO_IO}),
    Breach("venues/states.py", "def later() -> None:\n    from random import random", {NO_IO}),
    Breach("venues/states.py", "import fillwire.bus", {ONE_WAY}),
    Breach("bus/streams.py", "import fillwire.venues.states", {ONE_WAY}),
    Breach("sdk/strategy.py", "import fillwire.venues.states", {NO_EXCHANGE}),
    Breach("sdk/strategy.py", "import fillwire.gateway", {ONE_WAY}),
    Breach("strategies/grid.py", "import fillwire.venues.states", {NO_EXCHANGE}),
    Breach("strategies/grid.py", "import fillwire.testing", {ONE_WAY}),
    Breach("strategies/grid.py", "import fillwire.bus.streams", {NO_BROKER}),
    Breach("testing/venue.py", "import fillwire.gateway", {ONE_WAY}),
    Breach("bots/__init__.py", "import fillwire.venues.states", {NO_EXCHANGE}),
    Breach("gateway/__init__.py", "import fillwire.bots", {ONE_WAY}),
    Breach("recorder/service.py", "import fillwire.gateway", {ONE_WAY}),
    Breach("recorder/rows.py", "import fillwire.venues.states", {NO_EXCHANGE}),
    Breach("simulator/__init__.py", "import fillwire.cli", {ONE_WAY}),
    Breach("helpers.py", "", {ONE_WAY}),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and of its rules."""
    root = tmp_path_factory.mktemp("architecture")
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(
        ROOT / "services" / "fillwire",
        root / "services" / "fillwire",
        ignore=shutil.ignore_patterns("__pycache__", "*.so"),
    )
    return root


def verdicts(root: Path) -> dict[str, bool]:
    """Return for each contract whether the package in `root` keeps it."""
    linted = subprocess.run(  # noqa: S603 - our own linter
        [BIN / "lint-imports", "--no-logo", "--cache-dir", root / "cache"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "services"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^(.+?) (KEPT|BROKEN)\b", linted.stdout, re.MULTILINE)
    assert [name for name, _ in found] == CONTRACTS, linted.stdout + linted.stderr
    kept = {name: verdict == "KEPT" for name, verdict in found}
    assert (linted.returncode == 0) == all(kept.values())
    return kept


def test_package_keeps_the_rules(copy: Path) -> None:
    """The package as it stands breaks no contract."""
    assert verdicts(copy) == dict.fromkeys(CONTRACTS, True)


@pytest.mark.slow  # a second or so each
@pytest.mark.parametrize(
    "breach", BREACHES, ids=lambda breach: f"{breach.module}: {breach.statement.split()[-1:]}"
)
def test_breach_is_caught(copy: Path, breach: Breach) -> None:
    """A planted import breaks the contracts that forbid it."""
    path = copy / "services" / "fillwire" / breach.module
    before = path.read_bytes() if path.exists() else None
    try:
        with path.open("a", encoding="utf-8") as module:
            module.write(f"\n{breach.statement}\n")
        kept = verdicts(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
    assert breach.broken <= {name for name in CONTRACTS if not kept[name]}


def test_every_contract_has_a_breach() -> None:
    """No rule is there that was never seen to fail."""
    assert set().union(*(breach.broken for breach in BREACHES)) == set(CONTRACTS)


@pytest.mark.parametrize(
    ("module", "is_caught"),
    [
        ("gateway/driver.py", True),
        ("venues/parsing.py", False),
        ("runtime/latency.py", False),
        ("wire/headers.py", False),
    ],
)
def test_extension_has_three_importers(module: str, is_caught: bool) -> None:
    """The compiled module, which the import rules cannot see, is banned by ruff outside those that may import it."""
    if is_caught:
        source = "from fillwire._fastparse import Parser\n"
    else:
        source = (ROOT / "services" / "fillwire" / module).read_text(encoding="utf-8")
    linted = subprocess.run(  # noqa: S603 - our own linter
        [
            BIN / "ruff",
            "check",
            "--select",
            "TID251",
            "--stdin-filename",
            ROOT / "services" / "fillwire" / module,
            "-",
        ],
        cwd=ROOT,
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (linted.returncode, "TID251" in linted.stdout) == (int(is_caught), is_caught)
