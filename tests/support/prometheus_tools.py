"""Prometheus' own programs for tests: from the path, else out of Debian's package, unpacked beside and never installed."""

import fcntl
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

_CACHE = Path.home() / ".cache" / "fillwire-tests" / "prometheus"
_PACKAGE = "prometheus"
_DEADLINE_S = 120


@cache
def tool(name: str) -> Path | None:
    """Return `promtool` or `prometheus`, None where it can neither be found nor fetched."""
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    unpacked = _CACHE / "usr" / "bin" / name
    if not unpacked.exists():
        _fetch()
    return unpacked if unpacked.exists() else None


def _fetch() -> None:
    """Unpack the package, if this is a Debian that can reach its mirror; one process of several does it."""
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or dpkg is None:
        return
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (_CACHE / "usr").exists():
            return
        with suppress(OSError, subprocess.SubprocessError, StopIteration):
            _run(apt, "download", _PACKAGE)
            package = next(_CACHE.glob(f"{_PACKAGE}_*.deb"))
            _run(dpkg, "-x", str(package), str(_CACHE))
            package.unlink()


def _run(*command: str) -> None:
    subprocess.run(command, cwd=_CACHE, check=True, capture_output=True, timeout=_DEADLINE_S)  # noqa: S603 - fixed arguments
