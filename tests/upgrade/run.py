"""Upgrade from a former release under traffic, and back: `python -m upgrade.run [REVISION]`, behind `make upgrade`."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from upgrade.drill import Result, open_drill
from upgrade.release import REPOSITORY, build, commit_of, previous_release

KEPT = REPOSITORY / ".upgrade"
_TODAY = "this one"


async def drill(former: Path, name: str, directory: Path) -> Result:
    """Play it: everything in the former release, then one service after the other in this one, and back."""
    async with open_drill(directory) as it:
        await it.begin(former)
        async with it.traffic():
            await it.replace(Path(sys.executable), _TODAY)
            await it.replace(former, name, back=True)
        return await it.end()


def main() -> int:
    """Build, play, tell; return the exit status."""
    revision = sys.argv[1] if len(sys.argv) > 1 else previous_release()
    commit = commit_of(revision)
    sys.stderr.write(f"release {revision}, commit {commit[:12]}: built now, unless it is in {KEPT}\n")
    former = build(commit, KEPT)
    directory = Path(tempfile.mkdtemp(prefix="fillwire-upgrade-"))
    sys.stderr.write(f"logs and recordings: {directory}\n")
    result = asyncio.run(drill(former, revision, directory))
    sys.stdout.write(json.dumps({"from": commit, **result.to_dict()}, indent=2) + "\n")
    return 0 if result.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
