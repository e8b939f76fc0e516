"""Keep what a release writes and takes, so that every later one can be held to it.

python schemas/freeze.py 0.2.0
"""
# ruff: noqa: INP001 - a folder of documents with scripts, no package

import json
import re
import shutil
import sys
from pathlib import Path

from fillwire.bus.buckets import bucket_manifests
from fillwire.bus.streams import stream_manifests
from fillwire.runtime.settings import Settings

SCHEMAS = Path(__file__).parent
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_REPLICAS = 3


def freeze(version: str, schemas: Path = SCHEMAS) -> Path:
    """Write `released/<version>/` and return it.

    It holds the schemas, the channels, the examples as they are written, the streams and buckets in the broker's own
    JSON, and the JSON Schema of the settings.

    Raises:
        SystemExit: no version, or one that is kept already, which is never edited.
    """
    if not _VERSION.fullmatch(version):
        raise SystemExit(f"version is {version!r}: expected three numbers such as 0.2.0")
    directory = schemas / "released" / version
    if directory.exists():
        raise SystemExit(f"{directory} exists: what was released is never edited")
    for folder in ("events", "commands", "common"):
        shutil.copytree(schemas / folder, directory / folder)
    shutil.copy(schemas / "asyncapi.yaml", directory)
    for kind in sorted((schemas / "examples").iterdir()):
        lines = b"".join(path.read_bytes() for path in sorted(kind.glob("*.json")))
        (directory / f"{kind.name}.jsonl").write_bytes(lines)
    for name, document in (
        ("streams", stream_manifests(_REPLICAS)),
        ("buckets", bucket_manifests(_REPLICAS)),
        ("settings", Settings.model_json_schema()),
    ):
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (directory / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return directory


if __name__ == "__main__":
    print(freeze(sys.argv[1] if len(sys.argv) > 1 else ""))  # noqa: T201 - a script's answer
