"""The images that `deploy/` names, and what its Dockerfile says."""

from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = ROOT / "deploy" / "Dockerfile"
COMPOSE: Final = ROOT / "deploy" / "compose.yaml"
OURS: Final = "fillwire:"


def compose_document() -> dict[str, Any]:
    """Return the compose file, its anchors resolved."""
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return document


def build_arguments() -> dict[str, str]:
    """Return the arguments of the Dockerfile with their defaults."""
    words = [line.split(maxsplit=1) for line in DOCKERFILE.read_text("utf-8").splitlines()]
    pairs = [
        line[1].partition("=") for line in words if len(line) > 1 and line[0] == "ARG" and "=" in line[1]
    ]
    return {name: value for name, _, value in pairs}


def named_images() -> list[str]:
    """Return every image that is not built here, with its tag: bases of the Dockerfile, and services of the compose file."""
    bases = {value for name, value in build_arguments().items() if name.endswith("_IMAGE")}
    services = {service["image"] for service in compose_document()["services"].values()}
    return sorted(bases | {image for image in services if not image.startswith(OURS)})
