"""The Tiltfile by Tilt itself: `make check-deploy`. It asks for neither a cluster nor Docker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.go_tools import tool
from support.manifests import rendered, workloads
from support.tilt import ROOT, evaluated


def test_tilt_reads_the_tiltfile_as_we_do(tmp_path: Path) -> None:
    """`tilt alpha tiltfile-result`: the same resources, and no error or warning."""
    tilt = tool("tilt")
    if tilt is None:
        pytest.skip(
            "found no tilt: the Tiltfile was evaluated as Starlark, by tests/contract/test_tiltfile.py"
        )
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: kind-fillwire\n"
        "clusters: [{name: kind-fillwire, cluster: {server: 'https://127.0.0.1:9'}}]\n"
        "contexts: [{name: kind-fillwire, context: {cluster: kind-fillwire, user: kind-fillwire}}]\n"
        "users: [{name: kind-fillwire, user: {}}]\n"
    )
    environ = os.environ | {
        "HOME": str(tmp_path),
        "KUBECONFIG": str(kubeconfig),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TILT_DISABLE_ANALYTICS": "1",
    }
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [str(tilt), "alpha", "tiltfile-result"],
        check=False,
        capture_output=True,
        text=True,
        timeout=55,
        env=environ,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert not result.get("Error")
    found = {manifest["Name"] for manifest in result["Manifests"]}
    assert found >= {workload.name for workload in workloads(rendered("dev"))}
    assert found >= set(evaluated("up").resources)
