"""The supervisor of the image's `dev` target, run as it runs there."""

import sys
from pathlib import Path

from deploy.images import ROOT
from support.eventually import eventually
from support.processes import python

RELOAD = ROOT / "deploy" / "image" / "reload.py"
# Says the word that its code holds, and on SIGTERM ends with a status of its own.
SERVICE = """
import signal, sys
signal.alarm(60)  # left behind by a supervisor that was killed, it ends by itself
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("{word}", sys.argv[1], flush=True)
while True:
    signal.pause()
"""


async def test_an_edit_starts_the_service_anew_and_sigterm_reaches_it(tmp_path: Path) -> None:
    """The new code runs with the same arguments; the end is the service's own, with its exit status."""
    folder = tmp_path / "services"
    folder.mkdir()
    service = folder / "service.py"
    service.write_text(SERVICE.format(word="first"))
    async with python(RELOAD, folder, sys.executable, service, "argument") as process:
        await process.said("first argument")
        service.write_text(SERVICE.format(word="second one"))
        await process.said("second one argument")
        assert [line for line in process.lines if line.startswith("first")] == ["first argument"]
        assert await process.end() == 7


async def test_a_service_that_fails_is_started_by_the_next_edit(tmp_path: Path) -> None:
    """A typing error ends the service, not the container."""
    folder = tmp_path / "services"
    folder.mkdir()
    service = folder / "service.py"
    service.write_text("this is no Python")
    async with python(RELOAD, folder, sys.executable, service, "again") as process:
        await eventually(lambda: any("SyntaxError" in line for line in process.errors), 20, "it failed")
        service.write_text(SERVICE.format(word="mended"))
        await process.said("mended again")
        assert await process.end() == 7


async def test_what_is_missing_is_said() -> None:
    """One sentence, and no traceback."""
    async with python(RELOAD, "/nowhere") as process:
        assert await process.ended() == 1
    assert process.errors == ["reload: expected a directory and a program"]
