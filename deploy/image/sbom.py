"""Writes what the image consists of, as CycloneDX 1.6 in JSON: Python packages, Rust crates, Debian packages.

    python sbom.py CRATES.txt

It reads what is installed beside the interpreter that runs it, the output of `cargo tree --prefix none --format '{p} {l}'`
for the crates that are compiled in, and dpkg's own list. Nothing in it depends on time or chance: the same image, the same text.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

Component = dict[str, Any]
_DPKG_STATUS: Final = Path("/var/lib/dpkg/status")
_PRODUCT: Final = "fillwire"


def _component(name: str, version: str, purl: str, license_text: str | None = None) -> Component:
    component: Component = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }
    if license_text:
        component["licenses"] = [{"license": {"name": license_text}}]
    return component


def _license_of(distribution: Distribution) -> str | None:
    metadata = distribution.metadata
    for key in ("License-Expression", "License"):
        text = metadata[key] if key in metadata else ""  # noqa: SIM401 - its protocol has no `get`
        if text and "\n" not in text:  # some put the whole text there
            return str(text)
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License")
    ]
    return "; ".join(classifiers) or None


def python_components(found: Iterable[Distribution]) -> Iterator[Component]:
    """Return the installed Python packages."""
    for distribution in found:
        name, version = distribution.metadata["Name"], distribution.version
        purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{quote(version, safe='.')}"
        yield _component(name, version, purl, _license_of(distribution))


def crate_components(lines: Iterable[str]) -> Iterator[Component]:
    """Return the crates that `cargo tree` names; our own, which have a path, are part of the product."""
    for line in lines:
        words = line.split()
        if len(words) < 2 or any(word.startswith("(/") for word in words):  # noqa: PLR2004 - name and version
            continue
        name, version = words[0], words[1].removeprefix("v")
        named = " ".join(word for word in words[2:] if not word.startswith("("))  # (*) and (proc-macro)
        yield _component(name, version, f"pkg:cargo/{name}@{quote(version, safe='.')}", named or None)


def debian_components(status: str) -> Iterator[Component]:
    """Return the installed packages of dpkg's status file."""
    for paragraph in status.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and not line[0].isspace()
        )
        if fields.get("Status") == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            architecture = fields["Architecture"]
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='.')}?arch={architecture}"
            yield _component(name, version, purl)


def document(components: Iterable[Component]) -> dict[str, Any]:
    """Return the document, with the product apart from what it is made of."""
    unique = {component["bom-ref"]: component for component in components}
    product = next((each for each in unique.values() if each["name"] == _PRODUCT), None)
    if product is None:
        raise SystemExit(f"sbom: expected the package {_PRODUCT} beside {sys.executable}, found none")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**product, "type": "application"}},
        "components": [unique[key] for key in sorted(unique) if unique[key] is not product],
    }


def main(crates: Path) -> None:
    """Print the document of this machine."""
    found = [*python_components(distributions()), *crate_components(crates.read_text("utf-8").splitlines())]
    if _DPKG_STATUS.exists():
        found += debian_components(_DPKG_STATUS.read_text("utf-8"))
    json.dump(document(found), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the file
        sys.exit("sbom: expected the file that holds the output of cargo tree")
    main(Path(sys.argv[1]))
