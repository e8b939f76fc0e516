"""Helm and Tilt for tests: from the path, else as `make check-deploy` has built them, from the Go module proxy in pinned versions.

python -m support.go_tools    # builds what is missing; minutes for Helm, many for Tilt
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CACHE: Final = Path.home() / ".cache" / "fillwire-tests" / "go"
_DEADLINE_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class GoTool:
    """A program of a Go module.

    Attributes:
        module: its module.
        version: which one.
        package: where its `main` is.
        instead: modules that it is built with in other versions than it names.
    """

    module: str
    version: str
    package: str
    instead: tuple[str, ...] = ()


TOOLS: Final = {
    "helm": GoTool("helm.sh/helm/v3", "v3.22.0", "./cmd/helm"),
    "tilt": GoTool(
        "github.com/tilt-dev/tilt",
        "v0.37.6",
        "./cmd/tilt",
        # Of the one that it names, the proxy has other bytes than Tilt's go.sum says.
        ("github.com/docker/buildx@v0.33.0",),
    ),
}


def _built(name: str) -> Path:
    return _CACHE / f"{name}-{TOOLS[name].version}"


def tool(name: str) -> Path | None:
    """Return `helm` or `tilt`, None where it neither is on the path nor has been built."""
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    return _built(name) if _built(name).exists() else None


def build(name: str) -> Path:
    """Build a tool, unless that was done, and return where it is.

    A module that replaces others cannot be installed by its name, so its source is unpacked and built.

    Raises:
        CalledProcessError: Go says no; it has said why.
    """
    wanted, target = TOOLS[name], _built(name)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError("found no go: expected a Go toolchain, 1.26 or newer")
    said = _run(go, "mod", "download", "-json", f"{wanted.module}@{wanted.version}", cwd=target.parent)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "source"
        shutil.copytree(json.loads(said)["Dir"], source)
        for path in (source, *source.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        for module in wanted.instead:
            _run(go, "get", module, cwd=source)
        made = target.with_name(f"{target.name}.new")
        _run(go, "build", "-trimpath", "-o", str(made), wanted.package, cwd=source)
        made.replace(target)
    return target


def _run(*command: str, cwd: Path) -> str:
    environ = os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off"}
    return subprocess.run(  # noqa: S603 - fixed arguments
        command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True, timeout=_DEADLINE_S, env=environ
    ).stdout


if __name__ == "__main__":
    for tool_name in TOOLS:
        sys.stdout.write(f"{tool(tool_name) or build(tool_name)}\n")
        sys.stdout.flush()
