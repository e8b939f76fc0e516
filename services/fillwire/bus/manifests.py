"""Writes the definitions of streams and buckets as files that `nats stream add --config` and people can read.

python -m fillwire.bus.manifests deploy/nats
"""

import json
import sys
from pathlib import Path

from fillwire.bus.buckets import bucket_manifests
from fillwire.bus.streams import stream_manifests
from fillwire.domain.errors import ConfigError

PRODUCTION_REPLICAS = 3


def write_manifests(directory: Path, replicas: int = PRODUCTION_REPLICAS) -> list[Path]:
    """Write `streams.json` and `buckets.json` and return their paths.

    Raises:
        ConfigError: the directory does not exist.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory} is no directory: expected the one that holds the broker's manifests")
    written = []
    for name, manifests in (
        ("streams.json", stream_manifests(replicas)),
        ("buckets.json", bucket_manifests(replicas)),
    ):
        path = directory / name
        path.write_text(json.dumps(manifests, indent=2) + "\n", encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    write_manifests(Path(sys.argv[1] if len(sys.argv) > 1 else "deploy/nats"))
