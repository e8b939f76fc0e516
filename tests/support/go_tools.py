"""Helm, Tilt and Kubernetes for tests: from the path, else as `make check-deploy` has built them, of pinned Go modules.

python -m support.go_tools [NAME …]    # builds what is missing; minutes for Helm, many for Tilt and an API server
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
_PROGRAMS: Final = Path(__file__).resolve().parents[1] / "deploy" / "programs"
_DEADLINE_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class GoTool:
    """A program of a Go module.

    Attributes:
        module: its module.
        version: which one.
        package: where its `main` is.
        instead: modules that it is built with in other versions than it names.
        siblings: version of the modules that lie beside it where it is written, and apart from it at the proxy.
        variables: what the linker is to write into it, `package.name=value`.
        source: directory of the module, if it is of this repository.
        page: file that is to be there, since the proxy has none of what npm makes.
    """

    module: str
    version: str
    package: str
    instead: tuple[str, ...] = ()
    siblings: str | None = None
    variables: tuple[str, ...] = ()
    source: Path | None = None
    page: str | None = None


_MINOR, _PATCH = "36", "3"


def _kubernetes(program: str) -> GoTool:
    version = "k8s.io/component-base/version"
    return GoTool(
        "k8s.io/kubernetes",
        f"v1.{_MINOR}.{_PATCH}",
        f"./cmd/{program}",
        siblings=f"v0.{_MINOR}.{_PATCH}",
        # It would say of itself that it is 0.0.0.
        variables=(
            f"{version}.gitVersion=v1.{_MINOR}.{_PATCH}",
            f"{version}.gitMajor=1",
            f"{version}.gitMinor={_MINOR}",
        ),
    )


def _keda(program: str) -> GoTool:
    return GoTool("github.com/kedacore/keda/v2", "v2.20.2", f"./cmd/{program}")


def _own(name: str, version: str) -> GoTool:
    return GoTool(name, version, ".", source=_PROGRAMS / name)


TOOLS: Final = {
    "helm": GoTool("helm.sh/helm/v3", "v3.22.0", "./cmd/helm"),
    "tilt": GoTool(
        "github.com/tilt-dev/tilt",
        "v0.37.6",
        "./cmd/tilt",
        # Of the one that it names, the proxy has other bytes than Tilt's go.sum says.
        ("github.com/docker/buildx@v0.33.0",),
        # Without one, it wants to be run where its own sources are.
        page="pkg/assets/build/index.html",
        variables=("main.version=0.37.6",),
    ),
    "etcd": GoTool("go.etcd.io/etcd/server/v3", "v3.6.16", ".", siblings="v3.6.16"),
    "kube-apiserver": _kubernetes("kube-apiserver"),
    # What tests/deploy/cluster.py runs besides.
    "kube-controller-manager": _kubernetes("kube-controller-manager"),
    "kube-scheduler": _kubernetes("kube-scheduler"),
    "kubelet": _kubernetes("kubelet"),
    "kube-proxy": _kubernetes("kube-proxy"),
    "kube-router": GoTool("github.com/cloudnativelabs/kube-router/v2", "v2.1.0", "./cmd/kube-router"),
    "coredns": _own("coredns", "v1.14.5"),
    "otelcol": _own("otelcol", "v0.149.0"),
    "prometheus-config-reloader": GoTool(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "./cmd/prometheus-config-reloader",
        siblings="v0.85.0",
    ),
    "keda": _keda("operator"),
    "keda-adapter": _keda("adapter"),
    "keda-admission-webhooks": _keda("webhooks"),
    "prometheus-nats-exporter": GoTool("github.com/nats-io/prometheus-nats-exporter", "v0.20.1", "."),
}
_FOR_CHECKS: Final = ("helm", "tilt", "etcd", "kube-apiserver")


def _built(name: str) -> Path:
    return _CACHE / f"{name}-{TOOLS[name].version}"


def tool(name: str) -> Path | None:
    """Return where a tool is, None where it neither is on the path nor has been built."""
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
    found = wanted.source or _downloaded(go, wanted, target.parent)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "source"
        shutil.copytree(found, source)
        for path in (source, *source.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        if wanted.page is not None:
            (source / wanted.page).write_text("<!doctype html><title>not built</title>\n")
        if wanted.source is not None:
            _run(go, "mod", "tidy", cwd=source)
        for module in wanted.instead:
            _run(go, "get", module, cwd=source)
        if wanted.siblings is not None:
            _take_siblings(go, source, wanted.siblings)
        made = target.with_name(f"{target.name}.new")
        linked = " ".join(("-s -w", *(f"-X {variable}" for variable in wanted.variables)))
        _run(go, "build", "-trimpath", "-ldflags", linked, "-o", str(made), wanted.package, cwd=source)
        made.replace(target)
    return target


def _downloaded(go: str, wanted: GoTool, cwd: Path) -> Path:
    said = _run(go, "mod", "download", "-json", f"{wanted.module}@{wanted.version}", cwd=cwd)
    return Path(json.loads(said)["Dir"])


def _take_siblings(go: str, source: Path, version: str) -> None:
    """Have a module built with the published ones, where it wants directories that its archive lacks."""
    said = json.loads(_run(go, "mod", "edit", "-json", cwd=source))
    required = {entry["Path"] for entry in said["Require"]}
    beside = [entry["Old"]["Path"] for entry in said["Replace"] if entry["New"]["Path"].startswith(".")]
    _run(
        *(go, "mod", "edit"),
        *(f"-replace={path}={path}@{version}" for path in beside if path in required),
        cwd=source,
    )


def _run(*command: str, cwd: Path) -> str:
    flags = f"{os.environ.get('GOFLAGS', '')} -mod=mod".strip()
    environ = os.environ | {"GOFLAGS": flags, "GOWORK": "off"}
    return subprocess.run(  # noqa: S603 - fixed arguments
        command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True, timeout=_DEADLINE_S, env=environ
    ).stdout


if __name__ == "__main__":
    for tool_name in sys.argv[1:] or _FOR_CHECKS:
        sys.stdout.write(f"{tool(tool_name) or build(tool_name)}\n")
        sys.stdout.flush()
