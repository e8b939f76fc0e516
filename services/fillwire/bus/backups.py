"""All streams and buckets in a directory: archives of the broker, and a list with their sizes and checksums."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from fillwire.bus import api
from fillwire.bus.buckets import BOOKS, BUCKETS, DECISIONS, POSITIONS
from fillwire.bus.connection import Bus
from fillwire.bus.dividing import require_division
from fillwire.bus.errors import ApiRefused
from fillwire.bus.partitions import LOG, Partitions, partitions_of
from fillwire.bus.snapshots import CHUNK_BYTES, State, restore_snapshot, take_snapshot
from fillwire.bus.streams import STREAMS, Manifest, divided
from fillwire.domain.errors import BrokerError, ConfigError

FORMAT = 1
LIST_NAME = "backup.json"
_UNDIVIDED = Partitions()
_FIRST = (BOOKS.stream, DECISIONS.stream, POSITIONS.stream)

Progress = Callable[[str, int], None]
"""Told of a stream's name, and how many bytes of its archive are done."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One stream of a backup.

    Attributes:
        name: of the stream; that of a bucket begins with `KV_`.
        size_bytes: of its file.
        sha256: of its file, in hexadecimal.
        config: of the stream, in the broker's own JSON.
        state: what it held when its archive was begun.
    """

    name: str
    size_bytes: int
    sha256: str
    config: Manifest
    state: State

    @property
    def file_name(self) -> str:
        """Name of its file in the backup's directory."""
        return f"{self.name}.archive"

    @property
    def message_count(self) -> int:
        """Messages that it held when its archive was begun."""
        return int(self.state["messages"])


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup: a directory that is there whole or not at all.

    Attributes:
        directory: where it is.
        made_ns: when its first archive was begun, by the clock of the machine that made it.
        archives: its streams, in the order in which they were read.
        partitions: of the log in it.
    """

    directory: Path
    made_ns: int
    archives: tuple[Archive, ...]
    partitions: Partitions


def stream_names(partitions: Partitions = _UNDIVIDED) -> list[str]:
    """Return the streams of a backup in the order in which they are read.

    A bot's book and its position stand for the log up to a sequence, and a decision for what was stored before it: so they are
    read before the streams that they speak of, and never know of more than these have.
    """
    names = [definition.name for definition in divided(STREAMS, partitions)]
    names += [definition.stream for definition in BUCKETS]
    return [*_FIRST, *(name for name in names if name not in _FIRST)]


async def make_backup(
    bus: Bus, directory: Path, version: str, progress: Progress = lambda _name, _bytes: None
) -> Backup:
    """Write all streams and buckets into a directory that does not exist yet, while everything goes on.

    Args:
        bus: the connection.
        directory: where; it appears when everything is in it and on disk.
        version: of the program, for people.
        progress: told how far it is.

    Raises:
        ConfigError: the directory exists, or cannot be written.
        BrokerError: the broker has no streams of ours, or an archive did not come to its end; nothing is left behind.
    """
    made_ns = time.time_ns()
    partial = _begun(directory)
    try:
        await require_division(bus, deletes=False)
        existing = await _existing(bus)
        if not existing:
            raise BrokerError("the broker has no stream of Fillwire: expected one where services have run")
        archives = [
            await _archive(bus, name, partial, progress)
            for name in stream_names(bus.partitions)
            if name in existing
        ]
        _finish(partial, directory, {"format": FORMAT, "made_ns": made_ns, "version": version}, archives)
    except OSError as error:
        raise ConfigError(f"cannot write backup {directory}: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Backup(directory, made_ns, tuple(archives), bus.partitions)


def read_backup(directory: Path, progress: Progress = lambda _name, _bytes: None) -> Backup:
    """Return the backup in a directory, each of its bytes read and compared with its checksum.

    Raises:
        ConfigError: there is none, it is of a newer version, or something of it is missing or altered.
    """
    path = directory / LIST_NAME
    try:
        document = orjson.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise ConfigError(
                f"backup {directory} has format {document['format']!r}: expected {FORMAT}, "
                "it was made by another version of Fillwire"
            )
        partitions = _partitions(document["streams"])
        archives = tuple(_archive_of(each, partitions) for each in document["streams"])
        made_ns = int(document["made_ns"])
    except OSError as error:
        raise ConfigError(
            f"{directory} is no backup: {LIST_NAME} cannot be read, {error.strerror}"
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"backup {directory} is broken: {path} is not what a backup writes") from error
    for archive in archives:
        _check(directory, archive, progress)
    return Backup(directory, made_ns, archives, partitions)


async def restore_backup(
    bus: Bus,
    backup: Backup,
    replicas: int,
    finish: Callable[[], Awaitable[None]],
    progress: Progress = lambda _name, _bytes: None,
) -> None:
    """Make the streams and buckets of a backup that was read with `read_backup`, on a broker that has none of them.

    Args:
        bus: the connection.
        backup: which.
        replicas: of each stream; what it had when it was archived is of that broker's cluster.
        finish: what else belongs to the restore; if it raises, nothing was restored.
        progress: told how far it is.

    Raises:
        ConfigError: the broker has one of the streams, or the log is divided otherwise than the settings say; nothing was
            touched.
        BrokerError: the broker refused an archive, or one of a stream that it got meanwhile, or did not answer; the
            streams that were made are deleted again, and no others.
    """
    if backup.partitions != bus.partitions:
        raise ConfigError(
            f"nats.partitions is {bus.partitions.count}: expected {backup.partitions.count}, "
            "as many as the log of order events has in the backup"
        )
    await require_division(bus)
    taken = sorted(await _existing(bus) & {archive.name for archive in backup.archives})
    if taken:
        raise ConfigError(
            f"the broker has stream {taken[0]} already: expected a broker without the streams of the backup, "
            "nothing is overwritten"
        )
    made: list[str] = []
    try:
        for archive in backup.archives:
            made.append(archive.name)
            config = archive.config | {"num_replicas": replicas}
            pieces = _pieces(backup.directory, archive, progress)
            try:
                state = await restore_snapshot(bus, archive.name, config, archive.state, pieces)
            except ApiRefused:
                made.pop()  # it was not made; if there is one of this name, a service that runs has made it meanwhile
                raise
            _require_whole(archive, state)
        await finish()
    except BaseException:
        for name in reversed(made):
            with suppress(BrokerError):  # it may not be there, and the first error is the one to tell
                await api.call(bus, f"STREAM.DELETE.{name}")
        raise


def _require_whole(archive: Archive, state: State) -> None:
    if state["last_seq"] < archive.state["last_seq"]:
        raise BrokerError(
            f"restored stream {archive.name} ends at sequence {state['last_seq']}: "
            f"expected at least {archive.state['last_seq']}"
        )


async def _existing(bus: Bus) -> set[str]:
    found = set[str]()
    while True:
        page = await api.call(bus, "STREAM.NAMES", {"offset": len(found)})
        names = page.get("streams") or []
        found.update(names)
        if not names or len(found) >= page["total"]:
            return found & set(stream_names(bus.partitions))


async def _archive(bus: Bus, name: str, directory: Path, progress: Progress) -> Archive:
    digest = hashlib.sha256()
    size = 0
    with (directory / f"{name}.archive").open("xb") as file:

        def write(piece: bytes) -> None:
            nonlocal size
            file.write(piece)
            digest.update(piece)
            size += len(piece)
            progress(name, size)

        config, state = await take_snapshot(bus, name, write)
        file.flush()
        os.fsync(file.fileno())
    progress(name, size)
    return Archive(name, size, digest.hexdigest(), config, state)


def _begun(directory: Path) -> Path:
    """Return a directory beside it, in which it is made."""
    if directory.exists():
        raise ConfigError(f"{directory} exists: expected a directory that is to be made")
    try:
        return Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    except OSError as error:
        raise ConfigError(f"cannot write into {directory.parent}: {error.strerror}") from error


def _finish(partial: Path, directory: Path, head: dict[str, Any], archives: list[Archive]) -> None:
    """Write the list, and give the directory its name when all of it is on disk."""
    streams = [
        {
            "name": archive.name,
            "bytes": archive.size_bytes,
            "sha256": archive.sha256,
            "config": archive.config,
            "state": archive.state,
        }
        for archive in archives
    ]
    with (partial / LIST_NAME).open("xb") as file:
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        file.write(orjson.dumps(head | {"streams": streams}, option=option))
        file.flush()
        os.fsync(file.fileno())
    _sync(partial)
    partial.rename(directory)
    _sync(directory.parent)


def _partitions(streams: list[Mapping[str, Any]]) -> Partitions:
    logs = [each["config"]["subjects"] for each in streams if str(each["name"]).startswith(LOG)]
    return partitions_of(logs[0]) if logs else Partitions()


def _archive_of(document: Mapping[str, Any], partitions: Partitions) -> Archive:
    name = document["name"]
    if name not in stream_names(partitions):
        raise ValueError(f"{name!r} is no stream of ours")
    config, state = document["config"], document["state"]
    int(state["messages"]), int(state["last_seq"])
    return Archive(name, int(document["bytes"]), str(document["sha256"]), dict(config), dict(state))


def _check(directory: Path, archive: Archive, progress: Progress) -> None:
    path = directory / archive.file_name
    digest = hashlib.sha256()
    try:
        found = path.stat().st_size
        if found != archive.size_bytes:
            raise ConfigError(
                f"backup {directory} is broken: {archive.file_name} has {found} bytes, expected {archive.size_bytes}"
            )
        for piece in _pieces(directory, archive, progress):
            digest.update(piece)
    except OSError as error:
        raise ConfigError(
            f"backup {directory} is broken: {archive.file_name} cannot be read, {error.strerror}"
        ) from error
    if digest.hexdigest() != archive.sha256:
        raise ConfigError(
            f"backup {directory} is broken: {archive.file_name} has another checksum than its list says"
        )


def _pieces(directory: Path, archive: Archive, progress: Progress) -> Iterator[bytes]:
    done = 0
    with (directory / archive.file_name).open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece
            done += len(piece)
            progress(archive.name, done)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
