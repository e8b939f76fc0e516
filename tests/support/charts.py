"""The charts of others with our values, as Helm renders them, where Helm and the charts are.

`HELM_CHARTS` names a directory with the charts `nats`, `prometheus` and `keda`, as `helm pull --untar` lays them.
"""

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import yaml

from support.go_tools import tool
from support.kubernetes_schemas import VERSIONS
from support.manifests import DEPLOY, Manifest

NAMESPACES: Final = {"nats": "fillwire", "prometheus": "fillwire", "keda": "keda"}
_CHARTS: Final = os.environ.get("HELM_CHARTS")


@cache
def templated(name: str) -> tuple[Manifest, ...]:
    """Return every object of a chart; skip the test where that cannot be had."""
    helm = tool("helm")
    if helm is None or _CHARTS is None:
        pytest.skip(
            "found no helm, or no charts at HELM_CHARTS: of the values only what they yield was checked"
        )
    command = [
        str(helm),
        *("template", name, str(Path(_CHARTS) / name), "--namespace", NAMESPACES[name]),
        *("--kube-version", VERSIONS[-1], "--values", str(DEPLOY / "charts" / f"{name}.yaml")),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603 - fixed arguments
    assert done.returncode == 0, done.stderr
    return tuple(found for found in yaml.safe_load_all(done.stdout) if found)
