"""The Tiltfile, evaluated as Tilt's language: its functions note what they are called with, and take what Tilt's take.

Their signatures are those of Tilt 0.37 (internal/tiltfile/api/__init__.py), as far as the Tiltfile calls them. What only
Tilt itself can see is for tests/deploy, where there is one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import starlark as sl

ROOT: Final = Path(__file__).resolve().parents[2]
MANUAL: Final = "manual"


@dataclass(slots=True)
class Tiltfile:
    """What a Tiltfile asked for.

    Attributes:
        images: arguments of each `docker_build` by the image's name.
        overlays: directories that were rendered.
        resources: arguments of each `k8s_resource` by the workload's name.
        timeout: of `tilt ci`.
    """

    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    overlays: list[str] = field(default_factory=list)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    timeout: str = ""

    def ci_settings(
        self, k8s_grace_period: str = "", timeout: str = "30m", readiness_timeout: str = "5m"
    ) -> None:
        """Bound `tilt ci`."""
        del k8s_grace_period, readiness_timeout
        self.timeout = timeout

    def docker_build(  # noqa: PLR0913 - Tilt's
        self,
        ref: str,
        context: str,
        *,
        dockerfile: str = "Dockerfile",
        target: str = "",
        only: Sequence[str] = (),
        ignore: Sequence[str] = (),
        live_update: Sequence[Sequence[Any]] = (),
    ) -> None:
        """Build an image."""
        self.images[ref] = {
            "context": context,
            "dockerfile": dockerfile,
            "target": target,
            "only": list(only),
            "ignore": list(ignore),
            "live_update": [tuple(step) for step in live_update],
        }

    def kustomize(self, path_to_dir: str) -> str:
        """Render a kustomization."""
        return path_to_dir

    def k8s_yaml(self, yaml: str) -> None:
        """Deploy it."""
        self.overlays.append(yaml)

    def k8s_resource(  # noqa: PLR0913 - Tilt's
        self,
        workload: str,
        *,
        port_forwards: Sequence[Any] = (),
        trigger_mode: str = "auto",
        resource_deps: Sequence[str] = (),
        auto_init: bool = True,
        links: Sequence[Any] = (),
        labels: Sequence[str] = (),
    ) -> None:
        """Say of a workload how it is shown and what it waits for.

        Raises:
            ValueError: it was said before.
        """
        if workload in self.resources:
            raise ValueError(f"expected one k8s_resource for {workload}, found two")
        self.resources[workload] = {
            "port_forwards": [tuple(forward) for forward in port_forwards],
            "trigger_mode": trigger_mode,
            "resource_deps": list(resource_deps),
            "auto_init": auto_init,
            "links": [tuple(link) for link in links],
            "labels": list(labels),
        }


def _port_forward(
    local_port: int, container_port: int, *, name: str = "", link_path: str = "", host: str = ""
) -> tuple[int, int]:
    del name, link_path, host
    return local_port, container_port


def _fall_back_on(files: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    return "fall_back_on", tuple(files)


def _sync(local_path: str, remote_path: str) -> tuple[str, str, str]:
    return "sync", local_path, remote_path


def _link(url: str, name: str) -> tuple[str, str]:
    return url, name


def evaluated(subcommand: str, text: str | None = None) -> Tiltfile:
    """Return what the Tiltfile asks for when `tilt <subcommand>` reads it.

    Args:
        subcommand: `up` or `ci`.
        text: another than the repository's.

    Raises:
        starlark.StarlarkError: it is no Starlark, or calls something that Tilt has not, or with what it does not take.
    """
    noted = Tiltfile()
    module = sl.Module()
    functions: dict[str, Callable[..., Any]] = {
        "ci_settings": noted.ci_settings,
        "docker_build": noted.docker_build,
        "fall_back_on": _fall_back_on,
        "k8s_resource": noted.k8s_resource,
        "k8s_yaml": noted.k8s_yaml,
        "kustomize": noted.kustomize,
        "link": _link,
        "port_forward": _port_forward,
        "sync": _sync,
    }
    for name, function in functions.items():
        module.add_callable(name, function)
    module["TRIGGER_MODE_MANUAL"] = MANUAL
    dialect = sl.Dialect.extended()
    dialect.enable_top_level_stmt = True
    source = (ROOT / "Tiltfile").read_text(encoding="utf-8") if text is None else text
    parsed = sl.parse("Tiltfile", f"config = struct(tilt_subcommand={subcommand!r})\n{source}", dialect)
    sl.eval(module, parsed, sl.Globals.extended_by([sl.LibraryExtension.StructType]))
    return noted
