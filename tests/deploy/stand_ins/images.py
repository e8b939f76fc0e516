"""Stand-ins for the images that `deploy/` names, for a machine that reaches Debian and PyPI but no registry of images.

    PYTHONPATH=tests python -m deploy.stand_ins.images [NAME …]      all by default; those that are there are left alone

Each carries the name and tag of the image that it stands for, and has its programs, paths, user and entry point; so what is
built and started from `deploy/` is the same. They are for trying, never for use: nobody maintains them. Needs root, a
Docker engine, mmdebstrap, rustup's toolchain, and a Jaeger as docs/tracing.md builds it, in `FILLWIRE_JAEGER`.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from deploy.images import named_images

HERE: Final = Path(__file__).resolve().parent
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_SUITE: Final = "trixie"
# What Debian's own slim images leave out, too.
_LEFT_OUT: Final = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
_DEADLINE_S: Final = 900
# A machine may have certificates of its own between itself and the registries of packages.
_TRUST: Final = tuple(
    f"ENV {name}={_CERTIFICATES}" for name in ("SSL_CERT_FILE", "PIP_CERT", "CARGO_HTTP_CAINFO")
)


class StandIn(NamedTuple):
    """How to make one.

    Attributes:
        fill: puts the image's files into a directory.
        changes: instructions of a Dockerfile that say how it is started.
    """

    fill: Callable[[Path], None]
    changes: Sequence[str]


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, timeout=_DEADLINE_S)  # noqa: S603 - fixed programs


def _debian(root: Path, *packages: str) -> None:
    _run(
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
        *(_SUITE, root, "http://deb.debian.org/debian"),
    )


def _trust(root: Path) -> None:
    target = root / _CERTIFICATES.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_CERTIFICATES, target)


def _python(root: Path) -> None:
    _debian(root, "ca-certificates", "netbase", "tzdata", "python3", "python3-pip", "python3-venv")
    _trust(root)
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    for marker in root.glob("usr/lib/python3.*/EXTERNALLY-MANAGED"):
        marker.unlink()  # the image's own Python takes packages


def _rust(root: Path) -> None:
    answer = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True)  # noqa: S607 - from the path
    toolchain = Path(answer.stdout.strip())
    cargo, rustup = root / "usr/local/cargo/bin", root / "usr/local/rustup/toolchains" / toolchain.name
    cargo.mkdir(parents=True)
    for part in ("bin", "lib", "libexec"):
        shutil.copytree(toolchain / part, rustup / part, symlinks=True)
    for program in ("cargo", "rustc", "rustdoc"):
        (cargo / program).symlink_to(f"/usr/local/rustup/toolchains/{toolchain.name}/bin/{program}")


def _nats(root: Path) -> None:
    shutil.copy(Path(sys.executable).with_name("nats-server").resolve(), root / "nats-server")


def _jaeger(root: Path) -> None:
    binary = os.environ.get("FILLWIRE_JAEGER") or shutil.which("jaeger")
    if binary is None:
        sys.exit(
            "stand-ins: found no jaeger on the path, expected FILLWIRE_JAEGER to name one (docs/tracing.md)"
        )
    _debian(root, "ca-certificates")  # a build of one's own is linked to a libc
    shutil.copy(binary, root / "usr/local/bin/jaeger")


def _prometheus(root: Path) -> None:
    _debian(root, "ca-certificates", "prometheus")
    (root / "etc/prometheus").mkdir(exist_ok=True)
    (root / "prometheus").mkdir()
    shutil.chown(root / "prometheus", 65534, 65534)


def _postgres(root: Path) -> None:
    _debian(root, "ca-certificates", "postgresql-17")
    shutil.rmtree(root / "var/lib/postgresql/17", ignore_errors=True)  # the cluster that the package makes
    entrypoint = root / "usr/local/bin/docker-entrypoint.sh"
    shutil.copy(HERE / "postgres_entrypoint.sh", entrypoint)
    entrypoint.chmod(0o755)
    # The number that the official image gives its user, by which manifests name it.
    for command in (
        ("groupmod", "--gid=999", "postgres"),
        ("usermod", "--uid=999", "postgres"),
        ("chown", "--recursive", "999:999", "/var/lib/postgresql"),
    ):
        subprocess.run(["chroot", str(root), *command], check=True, timeout=60)  # noqa: S603, S607 - fixed arguments


_PATH: Final = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
STAND_INS: Final[dict[str, StandIn]] = {
    "python": StandIn(_python, (_PATH, *_TRUST, 'CMD ["python3"]')),
    "rust": StandIn(_rust, (_PATH,)),
    "nats": StandIn(_nats, ('ENTRYPOINT ["/nats-server"]', "EXPOSE 4222 8222 6222")),
    "jaegertracing/jaeger": StandIn(_jaeger, (_PATH, 'ENTRYPOINT ["/usr/local/bin/jaeger"]', "USER 10001")),
    "prom/prometheus": StandIn(
        _prometheus, (_PATH, 'ENTRYPOINT ["/usr/bin/prometheus"]', "USER 65534", "WORKDIR /prometheus")
    ),
    "postgres": StandIn(
        _postgres,
        (
            _PATH,
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            "ENV PGDATA=/var/lib/postgresql/data",
            "VOLUME /var/lib/postgresql/data",
        ),
    ),
}


@contextmanager
def _filled(fill: Callable[[Path], None]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fillwire-stand-in-") as directory:
        root = Path(directory) / "root"
        root.mkdir()
        root.chmod(0o755)
        fill(root)
        archive = Path(directory) / "root.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(root, arcname=".")
        shutil.rmtree(root)
        yield archive


def is_there(image: str) -> bool:
    """Return whether the engine has the image."""
    answer = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False)  # noqa: S603, S607 - from the path
    return answer.returncode == 0


def make(image: str) -> None:
    """Make the stand-in for an image.

    Args:
        image: name and tag, as `deploy/` has it.
    """
    stand_in = STAND_INS[image.partition(":")[0]]
    changes = [option for change in stand_in.changes for option in ("--change", change)]
    with _filled(stand_in.fill) as archive:
        _run("docker", "import", *changes, archive, image)


def main(names: Sequence[str]) -> None:
    """Make what is missing."""
    for image in named_images():
        if (not names or image.partition(":")[0] in names) and not is_there(image):
            print(f"stand-in for {image}", flush=True)  # noqa: T201 - a command
            make(image)


if __name__ == "__main__":
    main(sys.argv[1:])
