"""The audit as CI runs it: on this checkout, on one with a package that must not be there, and with or without an answer."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

ROOT = Path(__file__).parents[2]


async def _audit(*options: str) -> tuple[int, list[str]]:
    """Run the audit; return its status and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "deploy/audit", *options, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(50):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().splitlines()


def _checkout(path: Path) -> Path:
    """Return a checkout that has everything that the audit looks at."""
    for name in ("uv.lock", "Cargo.lock", "Cargo.toml", "LICENSE"):
        shutil.copy(ROOT / name, path)
    shutil.copytree(ROOT / "fastparse", path / "fastparse", ignore=shutil.ignore_patterns("target"))
    (path / "services").mkdir()
    return path


@asynccontextmanager
async def _osv(answer: dict[str, list[str]], status: int = 200) -> AsyncIterator[tuple[str, list[Any]]]:
    """Answer as OSV does: ids by package name; yield the address and what was asked."""
    asked: list[Any] = []

    async def batch(request: web.Request) -> web.Response:
        queries = (await request.json())["queries"]
        asked.extend(queries)
        results = [
            {"vulns": [{"id": each, "modified": "2026-01-01T00:00:00Z"} for each in answer[name]]}
            if (name := query["package"]["name"]) in answer
            else {}
            for query in queries
        ]
        return web.json_response({"results": results}, status=status)

    application = web.Application()
    application.router.add_post("/v1/querybatch", batch)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def test_this_checkout_passes_and_every_package_is_asked_about() -> None:
    """Both locks, in the words of OSV's ecosystems."""
    async with _osv({}) as (url, asked):
        status, said = await _audit("--osv", url)
    assert (status, len(said)) == (0, 2), said
    found = {(query["package"]["ecosystem"], query["package"]["name"]) for query in asked}
    assert {
        ("PyPI", "aiohttp"),
        ("PyPI", "pytest"),
        ("crates.io", "pyo3"),
        ("crates.io", "criterion"),
    } <= found
    assert not {name for _, name in found} & {"fillwire", "fastparse"}
    assert all(query["version"] for query in asked)


async def test_a_known_vulnerability_fails() -> None:
    """By package, version and id."""
    async with _osv({"pyo3": ["RUSTSEC-2020-0074"]}) as (url, _):
        status, said = await _audit("--osv", url)
    assert status == 1
    assert said[-1].startswith("audit: pyo3 ")
    assert said[-1].endswith(" (crates.io): known vulnerability RUSTSEC-2020-0074")


async def test_where_nobody_answers_it_is_said_and_no_failure() -> None:
    """Connection refused, or an answer that says not now; an answer that makes no sense is a failure."""
    refused = await _audit("--osv", "http://127.0.0.1:9")
    assert refused[0] == 0
    assert "vulnerabilities NOT CHECKED: http://127.0.0.1:9 cannot be reached" in refused[1][-1]
    async with _osv({}, status=503) as (url, _):
        status, said = await _audit("--osv", url)
    assert (status, "NOT CHECKED" in said[-1]) == (0, True)
    async with _osv({}, status=404) as (url, _):
        status, said = await _audit("--osv", url)
    assert (status, said[-1]) == (1, f"audit: {url}: expected an answer, found status 404")


async def test_a_planted_package_under_the_gpl_fails(tmp_path: Path) -> None:
    """A crate is put into the workspace and its lock: the audit names it, its licence and where it is from."""
    root = _checkout(tmp_path)
    planted = root / "planted"
    (planted / "src").mkdir(parents=True)
    (planted / "src" / "lib.rs").touch()
    (planted / "Cargo.toml").write_text(
        '[package]\nname = "planted"\nversion = "1.0.0"\nedition = "2021"\nlicense = "GPL-3.0-only"\n'
    )
    manifest = root / "fastparse" / "Cargo.toml"
    manifest.write_text(
        manifest.read_text().replace(
            "[dependencies]\n", '[dependencies]\nplanted = { path = "../planted" }\n', 1
        )
    )
    lock = (root / "Cargo.lock").read_text()
    lock = lock.replace(' "pyo3",\n', ' "planted",\n "pyo3",\n', 1)
    lock += '\n[[package]]\nname = "planted"\nversion = "1.0.0"\n'
    (root / "Cargo.lock").write_text(lock)
    workspace = root / "Cargo.toml"
    workspace.write_text(workspace.read_text().replace('["fastparse"]', '["fastparse", "planted"]'))
    status, said = await _audit("--offline", "--root", str(root))
    assert status == 1
    assert said[-1] == (
        "audit: planted 1.0.0 (crates.io): GPL-3.0-only is not among the licences that what runs may have"
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            'name = "certifi"\n',
            'name = "certified"\n',
            "audit: certified is locked and not installed: expected `make setup` before",
        ),
        ('name = "certifi"\nversion = "', 'name = "certifi"\nversion = "1', "audit: certifi: expected 1"),
    ],
)
async def test_a_lock_that_is_not_what_is_installed_fails(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    """What is looked at must be what is locked."""
    root = _checkout(tmp_path)
    lock = (root / "uv.lock").read_text()
    assert old in lock
    # Everybody who needs it needs it under the new name.
    changed = lock.replace('name = "certifi" }', 'name = "certified" }') if "certified" in new else lock
    (root / "uv.lock").write_text(changed.replace(old, new, 1))
    status, said = await _audit("--offline", "--root", str(root))
    assert status == 1
    assert said[0].startswith(complaint)
