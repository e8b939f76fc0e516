"""The image is built and the compose file's system tried, where an engine answers that has all images they are made of.

Nothing is pulled: who runs the tests decides what an engine holds. `deploy/stand_ins/images.py` makes stand-ins.
"""

import pytest

from deploy.composed import EngineError, docker, run
from deploy.images import DOCKERFILE, ROOT, named_images
from deploy.smoke import main

_TAG = "tests"  # not the one that a person may use at this moment
_BUILD_DEADLINE_S = 1_200.0
_NO_BUILDX_BEFORE = 23  # until then the client builds with BuildKit by itself


async def _engine(*arguments: str) -> str:
    return await run(*docker(), *arguments, deadline_s=20.0)


async def _obstacle() -> str | None:
    """Return what stands in the way, None if nothing does."""
    try:
        await _engine("info", "--format", "{{.ServerVersion}}")
        await _engine("compose", "version")
        client = await _engine("version", "--format", "{{.Client.Version}}")
        if int(client.split(".")[0]) >= _NO_BUILDX_BEFORE:
            await _engine("buildx", "version")
    except EngineError as error:
        return f"expected a Docker engine that answers, Compose and BuildKit: {str(error).splitlines()[0]}"
    missing = []
    for image in named_images():
        try:
            await _engine("image", "inspect", image)
        except EngineError:
            missing.append(image)
    return f"expected an engine that has {', '.join(missing)}: nothing is pulled here" if missing else None


@pytest.mark.slow
@pytest.mark.timeout(2_400)
async def test_the_image_is_built_and_the_system_of_the_compose_file_survives(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As `make image` and `make smoke` do it: every part ready, each execution told once, parts killed, nothing lost."""
    obstacle = await _obstacle()
    if obstacle is not None:
        pytest.skip(obstacle)
    arguments = ("--file", str(DOCKERFILE), "--target", "prod", "--tag", f"fillwire:{_TAG}")
    environ = {"DOCKER_BUILDKIT": "1"}
    await run(*docker(), "build", *arguments, str(ROOT), environ=environ, deadline_s=_BUILD_DEADLINE_S)
    status = await main(_TAG, keep=False)
    said = capfd.readouterr()
    assert status == 0, said.err
    assert "PostgreSQL holds each of" in said.out
