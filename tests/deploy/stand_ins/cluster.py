"""Stand-ins for the images that `deploy/overlays/dev` names, given to the node of `deploy.cluster`.

    PYTHONPATH=tests python -m deploy.stand_ins.cluster DIRECTORY

Those that the compose file names too are made as there; the collector and the broker's exporter are built by Go from their
own sources. Grafana has none: nothing of its page is at any registry of modules.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from deploy.cluster import PAUSE
from deploy.images import OURS
from deploy.stand_ins.images import STAND_INS, StandIn, _debian, _nats, is_there, make
from support.go_tools import build
from support.manifests import rendered, workloads

_PATH: Final = "ENV PATH=/usr/local/bin:/usr/bin:/bin"
_WITHOUT: Final = "grafana/grafana"
# Forever asleep, to keep a pod's namespaces; it ends by SIGTERM.
_SLEEPER: Final = """
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
static void end(int number) { (void)number; _exit(0); }
int main(void) { signal(SIGTERM, end); signal(SIGCHLD, SIG_IGN); for (;;) pause(); }
"""


def _of_go(name: str) -> Callable[[Path], None]:
    def fill(root: Path) -> None:
        _debian(root, "ca-certificates")  # a build of one's own is linked to a libc
        shutil.copy(build(name), root / "usr/local/bin" / name)

    return fill


def _pause(root: Path) -> None:
    compiler = ("cc", "-Os", "-static", "-x", "c", "-", "-o", str(root / "pause"))
    subprocess.run(compiler, input=_SLEEPER, text=True, check=True, timeout=60)  # noqa: S603 - fixed arguments


def _broker(root: Path) -> None:
    _nats(root)
    (root / "tmp").mkdir()


STAND_INS.update(
    {
        # Its alpine image has the program on the path, where a hook looks for it.
        "nats": StandIn(_broker, ("ENV PATH=/", 'ENTRYPOINT ["/nats-server"]')),
        "alpine/socat": StandIn(lambda root: _debian(root, "socat"), (_PATH, 'ENTRYPOINT ["socat"]')),
        "natsio/prometheus-nats-exporter": StandIn(
            _of_go("prometheus-nats-exporter"),
            (_PATH, 'ENTRYPOINT ["prometheus-nats-exporter"]', "USER 10001"),
        ),
        "otel/opentelemetry-collector": StandIn(
            _of_go("otelcol"), (_PATH, 'ENTRYPOINT ["otelcol"]', "USER 10001")
        ),
        PAUSE.partition(":")[0]: StandIn(_pause, ('ENTRYPOINT ["/pause"]', "USER 65535")),
    }
)


def named_images() -> list[str]:
    """Return every image of the overlay that is not built here, and that of the node itself, as far as there are stand-ins."""
    named = {
        container["image"] for workload in workloads(rendered("dev")) for container in workload.containers
    }
    others = {image for image in named if not f"{image}:".startswith(OURS)}
    return sorted(image for image in others | {PAUSE} if not image.startswith(_WITHOUT))


def load(images: Iterable[str], directory: Path) -> None:
    """Give Docker's images to the node."""
    ctr = ("ctr", f"--address={directory / 'containerd.sock'}", "--namespace=k8s.io", "images", "import", "-")
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:  # noqa: S603, S607 - from the path
        subprocess.run(ctr, stdin=saved.stdout, check=True, timeout=600)  # noqa: S603 - fixed arguments
    if saved.returncode:
        raise ChildProcessError(f"docker save ended with status {saved.returncode}, expected 0")


if __name__ == "__main__":
    for image in named_images():
        if not is_there(image):
            print(f"stand-in for {image}", flush=True)  # noqa: T201 - a command
            make(image)
    load(named_images(), Path(sys.argv[1]))
