"""Whether everything comes from where it should: one registry each, byte for byte as locked, and no script from elsewhere."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_IMPORT: Final = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])(.+?)\1""")
_ADDRESS: Final = re.compile(r"""\b(?:src|href)\s*=\s*(["'])(.+?)\1""")
_FOREIGN_BANNER: Final = re.compile(r"@licen[cs]e|@preserve|/\*!")


def complaints(root: Path) -> Iterator[str]:
    """Yield one sentence for each thing in a checkout that comes from elsewhere."""
    yield from python_complaints(_read(root / "uv.lock"))
    for lock in (root / "Cargo.lock", root / "fastparse" / "fuzz" / "Cargo.lock"):
        yield from rust_complaints(_read(lock), str(lock.relative_to(root)))
    yield from script_complaints(root / "services")


def _read(lock: Path) -> Mapping[str, Any]:
    return tomllib.loads(lock.read_text(encoding="utf-8"))


def python_complaints(lock: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the sources in a `uv.lock`."""
    registries: set[str] = set()
    for package in lock["package"]:
        name, source = package["name"], package["source"]
        if source == {"editable": "."}:
            continue
        if "registry" not in source:
            yield f"uv.lock: {name}: expected a registry as its source, found {', '.join(source)}"
            continue
        registries.add(source["registry"])
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        if not files or not all(file.get("hash", "").startswith("sha256:") for file in files):
            yield f"uv.lock: {name}: expected the SHA-256 of each file, found one without"
    if len(registries) > 1:
        yield f"uv.lock: expected one registry, found {len(registries)}: {', '.join(sorted(registries))}"


def rust_complaints(lock: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield what is wrong with the sources in a `Cargo.lock`; what has none lies in this checkout."""
    registries: set[str] = set()
    for package in lock["package"]:
        source = package.get("source")
        if source is None:
            continue
        if not source.startswith("registry+"):
            yield f"{where}: {package['name']}: expected a registry as its source, found {source}"
            continue
        registries.add(source)
        if len(package.get("checksum", "")) != 64:  # noqa: PLR2004 - SHA-256 in hexadecimal
            yield f"{where}: {package['name']}: expected its checksum, found none"
    if len(registries) > 1:
        yield f"{where}: expected one registry, found {len(registries)}: {', '.join(sorted(registries))}"


def script_complaints(services: Path) -> Iterator[str]:
    """Yield what of the console's page is not its own: it has no JavaScript from elsewhere, so there is no lock of it."""
    for path in sorted(services.rglob("package.json")):
        yield f"{path}: expected no package of JavaScript, for no lock of any is audited"
    for path in sorted([*services.rglob("*.js"), *services.rglob("*.html")]):
        text = path.read_text(encoding="utf-8")
        foreign = [target for _, target in _IMPORT.findall(text) if not target.startswith("./")]
        if path.suffix == ".html":
            foreign = [target for _, target in _ADDRESS.findall(text) if re.match(r"[a-z]+:|//", target)]
        for target in foreign:
            yield f"{path}: expected its own files only, found {target}"
        if _FOREIGN_BANNER.search(text):
            yield f"{path}: expected code of this repository, found somebody's licence in it"
