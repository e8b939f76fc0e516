"""Compares two images file by file: `python deploy/image/compare.py IMAGE IMAGE`.

Each file of one must be in the other, with the same content, rights, owner and time. Exit status 1, and the first
differences, if not. The layers' own ids are compared, too, and told; an engine may write times into them that are no file's.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
import tarfile
from typing import Final

_DOCKER: Final = shlex.split(os.environ.get("DOCKER", "docker"))
_DEADLINE_S: Final = 300
_SHOWN: Final = 20
# What the engine puts into every container.
_ENGINES: Final = {
    ".dockerenv",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/mtab",
    "dev/console",
    "dev/pts",
    "dev/shm",
}
_ENGINES_FOLDERS: Final = {"", "etc", "dev", "proc", "sys"}


def _docker(*arguments: str) -> str:
    answer = subprocess.run(  # noqa: S603 - fixed arguments
        [*_DOCKER, *arguments], check=True, capture_output=True, text=True, timeout=_DEADLINE_S
    )
    return answer.stdout.strip()


def files_of(image: str) -> dict[str, tuple[object, ...]]:
    """Return what can be told of each file of an image, by its path."""
    container = _docker("create", image)
    found: dict[str, tuple[object, ...]] = {}
    try:
        with subprocess.Popen([*_DOCKER, "export", container], stdout=subprocess.PIPE) as process:  # noqa: S603 - fixed arguments
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                for member in tar:
                    path = member.name.rstrip("/").removeprefix("./")
                    if path in _ENGINES | _ENGINES_FOLDERS:
                        continue
                    content = tar.extractfile(member) if member.isfile() else None
                    digest = None if content is None else hashlib.sha256(content.read()).hexdigest()
                    owner = (member.uid, member.gid)
                    found[path] = (
                        member.type,
                        member.mode,
                        owner,
                        int(member.mtime),
                        member.linkname,
                        digest,
                    )
            if process.wait():
                raise SystemExit(f"compare: {image} cannot be exported")
    finally:
        _docker("rm", container)
    return found


def main(first: str, second: str) -> int:
    """Print what differs and return the exit status."""
    one, other = files_of(first), files_of(second)
    different = sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))
    for path in different[:_SHOWN]:
        print(f"{path}\n  {one.get(path)}\n  {other.get(path)}")  # noqa: T201 - a command
    layers = [
        json.loads(_docker("image", "inspect", "--format={{json .RootFS.Layers}}", image))
        for image in (first, second)
    ]
    same = sum(left == right for left, right in zip(*layers, strict=False))
    print(f"{len(one)} files, {len(different)} differ; {same} of {len(layers[0])} layers are the same")  # noqa: T201 - a command
    return 1 if different else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004 - two images
        sys.exit("compare: expected the names of two images")
    sys.exit(main(sys.argv[1], sys.argv[2]))
