"""Stand-ins for the images that `deploy/overlays/dev` names, given to the nodes of `deploy.cluster`.

    PYTHONPATH=tests python -m deploy.stand_ins.cluster DIRECTORY [prod]

Those that the compose file names too are made as there; the collector, the broker's exporter, KEDA and what has Prometheus
read its settings again are built by Go from their own sources. Grafana has none: nothing of its page is at any registry of
modules. With `prod`, those of that overlay and of the charts are given, and `fillwire:0.1.0` by the name that it has there.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.cluster import NAMES, PAUSE
from deploy.nodes import nodes
from deploy.stand_ins.images import HERE, STAND_INS, StandIn, _debian, _nats, is_there, make
from support.charts import NAMESPACES, templated
from support.go_tools import build
from support.manifests import Manifest, rendered, workloads

_PATH: Final = "ENV PATH=/usr/local/bin:/usr/bin:/bin"
_WITHOUT: Final = "grafana/grafana"
_OURS: Final = "/fillwire:"
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


def _at_root(name: str) -> Callable[[Path], None]:
    def fill(root: Path) -> None:
        _debian(root, "ca-certificates")
        shutil.copy(build(name), root / name)

    return fill


def _reloader(root: Path) -> None:
    _debian(root, "ca-certificates")
    target = root / "usr/local/bin/nats-reloader"
    shutil.copy(HERE / "nats_reloader.sh", target)
    target.chmod(0o755)


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
        NAMES.partition(":")[0]: StandIn(_of_go("coredns"), (_PATH, 'ENTRYPOINT ["coredns"]')),
        "natsio/nats-server-config-reloader": StandIn(_reloader, (_PATH, 'ENTRYPOINT ["nats-reloader"]')),
        "quay.io/prometheus/prometheus": STAND_INS["prom/prometheus"],
        "quay.io/prometheus-operator/prometheus-config-reloader": StandIn(
            _of_go("prometheus-config-reloader"), (_PATH, 'ENTRYPOINT ["prometheus-config-reloader"]')
        ),
        "ghcr.io/kedacore/keda": StandIn(_at_root("keda"), ("USER 65532",)),
        "ghcr.io/kedacore/keda-metrics-apiserver": StandIn(_at_root("keda-adapter"), ("USER 65532",)),
        "ghcr.io/kedacore/keda-admission-webhooks": StandIn(
            _at_root("keda-admission-webhooks"), ("USER 65532",)
        ),
        PAUSE.partition(":")[0]: StandIn(_pause, ('ENTRYPOINT ["/pause"]', "USER 65535")),
    }
)


def named_images(objects: Sequence[Manifest]) -> list[str]:
    """Return every image of others that objects name, and those of the node itself, as far as there are stand-ins."""
    named = {container["image"] for workload in workloads(objects) for container in workload.containers}
    others = {image for image in named if _OURS not in f"/{image}:"}
    return sorted(image for image in others | {NAMES, PAUSE} if not image.startswith(_WITHOUT))


def _tag(objects: Sequence[Manifest]) -> list[str]:
    """Give the image of the release the names that objects have for it, and return these."""
    named = {container["image"] for workload in workloads(objects) for container in workload.containers}
    ours = sorted(image for image in named if _OURS in f"/{image}:")
    for image in ours:
        subprocess.run(["docker", "tag", image.rpartition("/")[2], image], check=True, timeout=60)  # noqa: S603, S607 - from the path
    return ours


def load(images: Sequence[str], directory: Path) -> None:
    """Give Docker's images to each node."""
    for node in nodes(directory):
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:  # noqa: S603, S607 - from the path
            subprocess.run([*node.ctr, "images", "import", "-"], stdin=saved.stdout, check=True, timeout=600)  # noqa: S603 - fixed arguments
        if saved.returncode:
            raise ChildProcessError(f"docker save ended with status {saved.returncode}, expected 0")


def main(directory: Path, overlay: str) -> None:
    """Make what is missing, and give all to the nodes."""
    objects, ours = rendered(overlay), list[str]()
    if overlay == "prod":
        brought = [found for chart in NAMESPACES for found in templated(chart)]
        objects, ours = (*objects, *brought, *rendered("dev")), _tag(rendered(overlay))
    images = named_images(objects)
    for image in images:
        if not is_there(image):
            print(f"stand-in for {image}", flush=True)  # noqa: T201 - a command
            make(image)
    load([*images, *ours], directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:] or ("dev",))
