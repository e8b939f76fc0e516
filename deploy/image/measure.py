"""Measures an image: `python deploy/image/measure.py IMAGE [IMAGE …]`. Prints JSON.

Size as the engine counts it, unpacked, and what of that is the base's; seconds from `docker run` until `fillwire --version`
has ended, and until `fillwire simulate` says that it is ready: median and worst of several starts, as a service is
started, without rights and on a read-only root. `bare_s` is the same of the Python that it brings doing nothing.
"""

import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

STARTS: Final = 5
_DEADLINE_S: Final = 120
_DOCKER: Final = shlex.split(os.environ.get("DOCKER", "docker"))
_LOCKED: Final = (
    "--rm",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=none",
    "--tmpfs=/tmp",
)


def _docker(*arguments: str) -> str:
    answer = subprocess.run(  # noqa: S603 - fixed arguments
        [*_DOCKER, *arguments], check=True, stdout=subprocess.PIPE, text=True, timeout=_DEADLINE_S
    )
    return answer.stdout


def _ended(image: str, *arguments: str) -> float:
    began = time.monotonic()
    _docker("run", *_LOCKED, *arguments, image, *(() if arguments else ("--version",)))
    return time.monotonic() - began


def _bare(image: str) -> float:
    began = time.monotonic()
    _docker("run", *_LOCKED, "--entrypoint=python", image, "-IS", "-c", "pass")
    return time.monotonic() - began


def _ready(image: str) -> float:
    name = f"fillwire-measured-{os.getpid()}"
    began = time.monotonic()
    command = [*_DOCKER, "run", *_LOCKED, f"--name={name}", image, "simulate", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - fixed arguments
        try:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            for line in process.stdout:
                if line.startswith('{"ready": true'):
                    return time.monotonic() - began
        finally:
            subprocess.run([*_DOCKER, "kill", name], capture_output=True, check=False, timeout=_DEADLINE_S)  # noqa: S603 - fixed arguments
    raise SystemExit(f"measure: the simulator of {image} ended with {process.returncode} before it was ready")


def _times(image: str, start: Callable[[str], float]) -> dict[str, float]:
    taken = [start(image) for _ in range(STARTS)]
    return {"median": round(statistics.median(taken), 2), "worst": round(max(taken), 2)}


def measured(image: str) -> dict[str, Any]:
    """Return what an image weighs and how fast it starts.

    Args:
        image: name and tag.
    """
    (facts,) = json.loads(_docker("image", "inspect", image))
    layers = [line for line in _docker("history", "--format={{.Size}}", image).split() if line != "0B"]
    return {
        "image": image,
        "id": facts["Id"],
        "size_mb": round(facts["Size"] / 1e6, 1),
        "layers_newest_first": layers,
        "user": facts["Config"]["User"],
        "bare_s": _times(image, _bare),
        "version_s": _times(image, _ended),
        "simulator_ready_s": _times(image, _ready),
    }


if __name__ == "__main__":
    if len(sys.argv) < 2:  # noqa: PLR2004 - one image at least
        sys.exit("measure: expected the name of an image")
    print(json.dumps([measured(image) for image in sys.argv[1:]], indent=1))  # noqa: T201 - a command
